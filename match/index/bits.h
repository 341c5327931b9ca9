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
    // What each part may differ in, at most 16; -1 is never.
    class Bounds {
      public:
        explicit Bounds(const std::array<std::int8_t, kParts>& most) {
            for (int i = 0; i < kParts; ++i) {
                lanes_[i / 4] |= static_cast<std::uint64_t>(0x8000 + most[static_cast<std::size_t>(i)])
                                 << (16 * (i % 4));
            }
        }

      private:
        friend class PartDistances;
        std::array<std::uint64_t, 4> lanes_{};
    };

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
    // A bit for each part that differs in no more than it may.
    unsigned within(const Bounds& bounds) const {
        unsigned parts = 0;
        for (std::size_t i = 0; i < 4; ++i) {
            // A lane keeps its highest bit where nothing has to be borrowed from it; the product gathers the
            // four.
            const std::uint64_t kept = (bounds.lanes_[i] - lanes_[i]) >> 15 & 0x0001000100010001;
            parts |= static_cast<unsigned>(kept * 0x0001000200040008 >> 48 & 0xF) << (4 * i);
        }
        return parts;
    }
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
