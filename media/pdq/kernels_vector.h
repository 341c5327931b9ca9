// The kernels for LANES floats side by side, in the compiler's own vector types. Included by one source file
// a width; everything is in an anonymous namespace (see CMakeLists.txt), and no other header is included.
#include "media/pdq/kernels.h"

namespace rushlight::media::pdq {
namespace {

constexpr int kMaxSamples = 512;

using Vector = float __attribute__((vector_size(LANES * 4)));
using Integers = int __attribute__((vector_size(LANES * 4)));

inline Vector load(const float* from) {
    Vector v;
    __builtin_memcpy(&v, from, sizeof v);
    return v;
}
inline void store(float* to, Vector v) { __builtin_memcpy(to, &v, sizeof v); }

// Rows become columns: log2(LANES) perfect shuffles.
inline void transpose(Vector (&v)[LANES]) {
    for (int round = 1; round < LANES; round *= 2) {
        Vector t[LANES];
        for (int i = 0; i < LANES / 2; ++i) {
            const Vector a = v[i];
            const Vector b = v[i + LANES / 2];
#if LANES == 8
            t[2 * i] = __builtin_shufflevector(a, b, 0, 8, 1, 9, 2, 10, 3, 11);
            t[2 * i + 1] = __builtin_shufflevector(a, b, 4, 12, 5, 13, 6, 14, 7, 15);
#else
            t[2 * i] = __builtin_shufflevector(a, b, 0, 4, 1, 5);
            t[2 * i + 1] = __builtin_shufflevector(a, b, 2, 6, 3, 7);
#endif
        }
        for (int i = 0; i < LANES; ++i) v[i] = t[i];
    }
}

// The plain kernel's `box`, on LANES independent lines at once; element k of a line is in[k].
void box(const Vector* in, Vector* out, int length, int window) {
    const int ahead = window / 2;
    const int behind = window - 1 - ahead;
    Vector sum = {};
    int count = 0;
    int place = 0;
    for (; count < ahead && count < length; ++count) sum += in[count];
    for (; place <= behind && place + ahead < length; ++place) {
        sum += in[place + ahead];
        out[place] = sum / static_cast<float>(++count);
    }
    // A window of 1, 2 or 4 divides exactly, and so does its inverse multiply.
    if (window == 3) {
        for (; place + ahead < length; ++place) {
            sum += in[place + ahead];
            sum -= in[place - behind - 1];
            out[place] = sum / 3.0f;
        }
    } else {
        const float inverse = 1.0f / static_cast<float>(window);
        for (; place + ahead < length; ++place) {
            sum += in[place + ahead];
            sum -= in[place - behind - 1];
            out[place] = sum * inverse;
        }
    }
    for (; place < length; ++place) {
        if (place - behind - 1 >= 0) {
            sum -= in[place - behind - 1];
            --count;
        }
        out[place] = sum / static_cast<float>(count);
    }
}

void box_rows(const float* in, float* out, int rows, int cols, int window) {
    Vector from[kMaxSamples];
    Vector to[kMaxSamples];
    for (int top = 0; top < rows; top += LANES) {
        // The last strip may lack rows: its last one stands in for them and is not stored.
        const float* line[LANES];
        for (int i = 0; i < LANES; ++i) line[i] = in + (top + i < rows ? top + i : rows - 1) * cols;
        int c = 0;
        for (; c + LANES <= cols; c += LANES) {
            Vector v[LANES];
            for (int i = 0; i < LANES; ++i) v[i] = load(line[i] + c);
            transpose(v);
            for (int i = 0; i < LANES; ++i) from[c + i] = v[i];
        }
        for (; c < cols; ++c) {
            for (int i = 0; i < LANES; ++i) from[c][i] = line[i][c];
        }
        box(from, to, cols, window);
        const int there = rows - top < LANES ? rows - top : LANES;
        c = 0;
        for (; c + LANES <= cols; c += LANES) {
            Vector v[LANES];
            for (int i = 0; i < LANES; ++i) v[i] = to[c + i];
            transpose(v);
            for (int i = 0; i < there; ++i) store(out + (top + i) * cols + c, v[i]);
        }
        for (; c < cols; ++c) {
            for (int i = 0; i < there; ++i) out[(top + i) * cols + c] = to[c][i];
        }
    }
}

// One row's step for all columns: sum += add, sum -= leave (each where there is one), out = sum / count.
void step_columns(float* sum, const float* add, const float* leave, float* out, int cols, int count) {
    const float divisor = static_cast<float>(count);
    const bool exact = count != 3;
    const float inverse = 1.0f / divisor;
    int c = 0;
    for (; c + LANES <= cols; c += LANES) {
        Vector s = load(sum + c);
        if (add) s += load(add + c);
        if (leave) s -= load(leave + c);
        store(sum + c, s);
        if (out) store(out + c, exact ? s * inverse : s / divisor);
    }
    for (; c < cols; ++c) {
        float s = sum[c];
        if (add) s += add[c];
        if (leave) s -= leave[c];
        sum[c] = s;
        if (out) out[c] = s / divisor;
    }
}

void box_columns(const float* in, float* out, int rows, int cols, int window) {
    const int ahead = window / 2;
    const int behind = window - 1 - ahead;
    float sum[kMaxSamples] = {};
    int count = 0;
    for (int at = 0; at < rows + ahead; ++at) {
        const int place = at - ahead;
        const int leaving = place - behind - 1;
        count += at < rows ? 1 : 0;
        count -= leaving >= 0 ? 1 : 0;
        step_columns(sum, at < rows ? in + at * cols : nullptr, leaving >= 0 ? in + leaving * cols : nullptr,
                     place >= 0 ? out + place * cols : nullptr, cols, count);
    }
}

// rows × n = (rows × 64) · (64 × n), each sum in rising order of k.
template <int kColumns>
void multiply(const float* left, const float* right, float* out) {
    constexpr int kRows = 4;
    constexpr int kBlock = 2 * LANES;
    for (int i = 0; i < kCoeffs; i += kRows) {
        for (int j = 0; j < kColumns; j += kBlock) {
            Vector a[kRows] = {};
            Vector b[kRows] = {};
            for (int k = 0; k < kSide; ++k) {
                const Vector x = load(right + k * kColumns + j);
                const Vector y = load(right + k * kColumns + j + LANES);
                for (int r = 0; r < kRows; ++r) {
                    const float weight = left[(i + r) * kSide + k];
                    a[r] += weight * x;
                    b[r] += weight * y;
                }
            }
            for (int r = 0; r < kRows; ++r) {
                store(out + (i + r) * kColumns + j, a[r]);
                store(out + (i + r) * kColumns + j + LANES, b[r]);
            }
        }
    }
}

void dct(const float* d, const float* dt, const float* picture, float* out) {
    float half[kCoeffs * kSide];
    multiply<kSide>(d, picture, half);
    multiply<kCoeffs>(half, dt, out);
}

inline Integers absolute_percent(Vector a, Vector b) {
    const Integers percent = __builtin_convertvector((a - b) * 100.0f / 255.0f, Integers);
    const Integers sign = percent >> 31;
    return (percent ^ sign) - sign;
}

int gradients(const float* picture) {
    Integers sums = {};
    int sum = 0;
    for (int i = 0; i < kSide; ++i) {
        const float* row = picture + i * kSide;
        if (i + 1 < kSide) {
            for (int j = 0; j < kSide; j += LANES)
                sums += absolute_percent(load(row + j), load(row + j + kSide));
        }
        for (int j = 0; j + LANES < kSide; j += LANES)
            sums += absolute_percent(load(row + j), load(row + j + 1));
        for (int j = kSide - LANES; j + 1 < kSide; ++j) {
            const int percent = static_cast<int>((row[j] - row[j + 1]) * 100 / 255);
            sum += percent < 0 ? -percent : percent;
        }
    }
    for (int i = 0; i < LANES; ++i) sum += sums[i];
    return sum;
}

}  // namespace
}  // namespace rushlight::media::pdq
