// Meter: what reading one archive has cost so far, held against what the parent allows.
//
// Three things are counted: bytes given (out of members), bytes worked (out of every decompressor, also where
// nobody keeps them) and bytes read. Once a bound is passed, `stop()` says why and the whole archive ends.
// The heartbeat lets the owner answer "still at work" in the middle of a long member.
#pragma once

#include "archive/protocol.h"

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>

namespace rushlight::archive::unpack {

class Meter {
  public:
    explicit Meter(const Allowance& allowance) : allowance_(allowance), work_left_(allowance.work_bytes) {}

    // A new request: its allowance counts from now on, except the work, which is counted once for all.
    void allow(const Allowance& allowance);

    std::uint64_t member_bytes() const { return allowance_.member_bytes; }
    const std::optional<Problem>& stop() const { return stop_; }
    void stop_with(Problem problem);

    void member();                     // one more is given
    void gave(std::uint64_t bytes);    // into a member
    void worked(std::uint64_t bytes);  // out of a decompressor
    void read(std::uint64_t bytes);    // out of the file
    std::uint64_t progress() const { return progress_; }

    // Called where more than `after` and kLeastProgress bytes have passed since the last `restart`.
    void set_heartbeat(std::function<void()> beat, std::chrono::milliseconds after);
    void restart();

  private:
    void tick(std::uint64_t bytes);

    Allowance allowance_;
    std::uint64_t work_left_;
    std::uint64_t progress_ = 0;
    std::uint64_t since_ = 0;
    std::optional<Problem> stop_;
    std::function<void()> beat_;
    std::chrono::milliseconds after_{0};
    std::chrono::steady_clock::time_point start_;
};

}  // namespace rushlight::archive::unpack
