// How often a property test is tried, each time with other made-up input: in ./test so often as the test
// says; in a soak (RUSHLIGHT_SOAK=SECONDS, set by `./test --full`) as often as fits into that time, never
// less.
//
//     for (Rounds rounds(2); rounds.next();) {
//         SplitMix random{rounds.seed()};
//
// The usual rounds have the seeds 1, 2, …, so that ./test is the same each time; the further ones of a soak
// are new each time. A failure names its seed, and to see it again is `Rounds rounds(1, SEED)`.
#pragma once

#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <optional>
#include <random>
#include <string>

#include <gtest/gtest.h>

namespace rushlight {

class Rounds {
  public:
    explicit Rounds(int usual = 1, std::uint64_t first_seed = 1) : usual_(usual), next_seed_(first_seed) {
        if (const char* const seconds = std::getenv("RUSHLIGHT_SOAK"))
            end_ = Clock::now() + std::chrono::seconds(std::atoi(seconds));
    }
    Rounds(const Rounds&) = delete;
    Rounds& operator=(const Rounds&) = delete;
    ~Rounds() {
        if (end_ && !::testing::Test::HasFailure()) ::testing::Test::RecordProperty("rounds", done_);
    }

    // False at the end, and after the first round that failed: more of the same would only hide it.
    bool next() {
        trace_.reset();
        if (::testing::Test::HasFailure()) return false;
        if (done_ == usual_ && end_) next_seed_ = (std::uint64_t{std::random_device()()} << 20) + 1000;
        if (done_ >= usual_ && !(end_ && Clock::now() < *end_)) return false;
        ++done_;
        seed_ = next_seed_++;
        trace_.emplace(__FILE__, __LINE__, "seed " + std::to_string(seed_));
        return true;
    }
    std::uint64_t seed() const { return seed_; }

  private:
    using Clock = std::chrono::steady_clock;

    int usual_;
    int done_ = 0;
    std::uint64_t next_seed_;
    std::uint64_t seed_ = 0;
    std::optional<Clock::time_point> end_;
    std::optional<::testing::ScopedTrace> trace_;
};

}  // namespace rushlight
