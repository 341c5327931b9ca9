#include "practice/names.h"

#include <stdexcept>

namespace rushlight::practice {
namespace {

std::unique_ptr<NameServer> listen_near(std::uint16_t port) {
    if (port != 0) {
        try {
            return std::make_unique<NameServer>(port);
        } catch (const std::runtime_error&) {  // taken: any other will do
        }
    }
    return std::make_unique<NameServer>();
}

}  // namespace

Result<std::unique_ptr<NameServer>> start_names(const std::vector<std::string>& sites, std::uint16_t port) {
    std::unique_ptr<NameServer> server;
    try {
        server = listen_near(port);
    } catch (const std::runtime_error& error) {
        return fail(ErrorCode::unavailable, error.what());
    }
    using Addresses = std::vector<std::string>;
    for (const std::string& site : sites) server->set(site, Addresses{"127.0.0.1"});
    server->set("inside.trap.test", Addresses{"10.0.0.7"});
    server->set("metadata.trap.test", Addresses{"169.254.169.254"});
    server->set("mapped.trap.test", Addresses{"::ffff:127.0.0.1"});
    server->set("alias.trap.test",
                {net::testing::DnsAnswer{.addresses = {"10.0.0.7"}, .aliases = {"inside.trap.test"}}});
    server->set("mixed.trap.test", Addresses{"203.0.113.7", "127.0.0.1"});
    return server;
}

}  // namespace rushlight::practice
