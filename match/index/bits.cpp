#include "match/index/bits.h"

namespace rushlight::match::index {

IndexHash to_index_order(const Pdq& hash) {
    std::array<std::uint16_t, 16> rows{};
    for (int j = 0; j < 16; ++j) {
        const auto low = std::to_integer<unsigned>(hash.value[2 * j]);
        const auto high = std::to_integer<unsigned>(hash.value[2 * j + 1]);
        rows[j] = std::rotl(static_cast<std::uint16_t>(low | high << 8), j);
    }
    // Transpose by swapping ever smaller off-diagonal squares (Hacker's Delight, 7-3).
    std::uint16_t mask = 0x00FF;
    for (int size = 8; size != 0; size >>= 1, mask ^= static_cast<std::uint16_t>(mask << size)) {
        for (int j = 0; j < 16; j = (j + size + 1) & ~size) {
            const auto swap = static_cast<std::uint16_t>(((rows[j] >> size) ^ rows[j + size]) & mask);
            rows[j + size] ^= swap;
            rows[j] ^= static_cast<std::uint16_t>(swap << size);
        }
    }
    IndexHash out;
    for (int i = 0; i < 16; ++i) out.words[i / 4] |= std::uint64_t{rows[i]} << (16 * (i % 4));
    return out;
}

}  // namespace rushlight::match::index
