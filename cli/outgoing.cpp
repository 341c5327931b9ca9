#include "cli/outgoing.h"

#include "audit/audit.h"
#include "base/text.h"

#include <string_view>
#include <utility>

namespace rushlight::cli {

std::vector<std::string> allowed_targets(const Context& context, std::vector<std::string> of_command) {
    for (const std::string_view target : split(context.config().net.allow, ',')) {
        if (!trim(target).empty()) of_command.emplace_back(trim(target));
    }
    return of_command;
}

Result<net::Client> make_client(const Context& context, const std::vector<std::string>& allowed) {
    auto guard = net::Guard::create(allowed);
    if (!guard) return pass(guard.error());
    return net::Client::create({.guard = std::move(*guard), .dns = context.config().net.dns});
}

Status audit_targets(Context& context, const std::vector<std::string>& allowed) {
    const auto guard = net::Guard::create(allowed);
    if (!guard) return pass(guard.error());
    if (guard->allowed().empty()) return {};
    auto store = context.store();
    if (!store) return pass(store.error());
    return (*store)->write([&](store::Writer& writer) {
        return audit::append(writer,
                             {.who = context.who_in_audit(),
                              .what = "targets.allowed",
                              .on = {"command", "scan"},
                              .detail = audit::detail({{"targets", guard->allowed()}})},
                             system_clock().now())
            .map([](std::int64_t) {});
    });
}

}  // namespace rushlight::cli
