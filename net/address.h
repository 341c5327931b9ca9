// Address: an IPv4 or IPv6 address, and the ranges that a link from outside must not reach.
#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

struct sockaddr;

namespace rushlight::net {

struct Address {
    bool v6 = false;
    std::array<std::uint8_t, 16> bytes{};  // in network order; IPv4 uses the first four

    auto operator<=>(const Address&) const = default;

    // "192.0.2.1" (four decimal numbers only), "2001:db8::1" or "[2001:db8::1]"; no zone.
    static std::optional<Address> parse(std::string_view text);
    static std::optional<Address> from(const sockaddr& socket_address);
    std::string text() const;  // without brackets
};

struct Endpoint {
    Address address;
    std::uint16_t port = 0;

    auto operator<=>(const Endpoint&) const = default;
};

// One line of the table of ranges that are not for the public Internet.
struct SpecialRange {
    std::string_view prefix;
    int bits;
    std::string_view what;    // "private"
    std::string_view source;  // "RFC 1918"
};
std::span<const SpecialRange> special_ranges();

// Null for a public address. An IPv6 address that only wraps an IPv4 address (mapped, compatible, translated,
// NAT64, 6to4, Teredo, ISATAP) is judged by that one.
const SpecialRange* special_range(const Address& address);

}  // namespace rushlight::net
