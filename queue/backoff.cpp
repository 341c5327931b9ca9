// How long a job waits for its next try.
#include "queue/queue.h"

#include <algorithm>

namespace rushlight::queue {
namespace {

// splitmix64 (Steele, Lea, Flood: "Fast splittable pseudorandom number generators", 2014): the finaliser.
std::uint64_t mixed(std::uint64_t x) {
    x += 0x9e3779b97f4a7c15U;
    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9U;
    x = (x ^ (x >> 27)) * 0x94d049bb133111ebU;
    return x ^ (x >> 31);
}

}  // namespace

std::chrono::microseconds delay_after(const Kind& kind, JobId job, int attempt, std::uint64_t seed) {
    const std::int64_t longest = kind.longest_delay.count();
    std::int64_t delay = std::min(kind.first_delay.count(), longest);
    for (int i = 1; i < attempt && delay < longest; ++i) delay = delay > longest / 2 ? longest : delay * 2;
    // Between a half and the whole, so that jobs which failed together do not come back together.
    const std::uint64_t random = mixed(mixed(seed ^ mixed(static_cast<std::uint64_t>(job.value))) +
                                       static_cast<std::uint64_t>(attempt));
    const double share = 0.5 + 0.5 * (static_cast<double>(random >> 11) * 0x1p-53);
    return std::chrono::microseconds(static_cast<std::int64_t>(static_cast<double>(delay) * share));
}

}  // namespace rushlight::queue
