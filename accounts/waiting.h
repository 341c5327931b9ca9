// Private: how long who guesses has to wait. Counts of failures in buckets (for an address from one peer, for
// a peer, for an address from everywhere, for a second factor), each with its free tries, and then a waiting
// time that doubles up to a limit. A failure is counted before it is one, so that a thousand tries at once
// count as a thousand; a success takes it back.
#pragma once

#include "base/hash.h"
#include "base/time.h"

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

namespace rushlight::accounts {

struct Bucket {
    Sha256 key;
    int free = 0;                     // failures without any waiting
    std::chrono::seconds most{};      // the longest wait
    std::chrono::hours forgiven{24};  // without a failure for so long, all are forgotten
    bool holds = true;                // false: counts, but nobody waits for it
};

struct Failures {
    std::int64_t count = 0;
    Time last{}, open{};  // when the last was; no try before this
};

// As they count now.
Failures remembered(const Bucket& bucket, const Failures& stored, Time now);
// How long until the next try; zero: now.
std::chrono::microseconds wait_of(const Bucket& bucket, const Failures& failures, Time now);
Failures one_more(const Bucket& bucket, const Failures& failures, Time now);

// An address as its network gives it to one customer: IPv4, the first half of IPv6, an IPv4 in IPv6's clothes
// as itself; anything else as it is.
std::string peer_network(std::string_view address);

}  // namespace rushlight::accounts
