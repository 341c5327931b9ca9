// net: every connection to the outside. Fetches http and https links under a guard: names are resolved by us,
// every address of the answer is checked, the connection goes to a checked address and to no other, and each
// redirect starts over.
//
//   auto client = Client::create({.guard = *Guard::create(allowed), .user_agent = "rushlight"});
//   TextSink page;
//   auto response = client->fetch({.url = *Url::parse("https://example.com/")}, page);
//   if (!response) log(to_string(response.error().code), response.error().message);
//
// Refused: addresses that are not public (net/address.cpp has the table), other schemes, credentials in a
// link, a step from https down to http, names that a proxy would have to resolve (.onion aside, which never
// goes to DNS). Not sent or kept: cookies, referrers, a fragment. The environment's proxies are not looked
// at. Not protected against: what a public server does with the request; who may ask for which link is the
// caller's.
//
// fetch() blocks, and any thread may call it, on one client too. Content is handed to the sink as it comes;
// while the sink takes its time nothing more is read from the network (but the time for the whole goes on). A
// stop request ends it within moments. Each hop opens a connection of its own. A crawler's politeness towards
// hosts belongs around Client::fetch, not in it.
//
// A status such as 404 is a response, not a failure. Messages name the host, never a link's path or query.
#pragma once

#include "base/bytes.h"
#include "base/result.h"
#include "base/url.h"
#include "net/guard.h"

#include <chrono>
#include <cstdint>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <tl/expected.hpp>

namespace rushlight::net {

// Why there is no response. The spelling of to_string() is fixed: programs and people rely on it.
enum class FailureCode {
    bad_request,          // a method or header that can't be sent
    refused_scheme,       // neither http nor https
    refused_credentials,  // a user name or password in the link
    refused_private,      // it leads to an address that is not public
    refused_target,       // this program reaches named targets only, and it is none of them
    refused_downgrade,    // redirected from https to http
    refused_onion,        // .onion without a SOCKS5 proxy
    dns_failed,           // no answer, a broken one, or the server refused
    no_such_host,         // DNS says: no such name, or no address for it
    connect_failed,
    tls_failed,  // certificate or handshake
    timeout,
    too_large,
    too_compressed,  // unpacks to far more than it is
    bad_response,    // no HTTP, cut short, too many headers, an encoding not asked for
    bad_redirect,    // to nowhere, to two places, or with a body to another host
    too_many_redirects,
    status,       // of fetch_content(): the server answered, with something else than content
    sink_failed,  // the caller's own sink
    cancelled,
    unavailable,  // this machine: memory, descriptors
};
std::string_view to_string(FailureCode code);  // "refused_private"

struct Failure {
    FailureCode code = FailureCode::unavailable;
    std::string message = {};  // for people: what happened, with which host
    int status = 0;            // HTTP's, where the code is `status`
};
template <class T>
using Outcome = tl::expected<T, Failure>;

struct Limits {
    std::uint64_t body_bytes = 64 << 20;  // after decompression
    std::uint64_t ratio = 100;            // unpacked : received, from 1 MiB unpacked on
    std::size_t header_bytes = 64 << 10;  // of one hop, interim responses and trailers included
    std::size_t header_count = 200;       // the same
    int redirects = 5;                    // 0: a redirect is itself the response
    std::chrono::milliseconds total{60'000};
    std::chrono::milliseconds resolve{5'000};   // each hop
    std::chrono::milliseconds connect{10'000};  // each hop, TLS included, over all its addresses
    std::chrono::milliseconds silence{15'000};  // once connected, without a byte either way
};

struct Header {
    std::string name, value;

    bool operator==(const Header&) const = default;
};

struct Request {
    Url url;
    std::string method = "GET";
    // Beside Host, User-Agent, Accept-Encoding and what describes the body's length, which are ours. Another
    // host, met by a redirect, gets Accept and Accept-Language only.
    std::vector<Header> headers = {};
    std::string body = {};
    Limits limits = {};
    bool allow_downgrade = false;  // from https to http
};

struct Response {
    Url url;  // of the last hop
    int status = 0;
    std::vector<Header> headers = {};  // names in lower case, in their order
    std::string address = {};          // connected to; empty where a proxy resolved an .onion name
    int redirects = 0;                 // followed
    std::uint64_t bytes = 0;           // handed to the sink

    // The first of that name, in lower case; null where there is none.
    const std::string* header(std::string_view name) const;
};

class Sink {
  public:
    virtual ~Sink() = default;
    // The last hop's head, before its content; what is returned as an error ends the fetch with sink_failed.
    virtual Status begin(const Response&) { return {}; }
    virtual Status take(Bytes content) = 0;
};

// Keeps the content in memory.
class TextSink : public Sink {
  public:
    Status take(Bytes content) override {
        text.append(text_of(content));
        return {};
    }

    std::string text;
};

class Client {
  public:
    struct Options {
        Guard guard = {};
        std::string dns =
            {};  // "127.0.0.1:5353", several with commas; empty: the system's, and its hosts file
        std::string proxy = {};  // "socks5://ADDRESS:PORT"; empty: none
        std::string user_agent = "rushlight";
        std::string ca_file = {};  // PEM; empty: the system's
    };
    // `invalid` where an option can't be understood.
    static Result<Client> create(Options options);

    Outcome<Response> fetch(const Request& request, Sink& sink, std::stop_token stop = {}) const;

  private:
    explicit Client(Options options) : options_(std::move(options)) {}

    Options options_;
    std::optional<Endpoint> proxy_;
};

}  // namespace rushlight::net
