#include "match/index/bits.h"

namespace rushlight::match::index {
namespace {

// The 16 x 16 matrix as four words of four rows; row j is lane j % 4 of word j / 4.
using Matrix = std::array<std::uint64_t, 4>;

constexpr std::uint64_t lanes(std::uint64_t pattern) { return pattern * 0x0001000100010001; }

// Swaps the off-diagonal squares of two rows that lie `size` apart.
void swap_squares(std::uint64_t& upper, std::uint64_t& lower, int size, std::uint64_t mask) {
    const std::uint64_t swap = ((upper >> size) ^ lower) & mask;
    lower ^= swap;
    upper ^= swap << size;
}
void swap_squares_within(std::uint64_t& word, int size, std::uint64_t mask) {
    const std::uint64_t swap = ((word >> size) ^ (word >> 16 * size)) & mask;
    word ^= swap << size ^ swap << 16 * size;
}

// Ever smaller squares (Hacker's Delight, 7-3), many rows at once; its own inverse.
void transpose(Matrix& m) {
    swap_squares(m[0], m[2], 8, lanes(0x00FF));
    swap_squares(m[1], m[3], 8, lanes(0x00FF));
    swap_squares(m[0], m[1], 4, lanes(0x0F0F));
    swap_squares(m[2], m[3], 4, lanes(0x0F0F));
    for (auto& word : m) {
        swap_squares_within(word, 2, 0x0000000033333333);
        swap_squares_within(word, 1, 0x0000555500005555);
    }
}

// Each lane left by `by` (its lower bits come from above).
std::uint64_t rotate_lanes(std::uint64_t word, int by) {
    const std::uint64_t stay = lanes((0xFFFFU << by) & 0xFFFFU);
    return (word << by & stay) | (word >> (16 - by) & ~stay);
}
std::uint64_t choose(std::uint64_t mask, std::uint64_t yes, std::uint64_t no) {
    return (yes & mask) | (no & ~mask);
}

// Row j left by j, or (`back`) right by j: bit by bit of j.
void rotate_rows(Matrix& m, bool back) {
    const auto by = [back](int n) { return back ? 16 - n : n; };
    for (const int i : {2, 3}) m[i] = rotate_lanes(m[i], 8);
    for (const int i : {1, 3}) m[i] = rotate_lanes(m[i], by(4));
    for (auto& word : m) {
        word = choose(0xFFFFFFFF00000000, rotate_lanes(word, by(2)), word);
        word = choose(0xFFFF0000FFFF0000, rotate_lanes(word, by(1)), word);
    }
}

// Byte by byte, so that it is the same on every machine; compilers make one load or store of it.
std::uint64_t load(const std::byte* from) {
    std::uint64_t word = 0;
    for (int i = 0; i < 8; ++i) word |= std::to_integer<std::uint64_t>(from[i]) << (8 * i);
    return word;
}
void store(std::byte* to, std::uint64_t word) {
    for (int i = 0; i < 8; ++i) to[i] = static_cast<std::byte>(word >> (8 * i));
}

}  // namespace

IndexHash to_index_order(const Pdq& hash) {
    Matrix m{};
    for (std::size_t i = 0; i < 4; ++i) m[i] = load(hash.value.data() + 8 * i);
    rotate_rows(m, false);
    transpose(m);
    return {m};
}

Pdq from_index_order(const IndexHash& hash) {
    Matrix m = hash.words;
    transpose(m);
    rotate_rows(m, true);
    Pdq out;
    for (std::size_t i = 0; i < 4; ++i) store(out.value.data() + 8 * i, m[i]);
    return out;
}

}  // namespace rushlight::match::index
