// doctor: what listens, and whom we ask.
#include "base/fd.h"
#include "base/text.h"
#include "base/url.h"
#include "cli/doctor.h"
#include "net/net.h"

#include <cerrno>
#include <chrono>
#include <cstring>
#include <optional>
#include <string>
#include <utility>

#include <fmt/format.h>
#include <netdb.h>
#include <nlohmann/json.hpp>
#include <sys/socket.h>

namespace rushlight::cli {
namespace {

using namespace std::chrono_literals;

struct Place {
    std::string host, port;
};

// "127.0.0.1:8080", "[::1]:8080"
std::optional<Place> parse_place(std::string_view listen) {
    const auto colon = listen.rfind(':');
    if (colon == std::string_view::npos || !parse_integer(listen.substr(colon + 1))) return std::nullopt;
    std::string_view host = listen.substr(0, colon);
    if (host.starts_with('[') && host.ends_with(']')) host = host.substr(1, host.size() - 2);
    return Place{std::string(host), std::string(listen.substr(colon + 1))};
}

// 0, or the errno of trying to listen there.
int try_to_listen(const Place& place) {
    addrinfo hints{};
    hints.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV | AI_PASSIVE;
    hints.ai_socktype = SOCK_STREAM;
    addrinfo* found = nullptr;
    if (::getaddrinfo(place.host.c_str(), place.port.c_str(), &hints, &found) != 0) return EINVAL;
    const Fd fd(::socket(found->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0));
    const int yes = 1;
    int error = 0;
    if (!fd || ::setsockopt(fd.get(), SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes) != 0 ||
        ::bind(fd.get(), found->ai_addr, found->ai_addrlen) != 0 || ::listen(fd.get(), 1) != 0)
        error = errno;
    ::freeaddrinfo(found);
    return error;
}

struct Ready {
    int status = 0;
    std::string why;
};

// What /readyz says there; nullopt where it is no Rushlight that answers.
std::optional<Ready> ask_ready(const Place& place) {
    const bool all = place.host == "0.0.0.0" || place.host == "::";
    const std::string host = all ? "127.0.0.1" : place.host;
    const bool v6 = host.find(':') != std::string::npos;
    const std::string authority = (v6 ? '[' + host + ']' : host) + ':' + place.port;
    auto guard = net::Guard::create({&authority, 1});
    if (!guard) return std::nullopt;
    net::Client::Options options;
    options.guard = std::move(*guard);
    const auto client = net::Client::create(std::move(options));
    const auto url = Url::parse("http://" + authority + "/readyz");
    if (!client || !url) return std::nullopt;
    net::TextSink page;
    const auto response =
        client->fetch({.url = *url, .limits = {.body_bytes = 64 << 10, .redirects = 0, .total = 2s}}, page);
    if (!response) return std::nullopt;
    const auto body = nlohmann::json::parse(page.text, nullptr, false);
    if (!body.is_object() || !body.contains("ready") || !body.contains("schema")) return std::nullopt;
    return Ready{response->status, body.value("why", std::string())};
}

}  // namespace

Finding look_at_port(const Context& context) {
    const std::string& listen = context.config().serve.listen;
    const auto place = parse_place(listen);
    const std::string other = "take another with --listen ADDRESS:PORT, or serve.listen in the settings";
    if (!place) return Finding::wrong("port", listen + " is no ADDRESS:PORT", other);
    const int error = try_to_listen(*place);
    if (error == 0) return Finding::well("port", listen + " is free: no server runs there");
    if (error == EADDRINUSE) {
        const auto ready = ask_ready(*place);
        if (!ready) return Finding::wrong("port", "another program has " + listen, other);
        if (ready->status == 200)
            return Finding::well("port", "a Rushlight server answers there, and is ready");
        return Finding::wrong("port", "the server there is not ready: " + ready->why,
                              "see the other lines, its log, and Health in the console");
    }
    if (error == EACCES)
        return Finding::wrong("port", listen + " needs a privilege",
                              "take a port above 1023 and put a proxy in front (deploy/)");
    return Finding::wrong("port", fmt::format("cannot listen on {}: {}", listen, std::strerror(error)),
                          other);
}

// A name that the standards keep from ever being one (RFC 6761): "there is none" is the answer wanted.
Finding look_at_dns(const Context& context) {
    const std::string& dns = context.config().net.dns;
    if (dns.empty())
        return Finding::well("dns",
                             "the system's name servers; not asked, so that nothing leaves this machine");
    net::Client::Options options;
    options.dns = dns;
    const auto client = net::Client::create(std::move(options));
    if (!client) return Finding::wrong("dns", client.error().message, "correct net.dns in the settings");
    const auto url = Url::parse("http://doctor.invalid/");
    net::TextSink page;
    const auto response = client->fetch({.url = *url, .limits = {.total = 6s, .resolve = 5s}}, page);
    if (!response && response.error().code == net::FailureCode::no_such_host)
        return Finding::well("dns", dns + " answers");
    return Finding::wrong("dns", dns + " does not answer as a name server does",
                          "correct net.dns in the settings, or start that name server");
}

}  // namespace rushlight::cli
