// The tables of every room of the program, the lowest floor first.
#pragma once

#include "store/store.h"

#include <vector>

namespace rushlight::app {

std::vector<store::Schema> all_schemas();

}  // namespace rushlight::app
