#include "match/index/bits.h"

#include <bit>
#include <cstring>

namespace rushlight::match::index {
namespace {

// Rows j to j + 7 of the matrix, a 16-bit lane each. Compilers for every processor know vectors of 16 bytes.
using Rows = std::uint16_t __attribute__((vector_size(16)));
struct Matrix {
    Rows upper, lower;
};
static_assert(std::endian::native == std::endian::little, "a row is two bytes, the lower eight bits first");

constexpr Rows kAll = {0xFFFF, 0xFFFF, 0xFFFF, 0xFFFF, 0xFFFF, 0xFFFF, 0xFFFF, 0xFFFF};

// All ones in those rows whose number has the bit `size` (4, 2 or 1).
template <int size>
constexpr Rows with_bit() {
    if constexpr (size == 4) return Rows{0, 0, 0, 0, 0xFFFF, 0xFFFF, 0xFFFF, 0xFFFF};
    if constexpr (size == 2) return Rows{0, 0, 0xFFFF, 0xFFFF, 0, 0, 0xFFFF, 0xFFFF};
    if constexpr (size == 1) return Rows{0, 0xFFFF, 0, 0xFFFF, 0, 0xFFFF, 0, 0xFFFF};
}

// Each row in the place of the one that lies `size` from it.
template <int size>
Rows exchanged(Rows rows) {
    if constexpr (size == 4) return __builtin_shufflevector(rows, rows, 4, 5, 6, 7, 0, 1, 2, 3);
    if constexpr (size == 2) return __builtin_shufflevector(rows, rows, 2, 3, 0, 1, 6, 7, 4, 5);
    if constexpr (size == 1) return __builtin_shufflevector(rows, rows, 1, 0, 3, 2, 5, 4, 7, 6);
}

// Swaps the off-diagonal squares of `size` of each two rows that lie `size` apart.
template <int size>
void swap_squares(Rows& rows) {
    constexpr std::uint16_t kRight = size == 4 ? 0x0F0F : size == 2 ? 0x3333 : 0x5555;
    const Rows swap = ((rows >> size) ^ exchanged<size>(rows)) & kRight & (with_bit<size>() ^ kAll);
    rows ^= (swap << size) ^ exchanged<size>(swap);
}

// Ever smaller squares (Hacker's Delight, 7-3), eight rows at once; its own inverse.
void transpose(Matrix& m) {
    const Rows swap = ((m.upper >> 8) ^ m.lower) & 0x00FF;
    m.lower ^= swap;
    m.upper ^= swap << 8;
    for (Rows* rows : {&m.upper, &m.lower}) {
        swap_squares<4>(*rows);
        swap_squares<2>(*rows);
        swap_squares<1>(*rows);
    }
}

// Each row left by `by`, what falls off on one side coming in on the other.
template <int by>
Rows rotated(Rows rows) {
    return (rows << by) | (rows >> (16 - by));
}
template <int size, bool back>
void rotate_those_with_bit(Rows& rows) {
    const Rows there = rotated<back ? 16 - size : size>(rows);
    rows = (there & with_bit<size>()) | (rows & (with_bit<size>() ^ kAll));
}

// Row j left by j, or (`back`) right by j: bit by bit of j.
template <bool back>
void rotate_rows(Matrix& m) {
    m.lower = rotated<8>(m.lower);
    for (Rows* rows : {&m.upper, &m.lower}) {
        rotate_those_with_bit<4, back>(*rows);
        rotate_those_with_bit<2, back>(*rows);
        rotate_those_with_bit<1, back>(*rows);
    }
}

template <class To, class From>
To copy(const From& from) {
    static_assert(sizeof(To) == sizeof(Matrix) && sizeof(From) == sizeof(Matrix));
    To to;
    std::memcpy(&to, &from, sizeof to);
    return to;
}

}  // namespace

IndexHash to_index_order(const Pdq& hash) {
    auto m = copy<Matrix>(hash.value);
    rotate_rows<false>(m);
    transpose(m);
    return {copy<std::array<std::uint64_t, 4>>(m)};
}

Pdq from_index_order(const IndexHash& hash) {
    auto m = copy<Matrix>(hash.words);
    transpose(m);
    rotate_rows<true>(m);
    Pdq out;
    std::memcpy(out.value.data(), &m, sizeof m);
    return out;
}

}  // namespace rushlight::match::index
