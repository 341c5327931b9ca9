// Paths that another program writes into our standard input, one at a time, as they come.
#pragma once

#include "base/result.h"

#include <cstddef>
#include <optional>
#include <stop_token>
#include <string>

namespace rushlight::cli {

// Far beyond what any system takes for a path (PATH_MAX is 4,096 on Linux).
inline constexpr std::size_t kMaxPathBytes = 65'536;

class PathsFromStdin {
  public:
    explicit PathsFromStdin(char separator) : separator_(separator) {}

    // Empty lines are passed over. nullopt at the end, or once a stop was requested. Fails with `io` where
    // there is no reading it, and with `invalid` on more than kMaxPathBytes without a separator.
    Result<std::optional<std::string>> next(const std::stop_token& stop);

  private:
    Status read_more(const std::stop_token& stop);

    char separator_;
    std::string buffer_;
    bool ended_ = false;
};

}  // namespace rushlight::cli
