// A helper program of a room's tests as a process: it says lines, and can be killed.
#pragma once

#include "base/fd.h"

#include <string>
#include <vector>

#include <sys/types.h>

namespace rushlight::store::testing {

class HelperProcess {
  public:
    explicit HelperProcess(const std::vector<std::string>& words,
                           const std::string& helper = "store_test_helper");
    ~HelperProcess();  // kills it
    HelperProcess(const HelperProcess&) = delete;
    HelperProcess& operator=(const HelperProcess&) = delete;

    // The next line that it says; empty at the end.
    std::string line();
    // Everything that it still says.
    std::vector<std::string> rest();
    void kill();
    int wait();  // its exit code, 128 + signal where it was killed
    void tell_to_go_on() { in_.reset(); }

  private:
    pid_t pid_ = -1;
    Fd in_;
    Fd out_;
    std::string buffer_;
};

}  // namespace rushlight::store::testing
