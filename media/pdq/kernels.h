// The inner loops of PDQ, once for each kind of processor. Private to media/pdq.
//
// Every kernel does the additions and divisions of one row, column or coefficient in the reference's own
// order, and differs only in how many of them it does side by side: so all of them give the same bits.
#pragma once

namespace rushlight::media::pdq {

inline constexpr int kSide = 64;    // the blurred picture
inline constexpr int kCoeffs = 16;  // rows and columns of the spectrum that are kept

struct Kernels {
    const char* name;

    // One pass of the running-mean filter along rows or along columns of a rows × cols picture, in ≠ out.
    // The window, 1 to 4 pixels wide, is cut off at the borders.
    void (*box_rows)(const float* in, float* out, int rows, int cols, int window);
    void (*box_columns)(const float* in, float* out, int rows, int cols, int window);
    // `d` is the 16×64 cosine matrix, `dt` its transpose; out = d · picture · dt, 16×16.
    void (*dct)(const float* d, const float* dt, const float* picture, float* out);
    // Sum over all neighbours, down and right, of their difference in percent of 255, each cut to an integer.
    int (*gradients)(const float* picture);
};

// Those that this processor can run, best first; the plain one is last and always there.
struct KernelList {
    const Kernels* const* items;
    int count;

    const Kernels* const* begin() const { return items; }
    const Kernels* const* end() const { return items + count; }
};
KernelList kernels();

extern const Kernels kPlainKernels;
extern const Kernels kBaselineKernels;  // four lanes: SSE2 or NEON, which every x86-64 or arm64 processor has
#if defined(__x86_64__)
extern const Kernels kAvx2Kernels;  // eight lanes
#endif

}  // namespace rushlight::media::pdq
