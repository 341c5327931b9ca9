#include "net/guard.h"

#include "base/text.h"
#include "base/url_host.h"

namespace rushlight::net {

Result<Guard> Guard::create(std::span<const std::string> allowed_targets) {
    Guard guard;
    for (const std::string& target : allowed_targets) {
        const auto wrong = [&](std::string_view why) {
            return fail(ErrorCode::invalid,
                        "'" + printable(target) + "' is no HOST:PORT: " + std::string(why));
        };
        const std::size_t colon = target.rfind(':');
        if (colon == std::string::npos || colon == 0) return wrong("both are needed");
        const auto port = parse_integer(std::string_view(target).substr(colon + 1));
        if (!port || *port < 1 || *port > 65535) return wrong("the port is a number from 1 to 65535");
        const auto host = parse_host(to_utf8(target.substr(0, colon)), true);
        if (!host) return wrong(host.error().message);
        guard.allowed_.emplace(host->text, static_cast<std::uint16_t>(*port));
    }
    return guard;
}

std::optional<std::string> Guard::refusal(std::string_view host, std::uint16_t port) const {
    if (!nothing_else_ || names(host, port)) return std::nullopt;
    return std::string(host) + ':' + std::to_string(port) +
           " is not among the targets that are admitted here: " + *nothing_else_;
}

std::vector<std::string> Guard::allowed() const {
    std::vector<std::string> targets;
    for (const auto& [host, port] : allowed_) targets.push_back(host + ':' + std::to_string(port));
    return targets;
}

std::optional<std::string> Guard::refusal(const Address& address, std::string_view host,
                                          std::uint16_t port) const {
    const SpecialRange* range = special_range(address);
    if (!range || names(host, port)) return std::nullopt;
    const std::string target = std::string(host) + ':' + std::to_string(port);
    return address.text() + " is not a public address (" + std::string(range->what) + ", " +
           std::string(range->source) + "); an operator can allow it with --allow-target " + target;
}

}  // namespace rushlight::net
