#include "base/text.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdio>

namespace rushlight {
namespace {

constexpr std::string_view kSpace = " \t\r\n\f\v";
constexpr std::string_view kReplacement = "\xEF\xBF\xBD";

char lower_char(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; }

struct Decoded {
    char32_t code_point;
    std::size_t length;  // bytes taken from the text, at least 1
    bool valid;
};

// Decodes the first code point by table 3-7 of the Unicode standard; an invalid sequence takes its maximal
// subpart.
Decoded decode(std::string_view text) {
    const auto at = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
    const unsigned first = at(0);
    if (first < 0x80) return {first, 1, true};
    unsigned low = 0x80;
    unsigned high = 0xBF;
    std::size_t length = 0;
    char32_t code_point = 0;
    if (first >= 0xC2 && first <= 0xDF) {
        length = 2;
        code_point = first & 0x1F;
    } else if (first >= 0xE0 && first <= 0xEF) {
        length = 3;
        code_point = first & 0x0F;
        if (first == 0xE0) low = 0xA0;
        if (first == 0xED) high = 0x9F;
    } else if (first >= 0xF0 && first <= 0xF4) {
        length = 4;
        code_point = first & 0x07;
        if (first == 0xF0) low = 0x90;
        if (first == 0xF4) high = 0x8F;
    } else {
        return {0xFFFD, 1, false};
    }
    for (std::size_t i = 1; i < length; ++i) {
        if (i >= text.size() || at(i) < low || at(i) > high) return {0xFFFD, i, false};
        code_point = (code_point << 6) | (at(i) & 0x3F);
        low = 0x80;
        high = 0xBF;
    }
    return {code_point, length, true};
}

// Characters that move, hide or reorder what a terminal shows around them.
bool draws_on_the_screen(char32_t c) {
    return c < 0x20 || (c >= 0x7F && c < 0xA0) || c == 0x061C || (c >= 0x200B && c <= 0x200F) ||
           (c >= 0x2028 && c <= 0x202E) || (c >= 0x2060 && c <= 0x206F) || c == 0xFEFF;
}

}  // namespace

std::string_view trim(std::string_view text) {
    const std::size_t begin = text.find_first_not_of(kSpace);
    if (begin == std::string_view::npos) return {};
    return text.substr(begin, text.find_last_not_of(kSpace) - begin + 1);
}

std::string lower(std::string_view text) {
    std::string out(text);
    std::ranges::transform(out, out.begin(), lower_char);
    return out;
}

bool equals_ignoring_case(std::string_view a, std::string_view b) {
    return std::ranges::equal(a, b, {}, lower_char, lower_char);
}

std::vector<std::string_view> split(std::string_view text, char separator) {
    std::vector<std::string_view> parts;
    for (;;) {
        const std::size_t end = text.find(separator);
        parts.push_back(text.substr(0, end));
        if (end == std::string_view::npos) return parts;
        text.remove_prefix(end + 1);
    }
}

std::optional<std::int64_t> parse_integer(std::string_view text) {
    std::int64_t value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc{} || end != text.data() + text.size() || text.empty()) return std::nullopt;
    return value;
}

bool is_utf8(std::string_view text) {
    while (!text.empty()) {
        const Decoded d = decode(text);
        if (!d.valid) return false;
        text.remove_prefix(d.length);
    }
    return true;
}

std::string to_utf8(std::string_view bytes) {
    std::string out;
    out.reserve(bytes.size());
    while (!bytes.empty()) {
        const Decoded d = decode(bytes);
        out += d.valid ? bytes.substr(0, d.length) : kReplacement;
        bytes.remove_prefix(d.length);
    }
    return out;
}

void append_json_string(std::string& out, std::string_view text) {
    const std::string clean = to_utf8(text);
    out += '"';
    for (const char c : clean) {
        if (c == '"' || c == '\\') {
            out += '\\';
            out += c;
        } else if (static_cast<unsigned char>(c) < 0x20) {
            std::array<char, 8> escape{};
            std::snprintf(escape.data(), escape.size(), "\\u%04x", static_cast<unsigned>(c));
            out += escape.data();
        } else {
            out += c;
        }
    }
    out += '"';
}

std::string printable(std::string_view bytes) {
    std::string out;
    out.reserve(bytes.size());
    while (!bytes.empty()) {
        const Decoded d = decode(bytes);
        if (!d.valid) {
            out += kReplacement;
        } else if (d.code_point == '\n') {
            out += "\\n";
        } else if (d.code_point == '\t') {
            out += "\\t";
        } else if (draws_on_the_screen(d.code_point)) {
            std::array<char, 16> buffer{};
            std::snprintf(buffer.data(), buffer.size(), d.code_point < 0x80 ? "\\x%02x" : "<U+%04X>",
                          static_cast<unsigned>(d.code_point));
            out += buffer.data();
        } else {
            out += bytes.substr(0, d.length);
        }
        bytes.remove_prefix(d.length);
    }
    return out;
}

}  // namespace rushlight
