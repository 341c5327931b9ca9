// Waiter: until when a fetch may go on, and how it hears that it shall stop.
#pragma once

#include "base/fd.h"
#include "base/time.h"
#include "net/net.h"

#include <algorithm>
#include <chrono>
#include <functional>
#include <stop_token>

namespace rushlight::net {

class Waiter {
  public:
    // Fails where the machine has no descriptor left.
    static Outcome<Waiter> create();

    // Readable once `token` was asked to stop.
    int fd() const { return event_.get(); }
    // While the returned object lives, a stop request wakes whoever waits on fd().
    auto watch(const std::stop_token& token) const {
        return std::stop_callback(token, std::function<void()>([fd = fd()] { wake(fd); }));
    }

  private:
    static void wake(int fd);

    Fd event_;
};

// Milliseconds for poll(), rounded up so that a deadline has passed when it returns; never negative.
inline int milliseconds_until(Steady::time_point deadline) {
    using std::chrono::milliseconds;
    const auto left = std::chrono::ceil<milliseconds>(deadline - Steady::now());
    return static_cast<int>(std::clamp<milliseconds::rep>(left.count(), 0, 60'000));
}

}  // namespace rushlight::net
