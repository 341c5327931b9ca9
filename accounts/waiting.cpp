#include "accounts/waiting.h"

#include <algorithm>
#include <array>
#include <cstring>

#include <arpa/inet.h>

namespace rushlight::accounts {

Failures remembered(const Bucket& bucket, const Failures& stored, Time now) {
    // From the future: the clock was set back, and nobody may be held by that for long.
    if (now - stored.last > bucket.forgiven || stored.last - now > bucket.forgiven) return {};
    Failures failures = stored;
    failures.open = std::min(failures.open, now + bucket.most);
    return failures;
}

std::chrono::microseconds wait_of(const Bucket& bucket, const Failures& failures, Time now) {
    if (!bucket.holds || failures.open <= now) return {};
    return failures.open - now;
}

Failures one_more(const Bucket& bucket, const Failures& failures, Time now) {
    constexpr std::int64_t kMostDoublings = 20;
    Failures more{.count = failures.count + 1, .last = now, .open = now};
    if (more.count > bucket.free) {
        const std::int64_t doublings = std::min<std::int64_t>(more.count - bucket.free - 1, kMostDoublings);
        more.open = now + std::min(bucket.most, std::chrono::seconds(std::int64_t{1} << doublings));
    }
    return more;
}

std::string peer_network(std::string_view address) {
    const std::string text(address.substr(0, 100));
    std::array<unsigned char, 16> six{};
    std::array<unsigned char, 4> four{};
    if (::inet_pton(AF_INET, text.c_str(), four.data()) == 1) return {four.begin(), four.end()};
    if (::inet_pton(AF_INET6, text.c_str(), six.data()) != 1) return text;
    constexpr std::array<unsigned char, 12> kMapped{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
    if (std::memcmp(six.data(), kMapped.data(), kMapped.size()) == 0) return {six.begin() + 12, six.end()};
    return {six.begin(), six.begin() + 8};
}

}  // namespace rushlight::accounts
