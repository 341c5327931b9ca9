// Paths that another program writes into our standard input, one at a time, as they come.
#pragma once

#include <optional>
#include <stop_token>
#include <string>

namespace rushlight::cli {

class PathsFromStdin {
  public:
    explicit PathsFromStdin(char separator) : separator_(separator) {}

    // Empty lines are passed over. nullopt at the end, or once a stop was requested.
    std::optional<std::string> next(const std::stop_token& stop);

  private:
    bool read_more(const std::stop_token& stop);

    char separator_;
    std::string buffer_;
    bool ended_ = false;
};

}  // namespace rushlight::cli
