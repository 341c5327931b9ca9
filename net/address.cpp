#include "net/address.h"

#include <algorithm>
#include <cstring>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

namespace rushlight::net {
namespace {

// The IANA registries of special-purpose addresses (iana-ipv4-special-registry, iana-ipv6-special-registry)
// and of multicast, with what older standards set aside. The first line that fits counts. Ranges that the
// registries call globally reachable (AS112, AMT) are public and not here; single such addresses within
// 192.0.0.0/24 and 2001::/23 are refused with the rest: nothing on the web lives there.
constexpr std::array kRanges{
    SpecialRange{"0.0.0.0", 8, "this network", "RFC 791"},
    SpecialRange{"10.0.0.0", 8, "private", "RFC 1918"},
    SpecialRange{"100.64.0.0", 10, "carrier-grade NAT", "RFC 6598"},
    SpecialRange{"127.0.0.0", 8, "loopback", "RFC 1122"},
    SpecialRange{"169.254.0.0", 16, "link-local", "RFC 3927"},
    SpecialRange{"172.16.0.0", 12, "private", "RFC 1918"},
    SpecialRange{"192.0.0.0", 24, "IETF protocol assignments", "RFC 6890"},
    SpecialRange{"192.0.2.0", 24, "documentation", "RFC 5737"},
    SpecialRange{"192.88.99.0", 24, "6to4 relay (deprecated)", "RFC 7526"},
    SpecialRange{"192.168.0.0", 16, "private", "RFC 1918"},
    SpecialRange{"198.18.0.0", 15, "benchmarking", "RFC 2544"},
    SpecialRange{"198.51.100.0", 24, "documentation", "RFC 5737"},
    SpecialRange{"203.0.113.0", 24, "documentation", "RFC 5737"},
    SpecialRange{"224.0.0.0", 4, "multicast", "RFC 5771"},
    SpecialRange{"255.255.255.255", 32, "broadcast", "RFC 919"},
    SpecialRange{"240.0.0.0", 4, "reserved", "RFC 1112"},

    SpecialRange{"::", 128, "unspecified", "RFC 4291"},
    SpecialRange{"::1", 128, "loopback", "RFC 4291"},
    SpecialRange{"64:ff9b:1::", 48, "local-use translation", "RFC 8215"},
    SpecialRange{"100::", 64, "discard-only", "RFC 6666"},
    SpecialRange{"100:0:0:1::", 64, "dummy", "RFC 9780"},
    SpecialRange{"2001::", 23, "IETF protocol assignments", "RFC 2928"},
    SpecialRange{"2001:db8::", 32, "documentation", "RFC 3849"},
    SpecialRange{"3fff::", 20, "documentation", "RFC 9637"},
    SpecialRange{"5f00::", 16, "segment routing", "RFC 9602"},
    SpecialRange{"fc00::", 7, "unique local", "RFC 4193"},
    SpecialRange{"fe80::", 10, "link-local", "RFC 4291"},
    SpecialRange{"fec0::", 10, "site-local (deprecated)", "RFC 3879"},
    SpecialRange{"ff00::", 8, "multicast", "RFC 4291"},
    // What is left outside 2000::/3 has not been given out as public (iana-ipv6-address-space).
    SpecialRange{"::", 3, "reserved", "RFC 4291"},
    SpecialRange{"4000::", 2, "reserved", "RFC 4291"},
    SpecialRange{"8000::", 1, "reserved", "RFC 4291"},
};

// Where IPv4 addresses stand in an IPv6 address of this prefix, as byte offsets.
struct Wrapping {
    std::string_view prefix;
    int bits;
    std::size_t plain;
    std::optional<std::size_t> flipped = std::nullopt;  // each bit inverted
};
constexpr std::array kWrappings{
    Wrapping{"::ffff:0:0", 96, 12},    // mapped, RFC 4291
    Wrapping{"::ffff:0:0:0", 96, 12},  // translated, RFC 7915
    Wrapping{"::", 96, 12},            // compatible, RFC 4291
    Wrapping{"64:ff9b::", 96, 12},     // NAT64, RFC 6052
    Wrapping{"2002::", 16, 2},         // 6to4, RFC 3056
    Wrapping{"2001::", 32, 4, 12},     // Teredo, RFC 4380: server and client
};

// A text prefix and its bytes, made once.
template <class Line>
struct Known {
    const Line* line;
    Address prefix;
};
template <class Lines>
auto with_prefixes(const Lines& lines) {
    std::array<Known<typename Lines::value_type>, std::tuple_size_v<Lines>> known{};
    for (std::size_t i = 0; i < lines.size(); ++i) {
        known[i] = {&lines[i], Address::parse(lines[i].prefix).value()};
    }
    return known;
}

bool starts_with(const Address& address, const Address& prefix, int bits) {
    if (address.v6 != prefix.v6) return false;
    const auto whole = static_cast<std::size_t>(bits / 8);
    if (std::memcmp(address.bytes.data(), prefix.bytes.data(), whole) != 0) return false;
    const int rest = bits % 8;
    return rest == 0 || ((address.bytes[whole] ^ prefix.bytes[whole]) >> (8 - rest)) == 0;
}

Address inner(const Address& address, std::size_t at, std::uint8_t mask = 0) {
    Address ipv4;
    for (std::size_t i = 0; i < 4; ++i) {
        ipv4.bytes[i] = static_cast<std::uint8_t>(address.bytes[at + i] ^ mask);
    }
    return ipv4;
}

const SpecialRange* line_of(const Address& address) {
    static const auto known = with_prefixes(kRanges);
    for (const auto& [line, prefix] : known) {
        if (starts_with(address, prefix, line->bits)) return line;
    }
    return nullptr;
}

}  // namespace

std::optional<Address> Address::parse(std::string_view text) {
    if (text.starts_with('[') && text.ends_with(']')) {
        text = text.substr(1, text.size() - 2);
        if (text.find(':') == std::string_view::npos) return std::nullopt;
    }
    // A NUL would end the text for inet_pton, and not for us.
    if (text.size() > 45 || text.find('\0') != std::string_view::npos) return std::nullopt;
    const std::string terminated(text);
    Address address;
    address.v6 = text.find(':') != std::string_view::npos;
    if (::inet_pton(address.v6 ? AF_INET6 : AF_INET, terminated.c_str(), address.bytes.data()) != 1) {
        return std::nullopt;
    }
    return address;
}

std::optional<Address> Address::from(const sockaddr& socket_address) {
    Address address;
    if (socket_address.sa_family == AF_INET) {
        const auto& ipv4 = reinterpret_cast<const sockaddr_in&>(socket_address);
        std::memcpy(address.bytes.data(), &ipv4.sin_addr, 4);
        return address;
    }
    if (socket_address.sa_family == AF_INET6) {
        const auto& ipv6 = reinterpret_cast<const sockaddr_in6&>(socket_address);
        address.v6 = true;
        std::memcpy(address.bytes.data(), &ipv6.sin6_addr, 16);
        return address;
    }
    return std::nullopt;
}

std::string Address::text() const {
    std::array<char, INET6_ADDRSTRLEN> buffer{};
    ::inet_ntop(v6 ? AF_INET6 : AF_INET, bytes.data(), buffer.data(), buffer.size());
    return buffer.data();
}

std::span<const SpecialRange> special_ranges() { return kRanges; }

const SpecialRange* special_range(const Address& address) {
    const SpecialRange* range = line_of(address);
    if (!address.v6 || (range && range->bits == 128)) return range;  // :: and ::1 are no IPv4 addresses
    static const auto wrappings = with_prefixes(kWrappings);
    for (const auto& [line, prefix] : wrappings) {
        if (!starts_with(address, prefix, line->bits)) continue;
        range = line_of(inner(address, line->plain));
        return range || !line->flipped ? range : line_of(inner(address, *line->flipped, 0xFF));
    }
    if (range) return range;
    // ISATAP (RFC 5214): any prefix, then 0000:5efe or 0200:5efe, then the IPv4 address.
    constexpr std::array<std::uint8_t, 3> kIsatap{0x00, 0x5E, 0xFE};
    if ((address.bytes[8] & ~0x02) == 0 && std::equal(kIsatap.begin(), kIsatap.end(), &address.bytes[9])) {
        return line_of(inner(address, 12));
    }
    return nullptr;
}

}  // namespace rushlight::net
