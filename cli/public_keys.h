// Public keys as people give them on the command line.
#pragma once

#include "audit/signing.h"
#include "base/result.h"

#include <optional>
#include <string>
#include <vector>

namespace rushlight::cli {

// 64 digits, or a file with such lines; none where nothing was given.
Result<std::vector<audit::PublicKey>> public_keys(const std::optional<std::string>& asked);

}  // namespace rushlight::cli
