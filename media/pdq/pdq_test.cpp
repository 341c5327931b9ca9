#include "media/pdq/pdq.h"

#include "base/text.h"
#include "media/pdq/stages.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <fstream>
#include <random>
#include <sstream>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace rushlight::media::pdq {
namespace {

const std::string kData = RUSHLIGHT_SOURCE_DIR "/media/pdq/testdata/";

struct Picture {
    std::uint32_t width = 0;
    std::uint32_t height = 0;
    int channels = 3;
    std::vector<std::uint8_t> pixels;

    Image image() const {
        const Layout layout = channels == 1 ? Layout::grey8 : channels == 3 ? Layout::rgb8 : Layout::rgba8;
        Image image;
        image.pixels = pixels.data();
        image.width = width;
        image.height = height;
        image.stride = std::size_t{width} * static_cast<std::size_t>(channels);
        image.layout = layout;
        return image;
    }
    std::uint8_t* at(std::uint32_t x, std::uint32_t y) {
        return pixels.data() + (std::size_t{y} * width + x) * static_cast<std::size_t>(channels);
    }
    const std::uint8_t* at(std::uint32_t x, std::uint32_t y) const {
        return const_cast<Picture*>(this)->at(x, y);
    }
};

Picture blank(std::uint32_t width, std::uint32_t height, int channels) {
    return {width, height, channels, std::vector<std::uint8_t>(std::size_t{width} * height * channels)};
}

std::string slurp(const std::string& path) {
    std::ifstream in(path, std::ios::binary);
    std::stringstream text;
    text << in.rdbuf();
    return text.str();
}

// The test data are 24-bit bitmaps, bottom row first.
Picture read_bitmap(const std::string& path) {
    const std::string file = slurp(path);
    const auto number = [&](std::size_t at) {
        std::uint32_t value = 0;
        std::memcpy(&value, file.data() + at, 4);
        return value;
    };
    Picture picture = blank(number(18), number(22), 3);
    const std::size_t stride = (picture.width * 3 + 3) / 4 * 4;
    for (std::uint32_t y = 0; y < picture.height; ++y) {
        const char* row = file.data() + number(10) + (picture.height - 1 - y) * stride;
        for (std::uint32_t x = 0; x < picture.width; ++x) {
            for (int c = 0; c < 3; ++c) picture.at(x, y)[c] = static_cast<std::uint8_t>(row[x * 3 + 2 - c]);
        }
    }
    return picture;
}

Picture noise(std::uint32_t width, std::uint32_t height, int channels, unsigned seed) {
    Picture picture = blank(width, height, channels);
    std::minstd_rand random(seed);
    for (auto& byte : picture.pixels) byte = static_cast<std::uint8_t>(random() >> 8);
    return picture;
}

// Something with structure on all scales, as a photograph has: a sum of plane waves and a few hard-edged
// discs.
Picture scene(std::uint32_t width, std::uint32_t height, unsigned seed) {
    std::mt19937 random(seed);
    std::uniform_real_distribution<double> any(0, 1);
    struct Wave {
        double x, y, phase, size;
    };
    std::vector<Wave> waves;
    for (int i = 0; i < 24; ++i) {
        const double f = 1 + 40 * any(random) * any(random);
        const double direction = 6.2832 * any(random);
        waves.push_back(
            {f * std::cos(direction), f * std::sin(direction), 6.2832 * any(random), 40 / (1 + f / 4)});
    }
    std::vector<std::array<double, 4>> discs;
    for (int i = 0; i < 12; ++i)
        discs.push_back({any(random), any(random), 0.15 * any(random), 120 * any(random) - 60});
    // sin(a + b) = sin a cos b + cos a sin b: four tables a wave in place of a sine a pixel.
    std::vector<float> value(std::size_t{width} * height, 128);
    for (const Wave& w : waves) {
        std::vector<float> sx(width), cx(width);
        for (std::uint32_t x = 0; x < width; ++x) {
            sx[x] = static_cast<float>(w.size * std::sin(6.2832 * w.x * (x + 0.5) / width + w.phase));
            cx[x] = static_cast<float>(w.size * std::cos(6.2832 * w.x * (x + 0.5) / width + w.phase));
        }
        for (std::uint32_t y = 0; y < height; ++y) {
            const auto sy = static_cast<float>(std::sin(6.2832 * w.y * (y + 0.5) / height));
            const auto cy = static_cast<float>(std::cos(6.2832 * w.y * (y + 0.5) / height));
            float* row = value.data() + std::size_t{y} * width;
            for (std::uint32_t x = 0; x < width; ++x) row[x] += sx[x] * cy + cx[x] * sy;
        }
    }
    Picture picture = blank(width, height, 1);
    for (std::uint32_t y = 0; y < height; ++y) {
        for (std::uint32_t x = 0; x < width; ++x) {
            const double u = (x + 0.5) / width;
            const double v = (y + 0.5) / height;
            double bright = value[std::size_t{y} * width + x];
            for (const auto& d : discs) {
                if ((u - d[0]) * (u - d[0]) + (v - d[1]) * (v - d[1]) < d[2] * d[2]) bright += d[3];
            }
            *picture.at(x, y) = static_cast<std::uint8_t>(std::clamp(bright, 0.0, 255.0));
        }
    }
    return picture;
}

// Pixel (x, y) of the result is the pixel where `from` says.
template <class From>
Picture rearranged(const Picture& picture, bool swap_sides, From from) {
    Picture out = swap_sides ? blank(picture.height, picture.width, picture.channels)
                             : blank(picture.width, picture.height, picture.channels);
    for (std::uint32_t y = 0; y < out.height; ++y) {
        for (std::uint32_t x = 0; x < out.width; ++x) {
            const auto [sx, sy] = from(x, y);
            std::memcpy(out.at(x, y), picture.at(sx, sy), static_cast<std::size_t>(picture.channels));
        }
    }
    return out;
}

std::array<Picture, 7> really_turned(const Picture& p) {
    using Place = std::pair<std::uint32_t, std::uint32_t>;
    const std::uint32_t w = p.width - 1;
    const std::uint32_t h = p.height - 1;
    return {rearranged(p, true, [&](auto x, auto y) { return Place{w - y, x}; }),
            rearranged(p, false, [&](auto x, auto y) { return Place{w - x, h - y}; }),
            rearranged(p, true, [&](auto x, auto y) { return Place{y, h - x}; }),
            rearranged(p, false, [&](auto x, auto y) { return Place{x, h - y}; }),
            rearranged(p, false, [&](auto x, auto y) { return Place{w - x, y}; }),
            rearranged(p, true, [&](auto x, auto y) { return Place{y, x}; }),
            rearranged(p, true, [&](auto x, auto y) { return Place{w - y, h - x}; })};
}

TEST(Pdq, IsTheReferencesOwnValue) {
    std::istringstream lines(slurp(kData + "expected.csv"));
    std::string line;
    std::getline(lines, line);
    int files = 0;
    Scratch scratch;
    while (std::getline(lines, line)) {
        const auto fields = split(line, ',');
        ASSERT_EQ(fields.size(), 7u);
        const Picture picture = read_bitmap(kData + std::string(fields[0]));
        Dihedral dihedral;
        const Result result = hash(picture.image(), scratch, &dihedral);
        EXPECT_EQ(result.hash.hex(), fields[4]) << fields[0];
        EXPECT_EQ(std::to_string(result.quality), fields[5]) << fields[0];
        std::vector<std::string> turned;
        for (const Pdq& each : dihedral) turned.push_back(each.hex());
        EXPECT_THAT(turned, testing::ElementsAreArray(split(trim(fields[6]), ' '))) << fields[0];
        ++files;
    }
    EXPECT_EQ(files, 3);
}

struct Size {
    std::uint32_t width, height;
};
class EveryKernel : public testing::TestWithParam<Size> {};

TEST_P(EveryKernel, GivesTheSameBits) {
    const auto [width, height] = GetParam();
    Scratch scratch;
    for (const int channels : {1, 3, 4}) {
        for (unsigned seed = 1; seed <= 3; ++seed) {
            const Picture picture = noise(width, height, channels, seed);
            Dihedral expected_turned;
            const Result expected = hash_with(kPlainKernels, picture.image(), scratch, &expected_turned);
            for (const Kernels* kernel : kernels()) {
                Dihedral turned;
                const Result result = hash_with(*kernel, picture.image(), scratch, &turned);
                EXPECT_EQ(result.hash.hex(), expected.hash.hex()) << kernel->name;
                EXPECT_EQ(result.quality, expected.quality) << kernel->name;
                EXPECT_EQ(turned, expected_turned) << kernel->name;
            }
        }
    }
}

TEST_P(EveryKernel, BlursToTheSameFloats) {
    const auto [width, height] = GetParam();
    const Picture picture = noise(width, height, 3, 7);
    Scratch scratch;
    float expected[kSide * kSide] = {};
    const bool there = blur(kPlainKernels, picture.image(), scratch, expected);
    for (const Kernels* kernel : kernels()) {
        float out[kSide * kSide] = {};
        ASSERT_EQ(blur(*kernel, picture.image(), scratch, out), there);
        EXPECT_EQ(std::memcmp(out, expected, sizeof out), 0) << kernel->name;
    }
}

INSTANTIATE_TEST_SUITE_P(Sizes, EveryKernel,
                         testing::Values(Size{1, 1}, Size{1, 600}, Size{600, 1}, Size{4, 300}, Size{300, 4},
                                         Size{5, 5}, Size{5, 512}, Size{512, 5}, Size{7, 9}, Size{63, 64},
                                         Size{64, 64}, Size{65, 63}, Size{127, 129}, Size{128, 128},
                                         Size{255, 257}, Size{384, 385}, Size{511, 512}, Size{512, 511},
                                         Size{512, 512}, Size{513, 511}, Size{513, 3}, Size{1031, 777},
                                         Size{65535, 2}, Size{2, 65535}),
                         [](const auto& size) {
                             return std::to_string(size.param.width) + "x" +
                                    std::to_string(size.param.height);
                         });

TEST(Pdq, PlainAndBestKernelAreNotTheSameCode) {
    const KernelList list = kernels();
    ASSERT_GE(list.count, 2);
    EXPECT_EQ(list.items[list.count - 1], &kPlainKernels);
    EXPECT_NE(list.items[0], &kPlainKernels);
}

TEST(Pdq, ATurnedPictureHasTheTurnedHash) {
    Scratch scratch;
    std::vector<Picture> pictures = {read_bitmap(kData + "mosaic-05.bmp"),
                                     read_bitmap(kData + "mosaic-11.bmp")};
    for (unsigned seed = 1; seed <= 6; ++seed)
        pictures.push_back(scene(200 + 97 * seed, 640 - 60 * seed, seed));
    for (const Picture& picture : pictures) {
        Dihedral computed;
        hash(picture.image(), scratch, &computed);
        const auto turned = really_turned(picture);
        for (std::size_t i = 0; i < turned.size(); ++i) {
            const Pdq real = hash(turned[i].image(), scratch).hash;
            // The samples lie off the centre by up to half a pixel, which small pictures feel.
            EXPECT_LE(distance(computed[i], real), 31)
                << picture.width << "x" << picture.height << " turn " << i;
            for (std::size_t other = 0; other < turned.size(); ++other) {
                if (other == i) continue;
                EXPECT_GT(distance(computed[other], real), 60) << i << " looks like " << other;
            }
        }
    }
}

TEST(Pdq, SidesUnderFiveHaveNoFingerprint) {
    Scratch scratch;
    for (const Size size : {Size{0, 0}, Size{0, 100}, Size{100, 0}, Size{4, 4}, Size{4, 512}, Size{512, 4}}) {
        const Picture picture = noise(size.width, size.height, 3, 1);
        Dihedral dihedral;
        dihedral.fill(*Pdq::parse(std::string(64, 'f')));
        const Result result = hash(picture.image(), scratch, &dihedral);
        EXPECT_EQ(result.quality, 0);
        EXPECT_EQ(result.hash, Pdq{});
        EXPECT_EQ(dihedral, Dihedral{});
    }
    // Beyond 512 a thin strip is stretched to a square first, as in the reference.
    EXPECT_NE(hash(noise(1, 513, 3, 1).image(), scratch).hash, Pdq{});
}

TEST(Pdq, AFlatPictureIsOfNoQuality) {
    Scratch scratch;
    Picture picture = blank(700, 300, 3);
    std::fill(picture.pixels.begin(), picture.pixels.end(), std::uint8_t{200});
    EXPECT_EQ(hash(picture.image(), scratch).quality, 0);
}

TEST(Pdq, AlphaIsDropped) {
    Scratch scratch;
    const Picture rgba = noise(300, 200, 4, 3);
    Picture rgb = blank(300, 200, 3);
    for (std::uint32_t y = 0; y < 200; ++y) {
        for (std::uint32_t x = 0; x < 300; ++x) std::memcpy(rgb.at(x, y), rgba.at(x, y), 3);
    }
    EXPECT_EQ(hash(rgba.image(), scratch).hash, hash(rgb.image(), scratch).hash);
}

TEST(Pdq, RowsMayBePadded) {
    Scratch scratch;
    const Picture wide = noise(320, 100, 1, 5);
    Image part = wide.image();
    part.width = 250;
    const Picture cut = rearranged(wide, false, [](auto x, auto y) { return std::pair{x, y}; });
    Picture tight = blank(250, 100, 1);
    for (std::uint32_t y = 0; y < 100; ++y) std::memcpy(tight.at(0, y), cut.at(0, y), 250);
    EXPECT_EQ(hash(part, scratch).hash, hash(tight.image(), scratch).hash);
}

TEST(Pdq, ScratchMayBeUsedForAnySizeInAnyOrder) {
    Scratch used;
    for (const Size size : {Size{512, 512}, Size{20, 20}, Size{64, 64}, Size{900, 30}, Size{6, 500}}) {
        const Picture picture = noise(size.width, size.height, 3, 9);
        Scratch fresh;
        EXPECT_EQ(hash(picture.image(), used).hash, hash(picture.image(), fresh).hash);
    }
}

// What a scaling decoder does: each pixel the mean of a block, the last ones of what is left.
Picture reduced_by(const Picture& picture, std::uint32_t block) {
    Picture out = blank((picture.width + block - 1) / block, (picture.height + block - 1) / block, 1);
    for (std::uint32_t y = 0; y < out.height; ++y) {
        for (std::uint32_t x = 0; x < out.width; ++x) {
            unsigned sum = 0;
            unsigned count = 0;
            for (std::uint32_t sy = y * block; sy < std::min((y + 1) * block, picture.height); ++sy) {
                for (std::uint32_t sx = x * block; sx < std::min((x + 1) * block, picture.width); ++sx) {
                    sum += *picture.at(sx, sy);
                    ++count;
                }
            }
            *out.at(x, y) = static_cast<std::uint8_t>((sum + count / 2) / count);
        }
    }
    return out;
}

TEST(Pdq, AReducedPictureComesCloseToItsOriginal) {
    Scratch scratch;
    for (unsigned seed = 1; seed <= 8; ++seed) {
        const Picture full = scene(700 + 211 * seed, 1900 - 130 * seed, seed);
        const Result exact = hash(full.image(), scratch);
        for (const std::uint32_t block : {2u, 4u, 8u}) {
            const Picture small = reduced_by(full, block);
            Image image = small.image();
            image.eighths = 8 / block;
            image.full_width = full.width;
            image.full_height = full.height;
            Dihedral dihedral;
            const Result close = hash(image, scratch, &dihedral);
            EXPECT_LE(distance(close.hash, exact.hash), 10)
                << full.width << "x" << full.height << " / " << block;
            EXPECT_NEAR(close.quality, exact.quality, 12);
        }
    }
}

TEST(Pdq, AReducedPictureOfAnyShapeIsHashedOrRefused) {
    Scratch scratch;
    for (const Size full :
         {Size{1, 65535}, Size{65535, 1}, Size{65535, 9}, Size{3, 3}, Size{520, 5}, Size{64, 64}}) {
        for (std::uint32_t eighths = 1; eighths < 8; ++eighths) {
            const Picture small =
                noise((full.width * eighths + 7) / 8, (full.height * eighths + 7) / 8, 1, eighths);
            Image image = small.image();
            image.eighths = eighths;
            image.full_width = full.width;
            image.full_height = full.height;
            const Result result = hash(image, scratch);
            EXPECT_EQ(result.hash == Pdq{}, full.width == 3)
                << full.width << "x" << full.height << " " << eighths;
        }
    }
}

}  // namespace
}  // namespace rushlight::media::pdq
