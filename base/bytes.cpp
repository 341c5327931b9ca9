#include "base/bytes.h"

#include <array>

namespace rushlight {
namespace {

constexpr std::string_view kHexDigits = "0123456789abcdef";
constexpr std::string_view kBase64Digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
constexpr std::uint8_t kNone = 0xff;

using DigitTable = std::array<std::uint8_t, 256>;

constexpr DigitTable make_table(std::string_view digits) {
    DigitTable table{};
    table.fill(kNone);
    for (std::size_t i = 0; i < digits.size(); ++i)
        table[static_cast<unsigned char>(digits[i])] = static_cast<std::uint8_t>(i);
    return table;
}

constexpr DigitTable make_hex_table() {
    DigitTable table = make_table(kHexDigits);
    for (std::uint8_t i = 0; i < 6; ++i) table['A' + i] = static_cast<std::uint8_t>(10 + i);
    return table;
}

constexpr DigitTable kHexValue = make_hex_table();
constexpr DigitTable kBase64Value = make_table(kBase64Digits);

}  // namespace

std::string to_hex(Bytes bytes) {
    std::string text;
    text.reserve(bytes.size() * 2);
    for (const std::byte b : bytes) {
        const auto value = std::to_integer<unsigned>(b);
        text.push_back(kHexDigits[value >> 4]);
        text.push_back(kHexDigits[value & 15]);
    }
    return text;
}

bool parse_hex(std::string_view text, std::span<std::byte> out) {
    if (text.size() != out.size() * 2) return false;
    unsigned bad = 0;
    for (std::size_t i = 0; i < out.size(); ++i) {
        const unsigned high = kHexValue[static_cast<unsigned char>(text[2 * i])];
        const unsigned low = kHexValue[static_cast<unsigned char>(text[2 * i + 1])];
        bad |= (high | low) & 0xf0;
        out[i] = static_cast<std::byte>((high << 4) | (low & 15));
    }
    return bad == 0;
}

std::string to_base64(Bytes bytes) {
    std::string text;
    text.reserve((bytes.size() + 2) / 3 * 4);
    for (std::size_t i = 0; i < bytes.size(); i += 3) {
        const std::size_t count = std::min<std::size_t>(3, bytes.size() - i);
        std::uint32_t group = 0;
        for (std::size_t k = 0; k < 3; ++k) {
            group = (group << 8) | (k < count ? std::to_integer<std::uint32_t>(bytes[i + k]) : 0u);
        }
        for (std::size_t k = 0; k < 4; ++k) {
            text.push_back(k <= count ? kBase64Digits[(group >> (18 - 6 * k)) & 63] : '=');
        }
    }
    return text;
}

std::optional<ByteVector> parse_base64(std::string_view text) {
    std::size_t padding = 0;
    while (!text.empty() && text.back() == '=' && padding < 2) {
        text.remove_suffix(1);
        ++padding;
    }
    if (text.size() % 4 == 1 || (padding != 0 && (text.size() + padding) % 4 != 0)) return std::nullopt;
    ByteVector out;
    out.reserve(text.size() * 3 / 4);
    std::uint32_t group = 0;
    int bits = 0;
    for (const char c : text) {
        const std::uint8_t value = kBase64Value[static_cast<unsigned char>(c)];
        if (value == kNone) return std::nullopt;
        group = (group << 6) | value;
        bits += 6;
        if (bits >= 8) {
            bits -= 8;
            out.push_back(static_cast<std::byte>((group >> bits) & 0xff));
        }
    }
    if ((group & ((1u << bits) - 1)) != 0) return std::nullopt;  // stray bits: not a canonical encoding
    return out;
}

}  // namespace rushlight
