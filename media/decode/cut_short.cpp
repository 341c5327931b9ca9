#include "media/decode/cut_short.h"

#include <array>
#include <bit>

namespace rushlight::media::decode {
namespace {

constexpr int kMostBoxes = 10'000;  // an intact file has a handful at the top

// The 16 bytes at a place; zeros from the end of the file on.
std::array<std::uint8_t, 16> look(const Input& input, std::uint64_t at) {
    std::array<std::uint8_t, 16> bytes{};
    input.read_at(at, bytes);
    return bytes;
}

std::uint64_t big_endian(std::span<const std::uint8_t> bytes) {
    std::uint64_t value = 0;
    for (const std::uint8_t byte : bytes) value = value << 8 | byte;
    return value;
}

// An EBML element's length: how many bytes it takes itself, and its value (`unknown` where all bits are set).
struct Length {
    std::size_t bytes = 0;
    std::uint64_t value = 0;
    bool unknown = false;
};
Length ebml_length(std::span<const std::uint8_t> bytes) {
    const int zeros = std::countl_zero(bytes[0]);
    if (zeros > 7) return {};
    Length length{static_cast<std::size_t>(zeros) + 1, bytes[0] & (0x7fu >> zeros), false};
    for (std::size_t i = 1; i < length.bytes; ++i) length.value = length.value << 8 | bytes[i];
    length.unknown = length.value == (std::uint64_t{1} << (7 * length.bytes)) - 1;
    return length;
}

}  // namespace

bool boxes_cut_short(const Input& input) {
    std::uint64_t at = 0;
    for (int box = 0; box < kMostBoxes && at < input.size(); ++box) {
        const std::uint64_t left = input.size() - at;
        if (left < 8) return true;
        const auto head = look(input, at);
        std::uint64_t size = big_endian(std::span(head).first<4>());
        if (size == 0) return false;  // to the end of the file, wherever that is
        if (size == 1) {
            if (left < 16) return true;
            size = big_endian(std::span(head).last<8>());
        }
        if (size < 8) return false;  // broken, not short
        if (size > left) return true;
        at += size;
    }
    return false;
}

bool matroska_cut_short(const Input& input) {
    if (input.size() < 16) return true;
    const auto first = look(input, 0);
    const Length header = ebml_length(std::span(first).subspan(4));
    if (header.bytes == 0 || header.unknown) return false;
    const std::uint64_t at = 4 + header.bytes + header.value;
    if (at >= input.size() || input.size() - at < 16) return true;
    const auto second = look(input, at);
    const Length segment = ebml_length(std::span(second).subspan(4));
    if (segment.bytes == 0 || segment.unknown) return false;
    return segment.value > input.size() - at - 4 - segment.bytes;
}

bool riff_cut_short(const Input& input) {
    if (input.size() < 12) return true;
    const auto head = look(input, 0);
    const std::uint64_t said = std::uint64_t{head[4]} | std::uint64_t{head[5]} << 8 |
                               std::uint64_t{head[6]} << 16 | std::uint64_t{head[7]} << 24;
    return said + 8 > input.size();
}

}  // namespace rushlight::media::decode
