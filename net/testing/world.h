// A little Internet on loopback for the tests of net: a DNS server, and a client that may reach the targets
// it is given.
#pragma once

#include "net/net.h"
#include "net/testing/dns_server.h"
#include "net/testing/http_server.h"

#include <string>
#include <utility>
#include <vector>

namespace rushlight::net::testing {

struct Fetched {
    Outcome<Response> response = tl::unexpected<Failure>(Failure{});
    std::string body = {};

    // "" where there is a response.
    std::string code() const { return response ? "" : std::string(to_string(response.error().code)); }
    std::string message() const { return response ? "" : response.error().message; }
};

struct World {
    DnsServer dns{};

    Client client(std::vector<std::string> allowed, Client::Options options = {}) const {
        options.guard = Guard::create(allowed).value();
        options.dns = dns.setting();
        return Client::create(std::move(options)).value();
    }
};

inline Fetched fetch(const Client& client, Request request, std::stop_token stop = {}) {
    TextSink sink;
    auto response = client.fetch(request, sink, std::move(stop));
    return {std::move(response), std::move(sink.text)};
}
inline Fetched fetch(const Client& client, const std::string& link) {
    return fetch(client, Request{.url = Url::parse(link).value()});
}

}  // namespace rushlight::net::testing
