// nginx serving one small file: the yardstick of every benchmark of answers over HTTP. Its own configuration
// in a temporary folder, on loopback, one process on one core; gone with this object.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include <sys/types.h>

namespace rushlight::http::testing {

class Nginx {
  public:
    // Serves `answer` as /answer.json. std::runtime_error where it can't be started. It may take a moment to
    // listen.
    Nginx(std::string_view answer, int core);
    ~Nginx();
    Nginx(const Nginx&) = delete;
    Nginx& operator=(const Nginx&) = delete;

    std::uint16_t port() const { return port_; }
    double cpu_seconds() const;  // what it has used so far

  private:
    std::string folder_;
    std::uint16_t port_ = 0;
    pid_t child_ = -1;
};

}  // namespace rushlight::http::testing
