#include "match/index/bits.h"

namespace rushlight::match::index {

namespace {

using Rows = std::array<std::uint16_t, 16>;

// Swaps ever smaller off-diagonal squares (Hacker's Delight, 7-3); its own inverse.
void transpose(Rows& rows) {
    std::uint16_t mask = 0x00FF;
    for (int size = 8; size != 0; size >>= 1, mask ^= static_cast<std::uint16_t>(mask << size)) {
        for (int j = 0; j < 16; j = (j + size + 1) & ~size) {
            const auto swap = static_cast<std::uint16_t>(((rows[j] >> size) ^ rows[j + size]) & mask);
            rows[j + size] ^= swap;
            rows[j] ^= static_cast<std::uint16_t>(swap << size);
        }
    }
}

}  // namespace

IndexHash to_index_order(const Pdq& hash) {
    Rows rows{};
    for (int j = 0; j < 16; ++j) {
        const auto low = std::to_integer<unsigned>(hash.value[2 * j]);
        const auto high = std::to_integer<unsigned>(hash.value[2 * j + 1]);
        rows[j] = std::rotl(static_cast<std::uint16_t>(low | high << 8), j);
    }
    transpose(rows);
    IndexHash out;
    for (int i = 0; i < 16; ++i) out.words[i / 4] |= std::uint64_t{rows[i]} << (16 * (i % 4));
    return out;
}

Pdq from_index_order(const IndexHash& hash) {
    Rows rows{};
    for (int i = 0; i < 16; ++i) rows[i] = hash.part(i);
    transpose(rows);
    Pdq out;
    for (int j = 0; j < 16; ++j) {
        const std::uint16_t row = std::rotr(rows[j], j);
        out.value[2 * j] = static_cast<std::byte>(row);
        out.value[2 * j + 1] = static_cast<std::byte>(row >> 8);
    }
    return out;
}

}  // namespace rushlight::match::index
