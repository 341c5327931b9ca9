#include "base/scaled_clock.h"

#include <algorithm>

namespace rushlight {

ScaledClock::ScaledClock(const Clock& clock, std::int64_t speed)
    : clock_(clock), start_(clock.now()), speed_(std::clamp<std::int64_t>(speed, 1, kMostSpeed)) {}

Time ScaledClock::now() const {
    // The other clock may be set back or far ahead; this one only stays in bounds then.
    const std::int64_t most = (INT64_MAX - std::max<std::int64_t>(start_.micros, 0)) / speed_;
    const std::int64_t past = (clock_.now() - start_).count();
    return start_ + std::chrono::microseconds(std::clamp<std::int64_t>(past, 0, most) * speed_);
}

}  // namespace rushlight
