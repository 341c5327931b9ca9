#include "base/url_host.h"

#include "base/percent.h"
#include "base/text.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstdio>
#include <vector>

#include <unicode/uidna.h>

namespace rushlight {
namespace {

constexpr std::string_view kForbiddenInHost("\0\t\n\r #/:<>?@[\\]^|", 17);
bool forbidden_in_host(char c) { return kForbiddenInHost.find(c) != std::string_view::npos; }
bool forbidden_in_domain(char c) {
    return forbidden_in_host(c) || c == '%' || c == '\x7F' || static_cast<unsigned char>(c) < 0x20;
}

bool is_digit(char c) { return c >= '0' && c <= '9'; }
int hex_value(char c) {
    if (is_digit(c)) return c - '0';
    const char low = static_cast<char>(c | 0x20);
    return low >= 'a' && low <= 'f' ? low - 'a' + 10 : -1;
}
bool is_ascii(std::string_view text) {
    return std::ranges::all_of(text, [](char c) { return static_cast<unsigned char>(c) < 0x80; });
}

// ----- domains

const UIDNA* idna() {
    static const UIDNA* const instance = [] {
        UErrorCode error = U_ZERO_ERROR;
        UIDNA* made = uidna_openUTS46(UIDNA_CHECK_BIDI | UIDNA_CHECK_CONTEXTJ |
                                          UIDNA_NONTRANSITIONAL_TO_ASCII | UIDNA_NONTRANSITIONAL_TO_UNICODE,
                                      &error);
        return U_SUCCESS(error) ? made : nullptr;
    }();
    return instance;
}

// Debian 12's ICU follows an older UTS #46, which lets pass what revision 33 made an error: a label spelt
// with "xn--" that decodes to nothing but ASCII. See https://www.unicode.org/reports/tr46/#Processing,
// step 4.1.
bool encodes_only_ascii(std::string_view domain) {
    for (const std::string_view label : split(domain, '.')) {
        // Punycode writes the ASCII characters first, and a last "-" behind them; what follows is the rest.
        if (label.starts_with("xn--") && (label.size() == 4 || label.ends_with('-'))) return true;
    }
    return false;
}

Result<std::string> domain_to_ascii(const std::string& domain) {
    if (is_ascii(domain)) return lower(domain);  // "xn--" labels too, and whatever they may decode to
    if (!idna()) return fail(ErrorCode::unavailable, "ICU's data for international names can't be opened");

    // What VerifyDnsLength=false and CheckHyphens=false let pass.
    constexpr std::uint32_t kAllowed = UIDNA_ERROR_EMPTY_LABEL | UIDNA_ERROR_LABEL_TOO_LONG |
                                       UIDNA_ERROR_DOMAIN_NAME_TOO_LONG | UIDNA_ERROR_LEADING_HYPHEN |
                                       UIDNA_ERROR_TRAILING_HYPHEN | UIDNA_ERROR_HYPHEN_3_4;
    std::string ascii(domain.size() * 2 + 64, '\0');
    for (;;) {
        UIDNAInfo info = UIDNA_INFO_INITIALIZER;
        UErrorCode error = U_ZERO_ERROR;
        const std::int32_t length =
            uidna_nameToASCII_UTF8(idna(), domain.data(), static_cast<std::int32_t>(domain.size()),
                                   ascii.data(), static_cast<std::int32_t>(ascii.size()), &info, &error);
        if (error == U_BUFFER_OVERFLOW_ERROR) {
            ascii.resize(static_cast<std::size_t>(length));
            continue;
        }
        if (U_FAILURE(error) || (info.errors & ~kAllowed) != 0) {
            return fail(ErrorCode::invalid, "the host is no valid international domain name");
        }
        ascii.resize(static_cast<std::size_t>(length));
        break;
    }
    if (!is_ascii(ascii) || encodes_only_ascii(ascii)) {
        return fail(ErrorCode::invalid, "the host is no valid international domain name");
    }
    return ascii;
}

// ----- IPv4

// Decimal, octal after "0", hexadecimal after "0x"; nullopt where it is no number. Capped far above any
// address.
std::optional<std::uint64_t> ipv4_number(std::string_view text) {
    if (text.empty()) return std::nullopt;
    int radix = 10;
    if (text.size() >= 2 && text[0] == '0') {
        const bool hex = (text[1] | 0x20) == 'x';
        radix = hex ? 16 : 8;
        text.remove_prefix(hex ? 2 : 1);
    }
    std::uint64_t value = 0;
    for (const char c : text) {
        const int digit = hex_value(c);
        if (digit < 0 || digit >= radix) return std::nullopt;
        value = std::min<std::uint64_t>(value * static_cast<unsigned>(radix) + static_cast<unsigned>(digit),
                                        std::uint64_t{1} << 40);
    }
    return value;
}

std::vector<std::string_view> ipv4_parts(std::string_view domain) {
    auto parts = split(domain, '.');
    if (parts.size() > 1 && parts.back().empty()) parts.pop_back();
    return parts;
}

bool ends_in_a_number(std::string_view domain) {
    const std::string_view last = ipv4_parts(domain).back();
    return !last.empty() && (std::ranges::all_of(last, is_digit) || ipv4_number(last));
}

Result<std::string> parse_ipv4(std::string_view domain) {
    const auto wrong = [] {
        return fail(ErrorCode::invalid, "the host ends in a number, but is no IPv4 address");
    };
    const auto parts = ipv4_parts(domain);
    if (parts.size() > 4) return wrong();
    std::uint64_t address = 0;
    for (std::size_t i = 0; i < parts.size(); ++i) {
        const auto number = ipv4_number(parts[i]);
        if (!number) return wrong();
        const bool last = i + 1 == parts.size();
        // The last number fills all bytes that are left.
        if (*number >= (last ? std::uint64_t{1} << (8 * (4 - i)) : 256)) return wrong();
        address |= last ? *number : *number << (8 * (3 - i));
    }
    std::string text;
    for (int shift = 24; shift >= 0; shift -= 8) {
        text += std::to_string(address >> shift & 255);
        if (shift > 0) text += '.';
    }
    return text;
}

// ----- IPv6

using Pieces = std::array<std::uint16_t, 8>;

// The "1.2.3.4" at the end, into two pieces; decimal only, no leading zero.
bool parse_embedded_ipv4(std::string_view text, std::uint16_t* into) {
    const auto parts = split(text, '.');
    if (parts.size() != 4) return false;
    std::uint32_t address = 0;
    for (const std::string_view part : parts) {
        const auto number = parse_integer(part);
        if (!number || part.size() > 3 || *number > 255 || !std::ranges::all_of(part, is_digit)) return false;
        if (part.size() > 1 && part[0] == '0') return false;
        address = address << 8 | static_cast<std::uint32_t>(*number);
    }
    into[0] = static_cast<std::uint16_t>(address >> 16);
    into[1] = static_cast<std::uint16_t>(address);
    return true;
}

std::optional<Pieces> parse_ipv6(std::string_view text) {
    Pieces pieces{};
    std::size_t count = 0;
    std::optional<std::size_t> gap;  // where "::" stands
    if (text.starts_with(':')) {
        if (!text.starts_with("::")) return std::nullopt;
        text.remove_prefix(2);
        gap = 0;
    }
    while (!text.empty()) {
        if (count == 8) return std::nullopt;
        if (text[0] == ':') {
            if (gap) return std::nullopt;
            text.remove_prefix(1);
            gap = count;
            continue;
        }
        std::size_t digits = 0;
        unsigned value = 0;
        while (digits < 4 && digits < text.size() && hex_value(text[digits]) >= 0) {
            value = value * 16 + static_cast<unsigned>(hex_value(text[digits++]));
        }
        if (digits < text.size() && text[digits] == '.') {
            if (digits == 0 || count > 6 || !parse_embedded_ipv4(text, &pieces[count])) return std::nullopt;
            count += 2;
            text = {};
            break;
        }
        if (digits == 0) return std::nullopt;
        pieces[count++] = static_cast<std::uint16_t>(value);
        text.remove_prefix(digits);
        if (text.empty()) break;
        if (text[0] != ':' || text.size() == 1) return std::nullopt;
        text.remove_prefix(1);
    }
    if (gap) {
        if (count == 8) return std::nullopt;
        std::move_backward(pieces.begin() + static_cast<std::ptrdiff_t>(*gap),
                           pieces.begin() + static_cast<std::ptrdiff_t>(count), pieces.end());
        std::fill(pieces.begin() + static_cast<std::ptrdiff_t>(*gap),
                  pieces.end() - static_cast<std::ptrdiff_t>(count - *gap), std::uint16_t{0});
    } else if (count != 8) {
        return std::nullopt;
    }
    return pieces;
}

// The first of the longest runs of two or more zeros becomes "::".
std::string serialise_ipv6(const Pieces& pieces) {
    std::size_t best = 8;
    std::size_t best_length = 1;
    for (std::size_t i = 0; i < 8; ++i) {
        std::size_t end = i;
        while (end < 8 && pieces[end] == 0) ++end;
        if (end - i > best_length) {
            best = i;
            best_length = end - i;
        }
        i = std::max(i, end);
    }
    std::string text = "[";
    for (std::size_t i = 0; i < 8; ++i) {
        if (i == best) {
            text += i == 0 ? "::" : ":";
            i += best_length - 1;
            continue;
        }
        std::array<char, 8> digits{};
        std::snprintf(digits.data(), digits.size(), "%x", static_cast<unsigned>(pieces[i]));
        text += digits.data();
        if (i < 7) text += ':';
    }
    return text + ']';
}

}  // namespace

Result<UrlHost> parse_host(std::string_view text, bool special) {
    if (text.starts_with('[')) {
        if (!text.ends_with(']')) return fail(ErrorCode::invalid, "the IPv6 address has no closing bracket");
        const auto pieces = parse_ipv6(text.substr(1, text.size() - 2));
        if (!pieces) return fail(ErrorCode::invalid, "what stands in brackets is no IPv6 address");
        return UrlHost{HostKind::ipv6, serialise_ipv6(*pieces)};
    }
    if (!special) {
        if (std::ranges::any_of(text, forbidden_in_host)) {
            return fail(ErrorCode::invalid, "the host has a character that no host may have");
        }
        UrlHost host{HostKind::opaque, {}};
        append_percent_encoded(host.text, text, kControlSet);
        return host;
    }
    auto ascii = domain_to_ascii(to_utf8(percent_decode(text)));
    if (!ascii) return pass(ascii.error());
    if (ascii->empty()) return fail(ErrorCode::invalid, "the host is empty");
    if (std::ranges::any_of(*ascii, forbidden_in_domain)) {
        return fail(ErrorCode::invalid, "the host has a character that no domain name may have");
    }
    if (!ends_in_a_number(*ascii)) return UrlHost{HostKind::domain, std::move(*ascii)};
    auto ipv4 = parse_ipv4(*ascii);
    if (!ipv4) return pass(ipv4.error());
    return UrlHost{HostKind::ipv4, std::move(*ipv4)};
}

}  // namespace rushlight
