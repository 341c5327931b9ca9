// The stages of PDQ, with the kernel to use as an argument, so that tests can hold every kernel against the
// plain one. Private to media/pdq.
#pragma once

#include "media/pdq/kernels.h"
#include "media/pdq/pdq.h"

namespace rushlight::media::pdq {

// The reference's blur of the whole picture: luma, sampling to 512×512 where a side is longer, two passes of
// the running mean, 64×64 samples. False where a side is too short.
bool blur(const Kernels& kernels, const Image& image, Scratch& scratch, float (&out)[kSide * kSide]);

// The same for a reduced picture (image.eighths < 8), as one weighted mean per sample.
bool blur_reduced(const Image& image, Scratch& scratch, float (&out)[kSide * kSide]);

// Spectrum, median, bits; quality.
Result finish(const Kernels& kernels, const float (&picture)[kSide * kSide], Dihedral* dihedral);

Result hash_with(const Kernels& kernels, const Image& image, Scratch& scratch, Dihedral* dihedral);

// `count` pixels of a row as luma, pixel i from column columns[i] (nullptr: from column i).
void luma_row(const Image& image, std::uint32_t row, const std::uint32_t* columns, std::uint32_t count,
              float* out);

}  // namespace rushlight::media::pdq
