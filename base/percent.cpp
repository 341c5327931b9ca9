#include "base/percent.h"

#include "base/bytes.h"

namespace rushlight {

void append_percent_encoded(std::string& out, std::string_view text, const PercentSet& set) {
    constexpr std::string_view kDigits = "0123456789ABCDEF";
    for (const char c : text) {
        if (!set.has(c)) {
            out += c;
            continue;
        }
        const auto byte = static_cast<unsigned char>(c);
        out += '%';
        out += kDigits[byte >> 4];
        out += kDigits[byte & 15];
    }
}

std::string percent_decode(std::string_view text) {
    std::string out;
    out.reserve(text.size());
    for (std::size_t i = 0; i < text.size(); ++i) {
        std::byte byte{};
        if (text[i] == '%' && i + 2 < text.size() && parse_hex(text.substr(i + 1, 2), {&byte, 1})) {
            out += static_cast<char>(byte);
            i += 2;
        } else {
            out += text[i];
        }
    }
    return out;
}

}  // namespace rushlight
