// The reference's blur, folded into one weighted mean per sample.
//
// Sampling, both passes of the running mean and the last sampling to 64×64 are all linear, and act on rows
// and on columns apart. So a sample of the blurred picture is Σ wʳ(y) wᶜ(x) luma(y, x), with weights that
// depend only on the sides. From a picture of which only means over blocks are known, luma(y, x) is taken
// from a cubic through the middles of the blocks around it (Catmull and Rom's), which is linear again: a
// dozen products a sample, in place of four passes over 512×512.
#include "media/pdq/stages.h"

#include <algorithm>
#include <cmath>

namespace rushlight::media::pdq {
namespace {

// Weights of one side. The mean of means of at most 4 elements reaches over 7 of them.
constexpr int kMostSamples = 7;
constexpr int kMostTaps = 4 * kMostSamples;
struct Tap {
    std::uint32_t pixel;
    float weight;
};
struct Axis {
    int count[kSide];
    Tap taps[kSide][kMostTaps];
};

// Where the running mean over `length` elements takes element `at` from.
struct Window {
    int first, last;
};
Window window_at(int at, int length, int window) {
    const int ahead = window / 2;
    return {std::max(0, at - (window - 1 - ahead)), std::min(length - 1, at + ahead)};
}

// `full` pixels seen through `reduced` ones, `grid` of them sampled.
void weigh(std::uint32_t full, std::uint32_t reduced, std::uint32_t eighths, int grid, Axis& axis) {
    const int window = grid == kSide ? 1 : (grid + 2 * kSide - 1) / (2 * kSide);
    for (int i = 0; i < kSide; ++i) {
        float weights[kMostSamples] = {};
        const Window outer = window_at((2 * i + 1) * grid / (2 * kSide), grid, window);
        const int start = window_at(outer.first, grid, window).first;
        const int end = window_at(outer.last, grid, window).last;
        for (int o = outer.first; o <= outer.last; ++o) {
            const Window inner = window_at(o, grid, window);
            const int share = (outer.last - outer.first + 1) * (inner.last - inner.first + 1);
            for (int s = inner.first; s <= inner.last; ++s)
                weights[s - start] += 1.0f / static_cast<float>(share);
        }
        int count = 0;
        // Pixels come in nearly rising order: one that is there already is among the last few.
        const auto add = [&](std::int64_t pixel, float weight) {
            const auto within = static_cast<std::uint32_t>(std::clamp<std::int64_t>(pixel, 0, reduced - 1));
            for (int k = count - 1; k >= std::max(0, count - 4); --k) {
                if (axis.taps[i][k].pixel == within) {
                    axis.taps[i][k].weight += weight;
                    return;
                }
            }
            axis.taps[i][count++] = {within, weight};
        };
        for (int s = start; s <= end; ++s) {
            // In sixteenths of a reduced pixel, from the middle of the first one.
            const auto pixel = static_cast<std::int64_t>(s) * full / grid;
            const std::int64_t place = (2 * pixel + 1) * eighths - 8;
            const std::int64_t before = place >= 0 ? place / 16 : -1;
            const float t = static_cast<float>(place - 16 * before) / 16;
            const float weight = weights[s - start];
            add(before - 1, weight * t * (-1 + t * (2 - t)) / 2);
            add(before, weight * (2 + t * t * (3 * t - 5)) / 2);
            add(before + 1, weight * t * (1 + t * (4 - 3 * t)) / 2);
            add(before + 2, weight * t * t * (t - 1) / 2);
        }
        axis.count[i] = count;
    }
}

}  // namespace

bool blur_reduced(const Image& image, Scratch& scratch, float (&out)[kSide * kSide]) {
    const bool sampled = image.full_width > kMaxSide || image.full_height > kMaxSide;
    const std::uint32_t cols = sampled ? kMaxSide : image.full_width;
    const std::uint32_t rows = sampled ? kMaxSide : image.full_height;
    if (image.width == 0 || image.height == 0 || cols < kMinSide || rows < kMinSide) return false;
    Axis down;
    Axis across;
    weigh(image.full_height, image.height, image.eighths, static_cast<int>(rows), down);
    weigh(image.full_width, image.width, image.eighths, static_cast<int>(cols), across);
    const std::uint32_t width = image.width;
    scratch.a.resize(std::max<std::size_t>(scratch.a.size(), width));
    scratch.b.resize(std::max<std::size_t>(scratch.b.size(), width));
    float* sum = scratch.a.data();
    float* line = scratch.b.data();
    for (int i = 0; i < kSide; ++i) {
        std::fill_n(sum, width, 0.0f);
        for (int k = 0; k < down.count[i]; ++k) {
            const auto [row, weight] = down.taps[i][k];
            luma_row(image, row, nullptr, width, line);
            for (std::uint32_t x = 0; x < width; ++x) sum[x] += weight * line[x];
        }
        for (int j = 0; j < kSide; ++j) {
            float value = 0;
            for (int k = 0; k < across.count[j]; ++k)
                value += across.taps[j][k].weight * sum[across.taps[j][k].pixel];
            out[i * kSide + j] = value;
        }
    }
    return true;
}

}  // namespace rushlight::media::pdq
