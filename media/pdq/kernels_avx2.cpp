#if defined(__x86_64__)

#define LANES 8
#include "media/pdq/kernels_vector.h"

namespace rushlight::media::pdq {

const Kernels kAvx2Kernels = {"AVX2, 8 lanes", box_rows, box_columns, dct, gradients};

}  // namespace rushlight::media::pdq

#endif
