// Turns Ctrl-C (and a polite kill) into a stop request while it lives: what was done stays done. A second one
// ends the program at once.
#pragma once

#include "base/fd.h"

#include <stop_token>
#include <thread>

namespace rushlight::cli {

class UntilInterrupted {
  public:
    // Blocks the signals for this thread and those it starts later: make it before any other thread.
    UntilInterrupted();
    ~UntilInterrupted();
    UntilInterrupted(const UntilInterrupted&) = delete;
    UntilInterrupted& operator=(const UntilInterrupted&) = delete;

    std::stop_token token() const { return source_.get_token(); }
    void wait_for_it() const;

  private:
    void wait();

    std::stop_source source_;
    Fd signals_;  // readable when one came
    Fd leave_;    // readable when nobody needs us any more
    std::thread waiter_;
};

}  // namespace rushlight::cli
