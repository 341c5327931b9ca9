// A clock that runs faster than another from the moment it is made: a week of the practice world in an
// afternoon.
#pragma once

#include "base/time.h"

#include <cstdint>

namespace rushlight {

// Thread-safe. The other clock must outlive it.
class ScaledClock final : public Clock {
  public:
    // `speed` 1 to kMostSpeed; below or above it is taken for the nearest of them.
    static constexpr std::int64_t kMostSpeed = 1'000'000;
    ScaledClock(const Clock& clock, std::int64_t speed);

    Time now() const override;

  private:
    const Clock& clock_;
    Time start_;
    std::int64_t speed_;
};

}  // namespace rushlight
