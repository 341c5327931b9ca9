// The fingerprints' own types: a hash of one kind can't be passed where another is meant.
//
// Values are kept in the order they are printed: byte 0 holds the first two hexadecimal digits.
#pragma once

#include "base/bytes.h"

#include <array>
#include <bit>
#include <compare>
#include <cstdint>
#include <cstring>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

namespace rushlight {

template <std::size_t N, class Tag>
struct Hash {
    static constexpr std::size_t kBytes = N;
    std::array<std::byte, N> value{};

    auto operator<=>(const Hash&) const = default;

    std::string hex() const { return to_hex(value); }
    // Upper or lower case; nullopt where the length or a digit is wrong.
    static std::optional<Hash> parse(std::string_view text) {
        Hash hash;
        if (!parse_hex(text, hash.value)) return std::nullopt;
        return hash;
    }
    // nullopt where the length is not N.
    static std::optional<Hash> from(Bytes bytes) {
        if (bytes.size() != N) return std::nullopt;
        Hash hash;
        std::memcpy(hash.value.data(), bytes.data(), N);
        return hash;
    }
};

using Md5 = Hash<16, struct Md5Tag>;
using Sha1 = Hash<20, struct Sha1Tag>;
using Sha256 = Hash<32, struct Sha256Tag>;
using Pdq = Hash<32, struct PdqTag>;

// Number of differing bits, 0–256.
inline int distance(const Pdq& a, const Pdq& b) {
    int bits = 0;
    for (std::size_t i = 0; i < Pdq::kBytes; i += 8) {
        std::uint64_t x = 0;
        std::uint64_t y = 0;
        std::memcpy(&x, a.value.data() + i, 8);
        std::memcpy(&y, b.value.data() + i, 8);
        bits += std::popcount(x ^ y);
    }
    return bits;
}

}  // namespace rushlight

// Exact hashes are uniform already: their first bytes make a good table key.
template <std::size_t N, class Tag>
struct std::hash<rushlight::Hash<N, Tag>> {
    std::size_t operator()(const rushlight::Hash<N, Tag>& hash) const noexcept {
        std::size_t key = 0;
        std::memcpy(&key, hash.value.data(), sizeof key);
        return key;
    }
};
