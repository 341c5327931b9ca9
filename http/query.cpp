#include "http/query.h"

#include "base/text.h"

#include <algorithm>

namespace rushlight::http {
namespace {

int digit(char c) {
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    if (c >= 'A' && c <= 'F') return c - 'A' + 10;
    return -1;
}

bool is_unreserved(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '.' || c == '_' || c == '~';
}

}  // namespace

std::optional<std::string> percent_decode(std::string_view text, bool plus_is_space) {
    std::string out;
    out.reserve(text.size());
    for (std::size_t i = 0; i < text.size(); ++i) {
        char c = text[i];
        if (c == '+' && plus_is_space) {
            c = ' ';
        } else if (c == '%') {
            if (i + 2 >= text.size()) return std::nullopt;
            const int high = digit(text[i + 1]);
            const int low = digit(text[i + 2]);
            if (high < 0 || low < 0) return std::nullopt;
            c = static_cast<char>(high * 16 + low);
            i += 2;
        }
        if (c == '\0') return std::nullopt;
        out += c;
    }
    if (!is_utf8(out)) return std::nullopt;
    return out;
}

std::string percent_encode(std::string_view text) {
    static constexpr std::string_view kDigits = "0123456789ABCDEF";
    std::string out;
    for (const char c : text) {
        if (is_unreserved(c)) {
            out += c;
        } else {
            const auto byte = static_cast<unsigned char>(c);
            out += '%';
            out += kDigits[byte >> 4];
            out += kDigits[byte & 15];
        }
    }
    return out;
}

Result<Query> Query::parse(std::string_view text, std::size_t most) {
    Query query;
    if (text.empty()) return query;
    for (const auto part : split(text, '&')) {
        if (part.empty()) continue;
        if (query.items_.size() == most)
            return fail(ErrorCode::limit, "there are more than " + std::to_string(most) + " parameters");
        const auto equals = part.find('=');
        auto name = percent_decode(part.substr(0, equals), true);
        auto value = equals == std::string_view::npos ? std::optional<std::string>("")
                                                      : percent_decode(part.substr(equals + 1), true);
        if (!name || !value)
            return fail(ErrorCode::invalid, "parameter " + std::to_string(query.items_.size() + 1) +
                                                " is not well percent-encoded UTF-8");
        query.items_.emplace_back(std::move(*name), std::move(*value));
    }
    return query;
}

std::optional<std::string_view> Query::get(std::string_view name) const {
    const auto found =
        std::find_if(items_.begin(), items_.end(), [&](const auto& item) { return item.first == name; });
    return found == items_.end() ? std::nullopt : std::optional<std::string_view>(found->second);
}

std::vector<std::string_view> Query::all(std::string_view name) const {
    std::vector<std::string_view> values;
    for (const auto& [key, value] : items_)
        if (key == name) values.emplace_back(value);
    return values;
}

}  // namespace rushlight::http
