// The exact hashes of a content, in one pass over its bytes. Private to media.
#pragma once

#include "base/content.h"
#include "media/fingerprint.h"

namespace rushlight::media {

struct ExactRead {
    Exact hashes;
    std::uint64_t bytes = 0;  // that were read: a file may be longer or shorter than it was when opened
};

// By OpenSSL, which uses the processor's own instructions where it has them. Adds to stages.read and
// stages.exact.
Result<ExactRead> read_exact(const Content& content, Stages& stages);

}  // namespace rushlight::media
