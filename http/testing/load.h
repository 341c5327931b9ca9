// A load generator: many connections, one request at a time on each (no pipelining), kept alive. One thread,
// epoll.
//
// Closed loop (rate 0): each connection asks again as soon as it was answered. Open loop: requests are due at
// a steady rate, and each one's latency counts from when it was due, so that a server that stalls is not
// flattered.
#pragma once

#include "base/result.h"

#include <chrono>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace rushlight::http::testing {

struct Load {
    std::uint16_t port = 0;
    int connections = 64;
    std::chrono::milliseconds duration{2'000};
    std::uint64_t most = 0;   // ends after so many answers; 0: by the time alone
    double rate = 0;          // requests/s; 0: as fast as it answers
    bool to_the_end = false;  // waits for the answers under way at the end: for those that take long
    std::function<std::string_view(std::uint64_t)>
        request{};  // the bytes of the n-th; valid until the next call
};

struct Measured {
    std::uint64_t answers = 0;  // of 2xx
    std::uint64_t others = 0;   // of any other status
    std::uint64_t broken = 0;   // connections that ended
    double seconds = 0;
    double cpu_seconds = 0;               // of this thread
    std::vector<std::uint32_t> micros{};  // how many answers took so many microseconds; the last: longer

    double rate() const { return seconds > 0 ? static_cast<double>(answers) / seconds : 0; }
    double percentile(double share) const;  // microseconds
};

// Blocks until done. Pinning is the caller's: this runs on its thread.
Result<Measured> run(const Load& load);

// Pins the calling thread, and the threads and processes that it starts from now on, to one core; false where
// it can't.
bool pin_to_core(int core);
double thread_cpu_seconds();
double process_cpu_seconds();

}  // namespace rushlight::http::testing
