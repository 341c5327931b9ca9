#include "media/decode/jpeg.h"

#include "base/text.h"
#include "media/decode/jpeg_scans.h"
#include "media/decode/testing.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdlib>
#include <map>
#include <sstream>

#include <gtest/gtest.h>
#include <jpeglib.h>

namespace rushlight::media::decode {
namespace {

using namespace testing;

struct Expected {
    std::string file, pdq;
    std::uint32_t width, height;
    int quality;
};

std::vector<Expected> expected_jpegs() {
    std::vector<Expected> all;
    std::istringstream lines(testdata("images.csv"));
    std::string line;
    while (std::getline(lines, line)) {
        const auto fields = split(line, ',');
        if (fields.size() < 6 || !fields[0].ends_with(".jpg")) continue;
        all.push_back({std::string(fields[0]), std::string(fields[4]),
                       static_cast<std::uint32_t>(parse_integer(fields[1]).value_or(0)),
                       static_cast<std::uint32_t>(parse_integer(fields[2]).value_or(0)),
                       static_cast<int>(parse_integer(fields[5]).value_or(0))});
    }
    return all;
}

// ---- pictures made here

enum class Colours { grey, ycc, rgb, cmyk, ycck };
struct Make {
    Colours colours = Colours::ycc;
    bool progressive = false;
    bool scan_a_colour = false;
    bool arithmetic = false;
    int restart_rows = 0;
    int restart_units = 0;
    int quality = 90;
    int across = 2, down = 2;  // luma's sampling factors
};

// Noise on five scales, as a photograph has structure on all of them, with some colour.
std::array<int, 3> pixel(int x, int y, int width, int height) {
    const auto lattice = [](int u, int v, int octave) {
        auto bits = static_cast<std::uint32_t>(u) * 73'856'093u ^
                    static_cast<std::uint32_t>(v) * 19'349'663u ^
                    static_cast<std::uint32_t>(octave) * 83'492'791u;
        bits = (bits ^ bits >> 15) * 0x2c1b3c6du;
        return static_cast<double>((bits ^ bits >> 13) & 1023) / 1023 - 0.5;
    };
    double light = 128;
    for (int octave = 0; octave < 5; ++octave) {
        const double cells = 4 << octave;
        const double u = cells * x / width;
        const double v = cells * y / height;
        const int i = static_cast<int>(u);
        const int j = static_cast<int>(v);
        const double top = std::lerp(lattice(i, j, octave), lattice(i + 1, j, octave), u - i);
        const double bottom = std::lerp(lattice(i, j + 1, octave), lattice(i + 1, j + 1, octave), u - i);
        light += 110 * std::lerp(top, bottom, v - j) / (1 + 0.5 * octave);
    }
    const double tint = 30 * lattice(x * 4 / width, y * 4 / height, 7);
    const auto cut = [](double value) { return static_cast<int>(std::clamp(value, 0.0, 255.0)); };
    return {cut(light + tint), cut(light), cut(light - tint)};
}

// RGB; each size is made once.
const std::vector<std::uint8_t>& pixels_of(int width, int height) {
    static std::map<std::pair<int, int>, std::vector<std::uint8_t>> made;
    auto& pixels = made[{width, height}];
    if (pixels.empty()) {
        for (int y = 0; y < height; ++y) {
            for (int x = 0; x < width; ++x) {
                for (const int part : pixel(x, y, width, height))
                    pixels.push_back(static_cast<std::uint8_t>(part));
            }
        }
    }
    return pixels;
}

std::string make(int width, int height, Make how) {
    jpeg_compress_struct jpeg{};
    jpeg_error_mgr errors{};
    jpeg.err = jpeg_std_error(&errors);
    jpeg_create_compress(&jpeg);
    unsigned char* memory = nullptr;
    unsigned long size = 0;
    jpeg_mem_dest(&jpeg, &memory, &size);
    const bool ink = how.colours == Colours::cmyk || how.colours == Colours::ycck;
    jpeg.image_width = static_cast<JDIMENSION>(width);
    jpeg.image_height = static_cast<JDIMENSION>(height);
    jpeg.input_components = ink ? 4 : 3;
    jpeg.in_color_space = ink ? JCS_CMYK : JCS_RGB;
    jpeg_set_defaults(&jpeg);
    const std::map<Colours, J_COLOR_SPACE> kSpaces = {{Colours::grey, JCS_GRAYSCALE},
                                                      {Colours::ycc, JCS_YCbCr},
                                                      {Colours::rgb, JCS_RGB},
                                                      {Colours::cmyk, JCS_CMYK},
                                                      {Colours::ycck, JCS_YCCK}};
    jpeg_set_colorspace(&jpeg, kSpaces.at(how.colours));
    jpeg_set_quality(&jpeg, how.quality, TRUE);
    if (how.colours == Colours::ycc) {
        jpeg.comp_info[0].h_samp_factor = how.across;
        jpeg.comp_info[0].v_samp_factor = how.down;
    }
    jpeg.restart_interval = static_cast<unsigned>(how.restart_units);
    static const jpeg_scan_info kScans[] = {
        {1, {0}, 0, 63, 0, 0}, {1, {1}, 0, 63, 0, 0}, {1, {2}, 0, 63, 0, 0}};
    if (how.scan_a_colour) {
        jpeg.scan_info = kScans;
        jpeg.num_scans = 3;
    }
    if (how.progressive) jpeg_simple_progression(&jpeg);
    jpeg.arith_code = how.arithmetic ? TRUE : FALSE;
    jpeg.restart_in_rows = how.restart_rows;
    jpeg_start_compress(&jpeg, TRUE);
    std::vector<unsigned char> row(static_cast<std::size_t>(width) * 4);
    const std::uint8_t* from = pixels_of(width, height).data();
    for (int y = 0; y < height; ++y) {
        unsigned char* to = row.data();
        for (int x = 0; x < width; ++x, from += 3) {
            to = std::copy_n(from, 3, to);
            if (ink) *to++ = 255;  // as Adobe's files have it: no black
        }
        JSAMPROW line = row.data();
        jpeg_write_scanlines(&jpeg, &line, 1);
    }
    jpeg_finish_compress(&jpeg);
    std::string file(reinterpret_cast<const char*>(memory), size);
    jpeg_destroy_compress(&jpeg);
    std::free(memory);
    return file;
}

template <int kEighths>
int fixed(std::uint32_t, std::uint32_t) {
    return kEighths;
}
template <int kEighths>
Outcome at(Input& input, const Limits& limits, Sink& sink) {
    return decode_jpeg_at(input, limits, sink, fixed<kEighths>);
}

Pdq exact(int width, int height) {
    pdq::Image image;
    image.pixels = pixels_of(width, height).data();
    image.width = static_cast<std::uint32_t>(width);
    image.height = static_cast<std::uint32_t>(height);
    image.stride = static_cast<std::size_t>(width) * 3;
    pdq::Scratch scratch;
    return pdq::hash(image, scratch).hash;
}

// ---- conformance

TEST(Jpeg, LiesWithinTheBoundsOfTheReferencesValues) {
    int pictures = 0;
    int sum = 0;
    for (const Expected& expected : expected_jpegs()) {
        const std::string file = testdata("images/" + expected.file);
        if (file.empty()) continue;  // the repository holds a part of the pictures that the table names
        const Decoded decoded = decode_bytes(decode_jpeg, file);
        ASSERT_FALSE(decoded.problem) << expected.file << ": " << decoded.problem->message;
        EXPECT_EQ(decoded.width, expected.width) << expected.file;
        EXPECT_EQ(decoded.height, expected.height) << expected.file;
        if (expected.pdq.empty() || expected.quality < 80) continue;
        const int off = distance(decoded.pdq(), *Pdq::parse(expected.pdq));
        EXPECT_LE(off, 10) << expected.file;
        EXPECT_NEAR(decoded.frames.front().quality, expected.quality, 8) << expected.file;
        sum += off;
        ++pictures;
    }
    EXPECT_GT(pictures, 60);
    EXPECT_LE(sum, 2 * pictures) << "the mean distance is over 2";
}

TEST(Jpeg, InkLiesNearItsTwinOfLight) {
    int pairs = 0;
    for (const Expected& expected : expected_jpegs()) {
        const std::size_t mark = expected.file.find("~cmyk");
        if (mark == std::string::npos) continue;
        const std::string twin = expected.file.substr(0, mark) + ".jpg";
        if (testdata("images/" + expected.file).empty()) continue;
        const Pdq ink = decode_bytes(decode_jpeg, testdata("images/" + expected.file)).pdq();
        const Pdq light = decode_bytes(decode_jpeg, testdata("images/" + twin)).pdq();
        EXPECT_LE(distance(ink, light), 10) << expected.file;
        ++pairs;
    }
    EXPECT_GT(pairs, 0);
    for (const Colours colours : {Colours::cmyk, Colours::ycck}) {
        const auto decoded = decode_bytes(decode_jpeg, make(700, 400, {.colours = colours}));
        ASSERT_FALSE(decoded.problem);
        EXPECT_LE(distance(decoded.pdq(), exact(700, 400)), 10);
    }
}

TEST(Jpeg, EveryWayOfStoringGivesTheSamePicture) {
    const Pdq original = exact(1100, 1030);
    const Make ways[] = {{.colours = Colours::grey},
                         {.colours = Colours::ycc},
                         {.colours = Colours::rgb},
                         {.progressive = true},
                         {.colours = Colours::rgb, .progressive = true},
                         {.colours = Colours::grey, .progressive = true},
                         {.colours = Colours::cmyk, .progressive = true},
                         {.scan_a_colour = true},
                         {.arithmetic = true},
                         {.progressive = true, .arithmetic = true},
                         {.restart_rows = 3},
                         {.progressive = true, .restart_rows = 2}};
    int way = 0;
    for (const Make& how : ways) {
        const std::string file = make(1100, 1030, how);
        const Decoder scales[] = {decode_jpeg, at<1>, at<2>, at<3>, at<4>, at<6>, at<8>};
        for (const Decoder decoder : scales) {
            const auto decoded = decode_bytes(decoder, file);
            ASSERT_FALSE(decoded.problem) << way << ": " << decoded.problem->message;
            ASSERT_EQ(decoded.frames.size(), 1u);
            EXPECT_EQ(decoded.width, 1100u);
            EXPECT_LE(distance(decoded.pdq(), original), 10)
                << way << " at width " << decoded.frames[0].width;
        }
        ++way;
    }
}

TEST(Jpeg, DecodesLargePicturesSmallAndSmallOnesWhole) {
    const auto width = [](int w, int h) {
        return decode_bytes(decode_jpeg, make(w, h, {})).frames.at(0).width;
    };
    EXPECT_EQ(width(300, 200), 300u);
    EXPECT_EQ(width(511, 700), 511u);
    EXPECT_EQ(width(512, 700), 256u);
    EXPECT_EQ(width(1024, 1030), 256u);
    EXPECT_EQ(jpeg_eighths(2048, 2048), 1);
    EXPECT_EQ(jpeg_eighths(65'500, 1), 8);
}

// ---- the short way to the means of blocks

class Pixels : public Sink {
  public:
    void size(std::uint32_t, std::uint32_t) override {}
    bool frame(const pdq::Image& image, std::uint32_t, double) override {
        pixels.assign(image.pixels, image.pixels + image.stride * image.height);
        return true;
    }
    std::vector<std::uint8_t> pixels;
};

std::vector<std::uint8_t> by_library(const std::string& file, unsigned eighths) {
    jpeg_decompress_struct jpeg{};
    jpeg_error_mgr errors{};
    jpeg.err = jpeg_std_error(&errors);
    errors.output_message = [](j_common_ptr) {};  // about files broken on purpose
    jpeg_create_decompress(&jpeg);
    jpeg_mem_src(&jpeg, reinterpret_cast<const unsigned char*>(file.data()), file.size());
    jpeg_read_header(&jpeg, TRUE);
    jpeg.out_color_space = JCS_GRAYSCALE;
    jpeg.scale_num = eighths;
    jpeg.scale_denom = 8;
    jpeg_start_decompress(&jpeg);
    std::vector<std::uint8_t> pixels(std::size_t{jpeg.output_width} * jpeg.output_height);
    while (jpeg.output_scanline < jpeg.output_height) {
        JSAMPROW row = pixels.data() + std::size_t{jpeg.output_scanline} * jpeg.output_width;
        jpeg_read_scanlines(&jpeg, &row, 1);
    }
    jpeg_destroy_decompress(&jpeg);
    return pixels;
}

template <int kEighths>
std::vector<std::uint8_t> by_us(const std::string& file) {
    Scratch scratch;
    Input input(bytes_of(file), scratch);
    Pixels pixels;
    const auto done = decode_jpeg_at(input, {}, pixels, fixed<kEighths>);
    EXPECT_TRUE(done);
    return pixels.pixels;
}

TEST(JpegMeans, AreTheLibrarysAtAnEighthAndNearThemAtAQuarter) {
    const Make ways[] = {{},
                         {.colours = Colours::grey},
                         {.across = 1, .down = 1},
                         {.across = 2, .down = 1},
                         {.across = 1, .down = 2},
                         {.across = 4, .down = 1},
                         {.across = 4, .down = 2},
                         {.restart_rows = 1},
                         {.restart_units = 1},
                         {.restart_units = 7, .across = 1, .down = 1},
                         {.quality = 100},
                         {.quality = 100, .across = 1, .down = 1},
                         {.quality = 5}};
    for (const auto& [width, height] : {std::pair{333, 250}, {8, 8}, {9, 1}, {1, 17}, {640, 64}}) {
        int way = 0;
        for (const Make& how : ways) {
            const std::string file = make(width, height, how);
            EXPECT_EQ(by_us<1>(file), by_library(file, 1)) << way << ": " << width << "x" << height;
            const auto ours = by_us<2>(file);
            const auto theirs = by_library(file, 2);
            ASSERT_EQ(ours.size(), theirs.size());
            double sum = 0;
            for (std::size_t i = 0; i < ours.size(); ++i) {
                const int off = std::abs(ours[i] - theirs[i]);
                EXPECT_LE(off, 40) << way << ": " << width << "x" << height;
                sum += off;
            }
            EXPECT_LE(sum / static_cast<double>(ours.size()), 4) << way << ": " << width << "x" << height;
            ++way;
        }
    }
}

TEST(JpegMeans, LeaveABrokenFileToTheLibrary) {
    // What libjpeg makes of data with a byte changed is what comes out, whichever way was tried first.
    const std::string file = make(333, 250, {.restart_rows = 2});
    const std::size_t data = file.find("\xff\xda") + 14;
    std::uint32_t random = 7;
    int compared = 0;
    for (int round = 0; round < 300; ++round) {
        std::string broken = file;
        random = random * 1'664'525 + 1'013'904'223;
        broken[data + random % (file.size() - data - 2)] = static_cast<char>(random >> 24);
        Scratch scratch;
        Input input(bytes_of(broken), scratch);
        Pixels pixels;
        if (!decode_jpeg_at(input, {}, pixels, fixed<1>)) continue;
        EXPECT_EQ(pixels.pixels, by_library(broken, 1)) << round;
        ++compared;
    }
    EXPECT_GT(compared, 100);
}

// ---- scans

TEST(JpegScans, LeavesOutWhatASmallPictureDoesNotNeed) {
    const std::string file = make(1100, 1030, {.progressive = true});
    const auto kept = [&](int eighths, bool luma_only) {
        std::size_t bytes = 0;
        const auto scans = jpeg_scans(bytes_of(file), eighths, luma_only);
        EXPECT_TRUE(scans.complete);
        for (const Bytes piece : scans.pieces) bytes += piece.size();
        return static_cast<double>(bytes) / static_cast<double>(file.size());
    };
    EXPECT_LT(kept(1, true), 0.5);
    EXPECT_LT(kept(2, true), 0.8);
    EXPECT_LT(kept(8, true), 1.0) << "chroma";
    EXPECT_EQ(kept(8, false), 1.0);
    EXPECT_LT(kept(1, true), kept(2, true));
    EXPECT_LE(kept(1, true), kept(1, false));
}

TEST(JpegScans, WhatIsKeptDecodesToTheSameEighth) {
    // Only means of blocks are looked at, so leaving the rest out changes nothing at all.
    for (const Make& how : {Make{.progressive = true}, Make{.scan_a_colour = true}}) {
        const std::string file = make(900, 700, how);
        std::string shorter;
        for (const Bytes piece : jpeg_scans(bytes_of(file), 1, true).pieces) shorter += text_of(piece);
        EXPECT_LT(shorter.size(), file.size());
        EXPECT_EQ(decode_bytes(at<1>, shorter).pdq().hex(), decode_bytes(at<1>, file).pdq().hex());
    }
}

TEST(JpegScans, AnythingElseIsOnePieceOrFails) {
    const std::string file = make(300, 200, {});
    const auto scans = jpeg_scans(bytes_of(file), 1, true);
    ASSERT_EQ(scans.pieces.size(), 1u);
    EXPECT_EQ(scans.pieces[0].size(), file.size());
    EXPECT_FALSE(jpeg_scans(bytes_of(file.substr(0, file.size() - 2)), 1, true).complete);
    for (std::size_t size = 0; size < 64; ++size) jpeg_scans(bytes_of(std::string(size, '\xff')), 1, true);
    EXPECT_TRUE(jpeg_scans({}, 1, true).pieces.empty());
}

// ---- broken files

TEST(Jpeg, AFileThatEndsEarlyIsTruncated) {
    for (const Make& how :
         {Make{}, Make{.progressive = true}, Make{.scan_a_colour = true}, Make{.restart_rows = 1},
          Make{.arithmetic = true}, Make{.colours = Colours::cmyk}}) {
        const std::string file = make(1100, 1030, how);
        for (const double share : {0.001, 0.02, 0.3, 0.6, 0.95}) {
            const auto size = static_cast<std::size_t>(static_cast<double>(file.size()) * share);
            const auto decoded = decode_bytes(decode_jpeg, file.substr(0, size));
            EXPECT_EQ(decoded.reason(), Reason::truncated)
                << share << (how.progressive ? " progressive" : "");
            EXPECT_TRUE(decoded.frames.empty());
        }
    }
}

TEST(Jpeg, AMissingEndMarkIsForgivenWhereThePictureIsThere) {
    const std::string file = make(600, 500, {});
    const auto decoded = decode_bytes(decode_jpeg, file.substr(0, file.size() - 2));
    EXPECT_FALSE(decoded.problem);
    EXPECT_EQ(decoded.pdq(), decode_bytes(decode_jpeg, file).pdq());
}

TEST(Jpeg, BytesBehindTheEndDoNotMatter) {
    const std::string file = make(600, 500, {.progressive = true});
    EXPECT_EQ(decode_bytes(decode_jpeg, file + std::string(5000, 'x')).pdq(),
              decode_bytes(decode_jpeg, file).pdq());
}

TEST(Jpeg, RefusesMoreThanItsLimits) {
    const std::string file = make(600, 500, {});
    Limits limits;
    limits.pixels = 299'999;
    const auto decoded = decode_bytes(decode_jpeg, file, limits);
    EXPECT_EQ(decoded.reason(), Reason::too_large);
    EXPECT_TRUE(decoded.frames.empty());
}

TEST(Jpeg, RefusesScansWithoutEnd) {
    // The first refining scan of a progressive file, said a thousand times: cheap to store, dear to decode.
    const std::string file = make(64, 64, {.colours = Colours::grey, .progressive = true});
    std::size_t last = file.rfind("\xff\xda");
    const std::string scan = file.substr(last, file.size() - 2 - last);
    std::string bomb = file.substr(0, file.size() - 2);
    for (int i = 0; i < 1000; ++i) bomb += scan;
    const auto decoded = decode_bytes(at<8>, bomb + "\xff\xd9");
    // By their number, or because what they refine has been refined already.
    ASSERT_TRUE(decoded.problem);
    EXPECT_TRUE(decoded.reason() == Reason::too_large || decoded.reason() == Reason::corrupt)
        << decoded.problem->message;
    EXPECT_TRUE(decoded.frames.empty());
}

TEST(Jpeg, SaysWhatItDoesNotRead) {
    std::string twelve_bits = make(64, 64, {});
    twelve_bits[twelve_bits.find("\xff\xc0") + 4] = 12;
    EXPECT_EQ(decode_bytes(decode_jpeg, twelve_bits).reason(), Reason::unsupported);
    std::string lossless = make(64, 64, {});
    lossless[lossless.find("\xff\xc0") + 1] = '\xc3';
    EXPECT_EQ(decode_bytes(decode_jpeg, lossless).reason(), Reason::unsupported);
    EXPECT_EQ(decode_bytes(decode_jpeg, "\xff\xd8\xff\xe0 no picture at all").reason(), Reason::truncated);
    EXPECT_EQ(decode_bytes(decode_jpeg, "").reason(), Reason::empty);
    EXPECT_EQ(decode_bytes(decode_jpeg, "GIF89a").reason(), Reason::corrupt);
}

TEST(Jpeg, AnyBytesGiveAPictureOrAReason) {
    const std::string files[] = {make(160, 120, {}), make(160, 120, {.progressive = true}),
                                 make(160, 120, {.scan_a_colour = true, .restart_rows = 1}),
                                 make(160, 120, {.colours = Colours::ycck})};
    std::uint32_t random = 1;
    const auto next = [&] { return random = random * 1'664'525 + 1'013'904'223; };
    int read = 0;
    for (int round = 0; round < 2000; ++round) {
        std::string file = files[next() % 4];
        for (std::uint32_t flips = next() % 8; flips > 0; --flips)
            file[next() % file.size()] = static_cast<char>(next() >> 24);
        if (next() % 4 == 0) file.resize(next() % file.size());
        const auto decoded = decode_bytes(round % 2 == 0 ? decode_jpeg : at<1>, file, {.pixels = 1'000'000});
        EXPECT_EQ(decoded.frames.empty(), decoded.problem.has_value());
        read += decoded.problem ? 0 : 1;
    }
    EXPECT_GT(read, 0);
}

}  // namespace
}  // namespace rushlight::media::decode
