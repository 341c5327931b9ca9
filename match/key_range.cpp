#include "match/key_range.h"

#include "base/bytes.h"

#include <algorithm>
#include <array>

namespace rushlight::match {
namespace {

using formats::Method;

constexpr std::array kWithHash = {Method::md5, Method::sha1, Method::sha256, Method::pdq};  // in key order

// The key before, where there is one.
std::optional<Key> before(Key key) {
    for (std::size_t i = Key::size_of(key.method); i-- > 0;) {
        const bool borrow = key.bytes[i] == std::byte{0};
        key.bytes[i] = std::byte(std::to_integer<unsigned>(key.bytes[i]) - 1U);
        if (!borrow) return key;
    }
    if (key.method == kWithHash.front()) return std::nullopt;
    Key last{*(std::ranges::find(kWithHash, key.method) - 1), {}};
    std::fill_n(last.bytes.begin(), Key::size_of(last.method), std::byte{0xFF});
    return last;
}

}  // namespace

std::optional<KeyRange> KeyRange::of(std::string_view prefix) {
    std::string digits;
    for (const char c : prefix) {
        const char small = c >= 'A' && c <= 'F' ? static_cast<char>(c - 'A' + 'a') : c;
        if ((small < '0' || small > '9') && (small < 'a' || small > 'f')) return std::nullopt;
        digits += small;
    }
    if (digits.size() > 64) return std::nullopt;
    return KeyRange(std::move(digits));
}

bool KeyRange::contains(const Key& key) const {
    return !Key::is_digest(key.method) && to_hex(key.view()).starts_with(prefix_);
}

bool KeyRange::skip(std::optional<Key>& after) const {
    if (after && contains(*after)) return true;
    for (const Method method : kWithHash) {
        const std::size_t bytes = Key::size_of(method);
        if (prefix_.size() > 2 * bytes) continue;
        Key first{method, {}};
        std::string padded = prefix_;
        padded.resize(2 * bytes, '0');
        if (!parse_hex(padded, std::span(first.bytes).first(bytes))) return false;
        if (after && *after >= first) continue;
        const auto start = before(first);
        if (!after || (start && *start > *after)) after = start;
        return true;
    }
    return false;
}

}  // namespace rushlight::match
