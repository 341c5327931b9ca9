#include "media/pdq/pdq.h"

#include "media/pdq/kernels.h"
#include "media/pdq/stages.h"

#include <algorithm>
#include <cmath>
#include <numbers>

namespace rushlight::media::pdq {
namespace {

using Now = std::chrono::steady_clock;

// Rows 1 to 16 of the 64-point cosine transform, as floats rounded where the reference rounds.
struct Cosines {
    float d[kCoeffs * kSide];
    float transposed[kSide * kCoeffs];

    Cosines() {
        const float scale = std::sqrt(2.0f / kSide);
        for (int i = 0; i < kCoeffs; ++i) {
            for (int j = 0; j < kSide; ++j) {
                const double angle = std::numbers::pi / 2 / kSide * (i + 1) * (2 * j + 1);
                d[i * kSide + j] = transposed[j * kCoeffs + i] = static_cast<float>(scale * std::cos(angle));
            }
        }
    }
};

using Spectrum = std::array<float, kCoeffs * kCoeffs>;

// A bit says whether the coefficient lies over the 128th smallest: the value that Torben's median search,
// which the reference uses, ends at. Bit 16·i + j is row i, column j; the highest bit is printed first.
Pdq to_bits(const Spectrum& spectrum) {
    Spectrum sorted = spectrum;
    const auto middle = sorted.begin() + (kCoeffs * kCoeffs / 2 - 1);
    std::nth_element(sorted.begin(), middle, sorted.end());
    const float median = *middle;
    Pdq hash;
    for (std::size_t byte = 0; byte < Pdq::kBytes; ++byte) {
        unsigned bits = 0;
        const float* coefficients = spectrum.data() + (Pdq::kBytes - 1 - byte) * 8;
        for (unsigned i = 0; i < 8; ++i) bits |= (coefficients[i] > median ? 1u : 0u) << i;
        hash.value[byte] = static_cast<std::byte>(bits);
    }
    return hash;
}

// Turning or mirroring a picture transposes its spectrum and flips the sign of its odd rows, columns or both.
// Index 0 is frequency 1, so "odd" frequencies have even indices.
struct Turn {
    bool transposed;
    bool odd_rows;  // sign of odd frequencies flips, along rows and along columns of the result
    bool odd_columns;
};
constexpr Turn kTurns[7] = {
    {true, true, false},   // 90° anticlockwise
    {false, true, true},   // 180°
    {true, false, true},   // 90° clockwise
    {false, true, false},  // top to bottom
    {false, false, true},  // left to right
    {true, false, false},  // on the one diagonal
    {true, true, true},    // on the other
};

Spectrum turned(const Spectrum& spectrum, Turn turn) {
    Spectrum out;
    for (int i = 0; i < kCoeffs; ++i) {
        for (int j = 0; j < kCoeffs; ++j) {
            const bool flip = (turn.odd_rows && i % 2 == 0) != (turn.odd_columns && j % 2 == 0);
            const float value = turn.transposed ? spectrum[j * kCoeffs + i] : spectrum[i * kCoeffs + j];
            out[i * kCoeffs + j] = flip ? -value : value;
        }
    }
    return out;
}

bool has_avx2() {
#if defined(__x86_64__)
    return __builtin_cpu_supports("avx2");
#else
    return false;
#endif
}

}  // namespace

KernelList kernels() {
    static const Kernels* const kAll[] = {
#if defined(__x86_64__)
        &kAvx2Kernels,
#endif
        &kBaselineKernels, &kPlainKernels};
    constexpr int kCount = static_cast<int>(std::size(kAll));
    static const int skip = kCount == 3 && !has_avx2() ? 1 : 0;
    return {kAll + skip, kCount - skip};
}

void luma_row(const Image& image, std::uint32_t row, const std::uint32_t* columns, std::uint32_t count,
              float* out) {
    const std::uint8_t* from = image.pixels + row * image.stride;
    if (image.layout == Layout::grey8) {
        if (columns == nullptr) {
            for (std::uint32_t i = 0; i < count; ++i) out[i] = from[i];
        } else {
            for (std::uint32_t i = 0; i < count; ++i) out[i] = from[columns[i]];
        }
        return;
    }
    const std::size_t step = image.layout == Layout::rgb8 ? 3 : 4;
    for (std::uint32_t i = 0; i < count; ++i) {
        const std::uint8_t* p = from + (columns == nullptr ? i : columns[i]) * step;
        out[i] = 0.299f * static_cast<float>(p[0]) + 0.587f * static_cast<float>(p[1]) +
                 0.114f * static_cast<float>(p[2]);
    }
}

bool blur(const Kernels& kernels, const Image& image, Scratch& scratch, float (&out)[kSide * kSide]) {
    const bool sampled = image.width > kMaxSide || image.height > kMaxSide;
    const std::uint32_t cols = sampled ? kMaxSide : image.width;
    const std::uint32_t rows = sampled ? kMaxSide : image.height;
    if (image.width == 0 || image.height == 0 || cols < kMinSide || rows < kMinSide) return false;

    std::array<std::uint32_t, kMaxSide> columns;
    for (std::uint32_t i = 0; i < cols; ++i) {
        columns[i] = static_cast<std::uint32_t>(std::uint64_t{i} * image.width / cols);
    }
    scratch.a.resize(std::max<std::size_t>(scratch.a.size(), std::size_t{rows} * cols));
    scratch.b.resize(scratch.a.size());
    float* a = scratch.a.data();
    float* b = scratch.b.data();
    for (std::uint32_t i = 0; i < rows; ++i) {
        const auto row = static_cast<std::uint32_t>(std::uint64_t{i} * image.height / rows);
        luma_row(image, row, sampled ? columns.data() : nullptr, cols, a + std::size_t{i} * cols);
    }

    const int r = static_cast<int>(rows);
    const int c = static_cast<int>(cols);
    if (r == kSide && c == kSide) {
        std::copy_n(a, kSide * kSide, out);
        return true;
    }
    constexpr int kPasses = 2;
    for (int pass = 0; pass < kPasses; ++pass) {
        kernels.box_rows(a, b, r, c, (c + 2 * kSide - 1) / (2 * kSide));
        kernels.box_columns(b, a, r, c, (r + 2 * kSide - 1) / (2 * kSide));
    }
    // The pixel under the middle of each of the 64 cells: floor((i + 1/2) · side / 64).
    for (int i = 0; i < kSide; ++i) {
        const float* line = a + static_cast<std::size_t>((2 * i + 1) * r / (2 * kSide)) * cols;
        for (int j = 0; j < kSide; ++j) out[i * kSide + j] = line[(2 * j + 1) * c / (2 * kSide)];
    }
    return true;
}

Result finish(const Kernels& kernels, const float (&picture)[kSide * kSide], Dihedral* dihedral) {
    static const Cosines cosines;
    Spectrum spectrum;
    kernels.dct(cosines.d, cosines.transposed, picture, spectrum.data());
    Result result;
    result.quality = std::min(100, kernels.gradients(picture) / 90);
    result.hash = to_bits(spectrum);
    if (dihedral != nullptr) {
        for (std::size_t i = 0; i < dihedral->size(); ++i)
            (*dihedral)[i] = to_bits(turned(spectrum, kTurns[i]));
    }
    return result;
}

Result hash_with(const Kernels& kernels, const Image& image, Scratch& scratch, Dihedral* dihedral) {
    if (dihedral != nullptr) *dihedral = {};
    alignas(32) float picture[kSide * kSide];
    const auto start = Now::now();
    const bool reduced = image.eighths >= 1 && image.eighths < 8;
    const bool blurred =
        reduced ? blur_reduced(image, scratch, picture) : blur(kernels, image, scratch, picture);
    const auto middle = Now::now();
    scratch.filter += middle - start;
    if (!blurred) return {};
    const Result result = finish(kernels, picture, dihedral);
    scratch.dct += Now::now() - middle;
    return result;
}

Result hash(const Image& image, Scratch& scratch, Dihedral* dihedral) {
    return hash_with(**kernels().begin(), image, scratch, dihedral);
}

}  // namespace rushlight::media::pdq
