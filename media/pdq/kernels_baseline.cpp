#define LANES 4
#include "media/pdq/kernels_vector.h"

namespace rushlight::media::pdq {

const Kernels kBaselineKernels = {"baseline, 4 lanes", box_rows, box_columns, dct, gradients};

}  // namespace rushlight::media::pdq
