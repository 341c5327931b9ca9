#include "base/scaled_clock.h"

#include <gtest/gtest.h>

namespace rushlight {
namespace {

struct HandClock final : Clock {
    Time at{1'767'225'600'000'000};
    Time now() const override { return at; }
};

TEST(ScaledClock, RunsFasterFromTheMomentItIsMade) {
    HandClock hand;
    const ScaledClock clock(hand, 3600);
    EXPECT_EQ(clock.now(), hand.at);
    hand.at = hand.at + std::chrono::seconds(24);
    EXPECT_EQ(clock.now().rfc3339(), "2026-01-02T00:00:00Z") << "24 seconds are a day";
}

TEST(ScaledClock, AClockThatIsSetBackOrFarAheadBreaksNothing) {
    HandClock hand;
    const ScaledClock clock(hand, 1'000'000);
    const Time start = hand.at;
    hand.at = start + -std::chrono::hours(1);
    EXPECT_EQ(clock.now(), start);
    hand.at = Time{INT64_MAX};
    EXPECT_GT(clock.now(), start);
}

}  // namespace
}  // namespace rushlight
