// The two inner loops of the index, in one version for each instruction set; chosen at run time, all tested.
#pragma once

#include "match/index/bits.h"

#include <cstddef>
#include <cstdint>
#include <span>

namespace rushlight::match::index {

struct Kernels {
    const char* name;

    // A posting is a position in its low bits and a fingerprint in the bits of `mask`. Writes the positions
    // of those whose fingerprint lies within `limit` bits of `query`'s; returns how many. `out` has room for
    // `count` + 16. At most 16 bits of `mask` are set, `shift` the lowest of them.
    std::size_t (*filter)(const std::uint32_t* postings, std::size_t count, std::uint32_t query,
                          std::uint32_t mask, int shift, int limit, std::uint32_t* out);

    // Compares every hash; writes the place of each within `limit`; returns how many. `out` has room for
    // `count`.
    std::size_t (*scan)(const IndexHash* hashes, std::size_t count, const IndexHash& query, int limit,
                        std::uint32_t* out);

    // Compares the hashes at `positions`; writes those within `limit` (in place is fine); returns how many.
    std::size_t (*verify)(const IndexHash* hashes, const std::uint32_t* positions, std::size_t count,
                          const IndexHash& query, int limit, std::uint32_t* out);
};

// Those this processor can run, slowest first: plain is always there.
std::span<const Kernels* const> runnable_kernels();
const Kernels& best_kernels();

}  // namespace rushlight::match::index
