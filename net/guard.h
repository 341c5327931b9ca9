// Guard: which addresses may be connected to. Nothing but public ones, and the pairs that the operator named.
#pragma once

#include "base/result.h"
#include "net/address.h"

#include <cstdint>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace rushlight::net {

// A value; any thread may ask it.
class Guard {
  public:
    Guard() = default;  // public addresses only
    // Each "HOST:PORT": that host as it stands in a link, at that port, may lead to any address. It says
    // nothing about another name that leads to the same address, nor about the address itself.
    static Result<Guard> create(std::span<const std::string> allowed_targets);

    // From now on nothing but those pairs may be reached, public or not; `why`, for people, ends the refusal.
    void admit_nothing_else(std::string why) { nothing_else_ = std::move(why); }

    // Why that host and port must not even be looked up; nullopt where they may.
    std::optional<std::string> refusal(std::string_view host, std::uint16_t port) const;
    // Why this address must not be connected to for that host (as Url::hostname() has it) and port; nullopt
    // where it may.
    std::optional<std::string> refusal(const Address& address, std::string_view host,
                                       std::uint16_t port) const;

    // The pairs as "host:port", in order.
    std::vector<std::string> allowed() const;

  private:
    bool names(std::string_view host, std::uint16_t port) const {
        return allowed_.contains({std::string(host), port});
    }

    std::set<std::pair<std::string, std::uint16_t>> allowed_;
    std::optional<std::string> nothing_else_;  // why, where it is so
};

}  // namespace rushlight::net
