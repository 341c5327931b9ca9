// A clock that stands until it is moved.
#pragma once

#include "base/time.h"

#include <atomic>

namespace rushlight::queue::testing {

class ManualClock final : public Clock {
  public:
    Time now() const override { return {micros_.load()}; }
    void advance(std::chrono::microseconds by) { micros_ += by.count(); }
    void set(Time time) { micros_ = time.micros; }

  private:
    std::atomic<std::int64_t> micros_{1'767'225'600'000'000};  // 2026-01-01
};

}  // namespace rushlight::queue::testing
