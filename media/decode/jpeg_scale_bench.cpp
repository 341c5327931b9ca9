// Measures how small a JPEG may be decoded: for each rule "the smallest of these scales that leaves the
// shorter side so many pixels", how far the hash lies from the reference's way (every pixel decoded, colour
// and all), and what it costs. Prints the table of docs/media.md.
//
//   jpeg_scale_bench [--json] [--as-is] [FILE…]     default: Debian's mate-backgrounds and this tree's test
//   pictures
//
// Each file is tried as it is and, without --as-is and where it is large, also re-encoded at some smaller
// sizes.
#include "media/decode/jpeg.h"

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include <jpeglib.h>

namespace {

using namespace rushlight;
using namespace rushlight::media;
using Clock = std::chrono::steady_clock;

struct Sample {
    std::string file;
    std::uint32_t short_side = 0;
    double megapixels = 0;
    pdq::Result exact;
    // At 1, 2, 4 and 8 eighths.
    struct Tried {
        int distance = 0;
        int quality_off = 0;
        double milliseconds = 0;
    } tried[4];
};
constexpr int kScales[4] = {1, 2, 4, 8};

struct Colour {
    std::uint32_t width = 0, height = 0;
    int channels = 0;
    std::vector<std::uint8_t> pixels;
};

// Trusted files only: libjpeg's own handler ends the program on an error.
Colour decode_all(const std::string& file, int eighths) {
    Colour out;
    jpeg_decompress_struct jpeg{};
    jpeg_error_mgr errors{};
    jpeg.err = jpeg_std_error(&errors);
    jpeg_create_decompress(&jpeg);
    jpeg_mem_src(&jpeg, reinterpret_cast<const unsigned char*>(file.data()), file.size());
    jpeg_read_header(&jpeg, TRUE);
    if (jpeg.num_components == 4) {
        jpeg_destroy_decompress(&jpeg);
        return out;  // the reference reads no CMYK
    }
    out.channels = jpeg.num_components == 1 ? 1 : 3;
    jpeg.out_color_space = out.channels == 1 ? JCS_GRAYSCALE : JCS_RGB;
    jpeg.scale_num = static_cast<unsigned>(eighths);
    jpeg.scale_denom = 8;
    jpeg_start_decompress(&jpeg);
    out.width = jpeg.output_width;
    out.height = jpeg.output_height;
    const std::size_t stride = std::size_t{out.width} * static_cast<std::size_t>(out.channels);
    out.pixels.resize(stride * out.height);
    while (jpeg.output_scanline < jpeg.output_height) {
        JSAMPROW row = out.pixels.data() + jpeg.output_scanline * stride;
        jpeg_read_scanlines(&jpeg, &row, 1);
    }
    jpeg_finish_decompress(&jpeg);
    jpeg_destroy_decompress(&jpeg);
    return out;
}

std::string encode(const Colour& picture, bool progressive) {
    jpeg_compress_struct jpeg{};
    jpeg_error_mgr errors{};
    jpeg.err = jpeg_std_error(&errors);
    jpeg_create_compress(&jpeg);
    unsigned char* memory = nullptr;
    unsigned long size = 0;
    jpeg_mem_dest(&jpeg, &memory, &size);
    jpeg.image_width = picture.width;
    jpeg.image_height = picture.height;
    jpeg.input_components = picture.channels;
    jpeg.in_color_space = picture.channels == 1 ? JCS_GRAYSCALE : JCS_RGB;
    jpeg_set_defaults(&jpeg);
    jpeg_set_quality(&jpeg, 85, TRUE);
    if (progressive) jpeg_simple_progression(&jpeg);
    jpeg_start_compress(&jpeg, TRUE);
    const std::size_t stride = std::size_t{picture.width} * static_cast<std::size_t>(picture.channels);
    while (jpeg.next_scanline < jpeg.image_height) {
        auto* row = const_cast<JSAMPROW>(picture.pixels.data() + jpeg.next_scanline * stride);
        jpeg_write_scanlines(&jpeg, &row, 1);
    }
    jpeg_finish_compress(&jpeg);
    std::string out(reinterpret_cast<const char*>(memory), size);
    jpeg_destroy_compress(&jpeg);
    std::free(memory);
    return out;
}

class Hashes : public decode::Sink {
  public:
    void size(std::uint32_t, std::uint32_t) override {}
    bool frame(const pdq::Image& image, std::uint32_t, double) override {
        result = pdq::hash(image, scratch);
        return true;
    }
    pdq::Result result;
    pdq::Scratch scratch;
};

template <int kEighths>
int fixed(std::uint32_t, std::uint32_t) {
    return kEighths;
}

bool measure(const std::string& name, const std::string& file, bool copies, std::vector<Sample>& samples) {
    const Colour colour = decode_all(file, 8);
    if (colour.channels == 0) return false;
    pdq::Image image;
    image.pixels = colour.pixels.data();
    image.width = colour.width;
    image.height = colour.height;
    image.stride = std::size_t{colour.width} * static_cast<std::size_t>(colour.channels);
    image.layout = colour.channels == 1 ? pdq::Layout::grey8 : pdq::Layout::rgb8;
    Sample sample;
    sample.file = name;
    sample.short_side = std::min(colour.width, colour.height);
    sample.megapixels = colour.width * 1e-6 * colour.height;
    Hashes hashes;
    sample.exact = pdq::hash(image, hashes.scratch);
    static decode::Scratch scratch;
    constexpr int (*kFixed[4])(std::uint32_t, std::uint32_t) = {fixed<1>, fixed<2>, fixed<4>, fixed<8>};
    for (int i = 0; i < 4; ++i) {
        auto best = Clock::duration::max();
        for (int round = 0; round < 3; ++round) {
            const auto start = Clock::now();
            decode::Input input(bytes_of(file), scratch);
            const auto done = decode::decode_jpeg_at(input, {}, hashes, kFixed[i]);
            best = std::min(best, Clock::now() - start);
            if (!done) {
                std::fprintf(stderr, "%s: %s\n", name.c_str(), done.error().message.c_str());
                return false;
            }
        }
        sample.tried[i] = {distance(hashes.result.hash, sample.exact.hash),
                           std::abs(hashes.result.quality - sample.exact.quality),
                           std::chrono::duration<double, std::milli>(best).count()};
    }
    samples.push_back(sample);
    // Smaller copies: more shapes of the same subjects.
    if (copies && sample.megapixels > 1 && colour.width < 4000) {
        for (int eighths = 3; eighths <= 7; ++eighths) {
            measure(name + "@" + std::to_string(eighths) + "/8",
                    encode(decode_all(file, eighths), eighths % 2 == 0), false, samples);
        }
    }
    return true;
}

std::vector<std::string> default_files() {
    std::vector<std::string> files;
    for (const char* folder : {"/usr/share/backgrounds/mate", RUSHLIGHT_SOURCE_DIR "/media"}) {
        if (!std::filesystem::exists(folder)) continue;
        for (const auto& entry : std::filesystem::recursive_directory_iterator(folder)) {
            if (entry.path().extension() == ".jpg" &&
                entry.path().string().find("corpus") == std::string::npos) {
                files.push_back(entry.path());
            }
        }
    }
    std::sort(files.begin(), files.end());
    return files;
}

}  // namespace

