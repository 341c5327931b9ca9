// clock_watch: whether the machine's clock can be believed. It is held against the time since the machine
// was started, which nobody sets. Where the two part by a leap, nothing is thrown away because of its age: a
// clock that was set a year ahead would otherwise empty the holding area within a minute.
//
// A leap is forgotten when the clock leaps back, or has stood for a day: then it was the old time that was
// wrong, and what is due by the new one goes.
//
// Thread-safety: look() is one thread's; what it found may be read by any.
#pragma once

#include "base/time.h"

#include <atomic>
#include <chrono>
#include <optional>

namespace rushlight::server {

inline constexpr std::chrono::minutes kLeap{5};
inline constexpr std::chrono::hours kLeapStands{24};

// Sleep included, which the steady clock leaves out.
std::chrono::microseconds since_boot();

class ClockWatch {
  public:
    // To be called every few seconds.
    void look(Time wall, std::chrono::microseconds since_boot);
    bool trusted() const { return leap_ == 0; }
    // How far it leapt, ahead where positive; 0 where it is trusted.
    std::chrono::microseconds leap() const { return std::chrono::microseconds(leap_); }

  private:
    struct Seen {
        Time wall;
        std::chrono::microseconds boot;
    };
    std::optional<Seen> last_;
    std::chrono::microseconds leapt_at_{0};
    std::atomic<std::int64_t> leap_{0};  // microseconds
};

}  // namespace rushlight::server
