#include "http/peer.h"

#include "base/text.h"

#include <algorithm>
#include <cstring>

#include <arpa/inet.h>

namespace rushlight::http {
namespace {

constexpr std::array<std::uint8_t, 12> kMapped{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

bool is_mapped(const Address& address) { return std::equal(kMapped.begin(), kMapped.end(), address.begin()); }

// An entry may carry a port: "1.2.3.4:80", "[::1]:80".
std::string_view without_port(std::string_view entry) {
    if (entry.starts_with('[')) {
        const auto end = entry.find(']');
        return end == std::string_view::npos ? entry : entry.substr(1, end - 1);
    }
    const auto colon = entry.find(':');
    return colon != std::string_view::npos && entry.find(':', colon + 1) == std::string_view::npos
               ? entry.substr(0, colon)
               : entry;
}

}  // namespace

std::optional<Address> parse_address(std::string_view text) {
    if (text.empty() || text.size() > 45) return std::nullopt;
    const std::string name(text);
    Address address{};
    if (inet_pton(AF_INET6, name.c_str(), address.data()) == 1) return address;
    std::copy(kMapped.begin(), kMapped.end(), address.begin());
    if (inet_pton(AF_INET, name.c_str(), address.data() + kMapped.size()) == 1) return address;
    return std::nullopt;
}

std::string to_string(const Address& address) {
    std::array<char, INET6_ADDRSTRLEN> text{};
    const bool mapped = is_mapped(address);
    inet_ntop(mapped ? AF_INET : AF_INET6, address.data() + (mapped ? kMapped.size() : 0), text.data(),
              text.size());
    return text.data();
}

Result<Networks> Networks::parse(const std::vector<std::string>& texts) {
    Networks networks;
    for (const auto& text : texts) {
        const auto slash = text.find('/');
        const auto address = parse_address(std::string_view(text).substr(0, slash));
        if (!address)
            return fail(ErrorCode::invalid,
                        "'" + text + "' is no address or network (10.0.0.0/8) of a proxy");
        int bits = 128;
        if (slash != std::string::npos) {
            const auto given = parse_integer(std::string_view(text).substr(slash + 1));
            const int most = is_mapped(*address) ? 32 : 128;
            if (!given || *given < 0 || *given > most)
                return fail(ErrorCode::invalid,
                            "'" + text + "': the network's length is a number up to " + std::to_string(most));
            bits = static_cast<int>(*given) + (128 - most);
        }
        networks.networks_.push_back({*address, bits});
    }
    return networks;
}

bool Networks::contain(const Address& address) const {
    return std::any_of(networks_.begin(), networks_.end(), [&](const Network& network) {
        const auto whole = static_cast<std::size_t>(network.bits / 8);
        if (std::memcmp(network.address.data(), address.data(), whole) != 0) return false;
        const int rest = network.bits % 8;
        return rest == 0 || ((network.address[whole] ^ address[whole]) >> (8 - rest)) == 0;
    });
}

std::string forwarded_peer(const Networks& trusted, std::string_view peer, std::string_view forwarded_for) {
    auto hop = parse_address(peer);
    if (!hop) return std::string(peer);
    const auto entries = split(forwarded_for, ',');
    for (auto entry = entries.rbegin(); entry != entries.rend() && trusted.contain(*hop); ++entry) {
        const auto next = parse_address(without_port(trim(*entry)));
        if (!next) break;
        hop = next;
    }
    return to_string(*hop);
}

}  // namespace rushlight::http
