// The exact hashes of a content, in one pass over its bytes. Private to media.
#pragma once

#include "base/content.h"
#include "media/fingerprint.h"

#include <cstdint>
#include <stop_token>

namespace rushlight::media {

struct ExactRead {
    Exact hashes;
    std::uint64_t bytes = 0;  // that were read: a file may be longer or shorter than it was when opened
};

// By OpenSSL, which uses the processor's own instructions where it has them. Adds to stages.read and
// stages.exact. `limit` where it gives kMostPastItsSize more than its size said: a file of /proc, say, whose
// size is 0 and which hardly ends. `cancelled` within a moment of a stop.
inline constexpr std::uint64_t kMostPastItsSize = std::uint64_t{64} << 20;
Result<ExactRead> read_exact(const Content& content, Stages& stages, const std::stop_token& stop = {});

}  // namespace rushlight::media
