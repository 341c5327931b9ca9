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

// In how many bits each part differs, all sixteen at once and without a popcount instruction.
class PartDistances {
  public:
    PartDistances(const IndexHash& a, const IndexHash& b) {
        for (std::size_t i = 0; i < 4; ++i) {
            std::uint64_t x = a.words[i] ^ b.words[i];
            x -= x >> 1 & 0x5555555555555555;
            x = (x & 0x3333333333333333) + (x >> 2 & 0x3333333333333333);
            x = (x + (x >> 4)) & 0x0F0F0F0F0F0F0F0F;
            lanes_[i] = (x + (x >> 8)) & 0x00FF00FF00FF00FF;
        }
    }
    int of(int part) const { return static_cast<int>(lanes_[part / 4] >> (16 * (part % 4)) & 0xFF); }
    int whole() const {
        return static_cast<int>((lanes_[0] + lanes_[1] + lanes_[2] + lanes_[3]) * 0x0001000100010001 >> 48);
    }

  private:
    std::array<std::uint64_t, 4> lanes_{};
};

inline int distance(const IndexHash& a, const IndexHash& b) { return PartDistances(a, b).whole(); }

// The order in which a segment keeps its entries: by part 0, so that its table needs no postings.
inline bool stored_before(const IndexEntry& a, const IndexEntry& b) {
    if (const auto x = a.hash.part(0), y = b.hash.part(0); x != y) return x < y;
    if (a.hash != b.hash) return a.hash < b.hash;
    return a.id < b.id;
}

IndexHash to_index_order(const Pdq& hash);
Pdq from_index_order(const IndexHash& hash);

}  // namespace rushlight::match::index
