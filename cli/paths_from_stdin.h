// Paths that another program writes into our standard input, one at a time, as they come.
#pragma once

#include <optional>
#include <stop_token>
#include <string>

namespace rushlight::cli {

class PathsFromStdin {
  public:
    PathsFromStdin(char separator, std::stop_token stop) : separator_(separator), stop_(std::move(stop)) {}

    // Empty lines are passed over. nullopt at the end, or once a stop was requested.
    std::optional<std::string> next();

  private:
    bool read_more();

    char separator_;
    std::stop_token stop_;
    std::string buffer_;
    bool ended_ = false;
};

}  // namespace rushlight::cli
