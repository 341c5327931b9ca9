#include "media/pdq/kernels.h"

namespace rushlight::media::pdq {
namespace {

// A running sum over a window that first grows, then slides, then shrinks. For an even window the longer half
// lies ahead, as in the reference.
void box(const float* in, float* out, int length, int stride, int window) {
    const int ahead = window / 2;  // elements beyond the output's own place
    const int behind = window - 1 - ahead;
    float sum = 0;
    int count = 0;
    for (int at = 0; at < length + ahead; ++at) {
        if (at < length) {
            sum += in[at * stride];
            ++count;
        }
        const int place = at - ahead;
        const int leaving = place - behind - 1;
        if (place < 0) continue;
        if (leaving >= 0) {
            sum -= in[leaving * stride];
            --count;
        }
        out[place * stride] = sum / static_cast<float>(count);
    }
}

void box_rows(const float* in, float* out, int rows, int cols, int window) {
    for (int r = 0; r < rows; ++r) box(in + r * cols, out + r * cols, cols, 1, window);
}

void box_columns(const float* in, float* out, int rows, int cols, int window) {
    for (int c = 0; c < cols; ++c) box(in + c, out + c, rows, cols, window);
}

void dct(const float* d, const float*, const float* picture, float* out) {
    float half[kCoeffs][kSide];
    for (int i = 0; i < kCoeffs; ++i) {
        for (int j = 0; j < kSide; ++j) {
            float sum = 0;
            for (int k = 0; k < kSide; ++k) sum += d[i * kSide + k] * picture[k * kSide + j];
            half[i][j] = sum;
        }
    }
    for (int i = 0; i < kCoeffs; ++i) {
        for (int j = 0; j < kCoeffs; ++j) {
            float sum = 0;
            for (int k = 0; k < kSide; ++k) sum += half[i][k] * d[j * kSide + k];
            out[i * kCoeffs + j] = sum;
        }
    }
}

int step(float a, float b) {
    const int percent = static_cast<int>((a - b) * 100 / 255);
    return percent < 0 ? -percent : percent;
}

int gradients(const float* picture) {
    int sum = 0;
    for (int i = 0; i < kSide; ++i) {
        for (int j = 0; j < kSide; ++j) {
            const float* here = picture + i * kSide + j;
            if (i + 1 < kSide) sum += step(here[0], here[kSide]);
            if (j + 1 < kSide) sum += step(here[0], here[1]);
        }
    }
    return sum;
}

}  // namespace

const Kernels kPlainKernels = {"plain", box_rows, box_columns, dct, gradients};

}  // namespace rushlight::media::pdq
