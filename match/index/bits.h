// The index's own order of a hash's bits.
//
// A PDQ hash is a 16 x 16 matrix of DCT signs, one row a 16-bit word. Rows and columns are correlated in
// real pictures; wrapped diagonals are hardly so (docs/match-index.md has the figures). So part i is made of
// the bits of the i-th wrapped diagonal. Every distance stays as it was: only the order of bits changes.
#pragma once

#include "base/hash.h"

#include <array>
#include <bit>
#include <compare>
#include <cstdint>

namespace rushlight::match::index {

inline constexpr int kParts = 16;
inline constexpr int kPartBits = 16;
inline constexpr int kPartKeys = 1 << kPartBits;

struct IndexHash {
    std::array<std::uint64_t, 4> words{};

    auto operator<=>(const IndexHash&) const = default;

    std::uint16_t part(int i) const { return static_cast<std::uint16_t>(words[i / 4] >> (16 * (i % 4))); }
};

struct IndexEntry {
    IndexHash hash;
    std::uint64_t id = 0;

    bool operator==(const IndexEntry&) const = default;
};

inline int distance(const IndexHash& a, const IndexHash& b) {
    int bits = 0;
    for (int i = 0; i < 4; ++i) bits += std::popcount(a.words[i] ^ b.words[i]);
    return bits;
}

// The order in which a segment keeps its entries: by part 0, so that its table needs no postings.
inline bool stored_before(const IndexEntry& a, const IndexEntry& b) {
    if (const auto x = a.hash.part(0), y = b.hash.part(0); x != y) return x < y;
    if (a.hash != b.hash) return a.hash < b.hash;
    return a.id < b.id;
}

IndexHash to_index_order(const Pdq& hash);
Pdq from_index_order(const IndexHash& hash);

}  // namespace rushlight::match::index