int main(int argc, char** argv) {
    bool json = false;
    bool copies = true;
    std::vector<std::string> files;
    for (int i = 1; i < argc; ++i) {
        if (std::string_view(argv[i]) == "--json")
            json = true;
        else if (std::string_view(argv[i]) == "--as-is")
            copies = false;
        else
            files.emplace_back(argv[i]);
    }
    if (files.empty()) files = default_files();
    std::vector<Sample> samples;
    for (const std::string& path : files) {
        std::ifstream in(path, std::ios::binary);
        const std::string file((std::istreambuf_iterator<char>(in)), {});
        measure(std::filesystem::path(path).filename(), file, copies, samples);
    }
    std::erase_if(samples, [](const Sample& s) { return s.exact.quality < 80; });
    if (samples.empty()) {
        std::fprintf(stderr, "no pictures: install mate-backgrounds, or name JPEG files\n");
        return 1;
    }
    if (!json) {
        std::printf(
            "%zu JPEG pictures of quality 80 or more; distance of each rule's hash to the exact one's\n\n",
            samples.size());
        std::printf(
            "| shorter side at least | decoded at 1/8, 2/8, 4/8, 8/8 | largest distance | over 10 | mean | "
            "largest change of quality | ms a picture |\n");
        std::printf("|---|---|---|---|---|---|---|\n");
    }
    for (const std::uint32_t side :
         {0u, 64u, 96u, 128u, 160u, 192u, 224u, 256u, 320u, 384u, 512u, 100'000u}) {
        int uses[4] = {};
        int most = 0;
        int over = 0;
        int quality = 0;
        double sum = 0;
        double time = 0;
        for (const Sample& sample : samples) {
            int i = 0;
            while (i < 3 && sample.short_side * static_cast<std::uint64_t>(kScales[i]) / 8 < side) ++i;
            ++uses[i];
            const auto& tried = sample.tried[i];
            most = std::max(most, tried.distance);
            over += tried.distance > 10 ? 1 : 0;
            quality = std::max(quality, tried.quality_off);
            sum += tried.distance;
            time += tried.milliseconds;
        }
        const double count = static_cast<double>(samples.size());
        if (json) {
            std::printf(
                "{\"bench\":\"jpeg_scale\",\"short_side\":%u,\"pictures\":%zu,\"eighths\":[%d,%d,%d,%d],"
                "\"max_distance\":%d,\"over_10\":%d,\"mean_distance\":%.2f,\"quality_change\":%d,\"ms\":%.2f}"
                "\n",
                side, samples.size(), uses[0], uses[1], uses[2], uses[3], most, over, sum / count, quality,
                time / count);
        } else {
            std::printf("| %s | %d, %d, %d, %d | %d | %d | %.2f | %d | %.2f |\n",
                        side == 0         ? "any"
                        : side == 100'000 ? "always whole"
                                          : std::to_string(side).c_str(),
                        uses[0], uses[1], uses[2], uses[3], most, over, sum / count, quality, time / count);
        }
    }
    if (json) return 0;
    std::printf("\nWorst at each scale:\n");
    for (int i = 0; i < 4; ++i) {
        std::sort(samples.begin(), samples.end(), [i](const Sample& a, const Sample& b) {
            return a.tried[i].distance > b.tried[i].distance;
        });
        std::printf("  %d/8:", kScales[i]);
        int shown = 0;
        for (const Sample& sample : samples) {
            if (sample.short_side * static_cast<std::uint64_t>(kScales[i]) / 8 < 128 || ++shown > 6) continue;
            std::printf("  %s (shorter side %u): %d", sample.file.c_str(), sample.short_side,
                        sample.tried[i].distance);
        }
        std::printf("\n");
    }
}
