// Who asks: addresses, networks, and what a trusted proxy says of those behind it. Private.
#pragma once

#include "base/result.h"

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace rushlight::http {

// IPv4 is held as the mapped IPv6 address, so that one comparison does for both.
using Address = std::array<std::uint8_t, 16>;
std::optional<Address> parse_address(std::string_view text);
std::string to_string(const Address& address);

class Networks {
  public:
    // "10.1.2.3", "10.0.0.0/8", "fd00::/8".
    static Result<Networks> parse(const std::vector<std::string>& texts);
    bool contain(const Address& address) const;
    bool empty() const { return networks_.empty(); }

  private:
    struct Network {
        Address address{};
        int bits = 128;
    };
    std::vector<Network> networks_;
};

// X-Forwarded-For lists hops, the nearest last. Going from `peer` backwards, the first that is no trusted
// proxy is who asks; an entry that is no address ends the search at the hop that said so.
std::string forwarded_peer(const Networks& trusted, std::string_view peer, std::string_view forwarded_for);

}  // namespace rushlight::http
