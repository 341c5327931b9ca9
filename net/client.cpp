#include "base/text.h"
#include "net/failure.h"
#include "net/net.h"
#include "net/resolver.h"
#include "net/transfer.h"
#include "net/waiter.h"

#include <algorithm>
#include <array>
#include <mutex>
#include <utility>

#include <curl/curl.h>

namespace rushlight::net {
namespace {

constexpr std::size_t kMostAttempts = 4;  // addresses tried of one answer

constexpr std::array<std::string_view, 21> kNames{
    "bad_request",     "refused_scheme",     "refused_credentials",
    "refused_private", "refused_target",     "refused_downgrade",
    "refused_onion",   "dns_failed",         "no_such_host",
    "connect_failed",  "tls_failed",         "timeout",
    "too_large",       "too_compressed",     "bad_response",
    "bad_redirect",    "too_many_redirects", "status",
    "sink_failed",     "cancelled",          "unavailable"};
static_assert(kNames.size() == static_cast<std::size_t>(FailureCode::unavailable) + 1);

// RFC 9110: the characters of a method and a header's name.
bool is_token(std::string_view text) {
    constexpr std::string_view kOthers = "!#$%&'*+-.^_`|~";
    return !text.empty() && std::ranges::all_of(text, [&](char c) {
        return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
               kOthers.find(c) != std::string_view::npos;
    });
}

bool is_header_value(std::string_view text) {
    return std::ranges::none_of(text, [](char c) {
        const auto byte = static_cast<unsigned char>(c);
        return (byte < 0x20 && c != '\t') || byte == 0x7F;
    });
}

bool is_ours(std::string_view name) {
    constexpr std::array<std::string_view, 10> kOurs{
        "host",   "user-agent", "accept-encoding", "content-length", "transfer-encoding", "connection",
        "expect", "te",         "upgrade",         "cookie"};
    return std::ranges::any_of(kOurs,
                               [&](std::string_view ours) { return equals_ignoring_case(name, ours); });
}

Outcome<void> check(const Request& request) {
    if (!is_token(request.method) || equals_ignoring_case(request.method, "CONNECT")) {
        return refuse(FailureCode::bad_request,
                      "'" + printable(request.method) + "' is no method that can be sent");
    }
    for (const Header& header : request.headers) {
        if (!is_token(header.name) || !is_header_value(header.value) || is_ours(header.name)) {
            return refuse(FailureCode::bad_request, "the header '" + printable(header.name) +
                                                        "' can't be sent, or not with this value");
        }
    }
    return {};
}

Outcome<void> check(const Url& url) {
    if (url.scheme() != "http" && url.scheme() != "https") {
        return refuse(FailureCode::refused_scheme,
                      "only http and https links are fetched, not " + url.protocol());
    }
    if (url.has_credentials()) {
        return refuse(FailureCode::refused_credentials,
                      "the link to " + url.hostname() + " holds a user name or password");
    }
    return {};
}

bool is_onion(const Url& url) {
    std::string_view host = url.hostname();
    if (host.ends_with('.')) host.remove_suffix(1);
    return host == "onion" || host.ends_with(".onion");
}

bool same_origin(const Url& a, const Url& b) {
    return a.scheme() == b.scheme() && a.hostname() == b.hostname() &&
           a.port_or_default() == b.port_or_default();
}

// Hands the last hop's head and content to the caller's sink.
class Passing : public Receiver {
  public:
    Passing(Sink& sink, Response& response) : sink_(sink), response_(response) {}
    Status begin(const HopResponse& head) override {
        response_.status = head.status;
        response_.headers = head.headers;
        return sink_.begin(response_);
    }
    Status take(Bytes content) override { return sink_.take(content); }

  private:
    Sink& sink_;
    Response& response_;
};

// One fetch: hop after hop, each checked as if it were the first.
class Fetch {
  public:
    Fetch(const Client::Options& options, std::optional<Endpoint> proxy, const Request& request, Sink& sink,
          const std::stop_token& stop, const Waiter& waiter)
        : options_(options),
          proxy_(proxy),
          limits_(request.limits),
          allow_downgrade_(request.allow_downgrade),
          sink_(sink),
          stop_(stop),
          waiter_(waiter),
          deadline_(Steady::now() + request.limits.total),
          method_(request.method),
          headers_(request.headers),
          body_(request.body),
          response_{.url = request.url} {}

    Outcome<Response> run() {
        for (;;) {
            auto hop = this->hop();
            if (!hop) return pass(std::move(hop.error()));
            if (!hop->redirect) {
                response_.status = hop->status;
                response_.headers = std::move(hop->headers);
                response_.bytes = hop->bytes;
                return std::move(response_);
            }
            if (auto next = follow(hop->status, *hop->redirect); !next) return pass(std::move(next.error()));
        }
    }

  private:
    Outcome<HopResponse> hop() {
        const Url& url = response_.url;
        if (auto fine = check(url); !fine) return pass(fine.error());
        const std::uint16_t port = *url.port_or_default();
        // An address that is not public is told so, and everything else before anybody is asked where it is.
        const auto why = options_.guard.refusal(url.hostname(), port);
        if (const auto address = Address::parse(url.hostname()); why && address) {
            if (auto no = options_.guard.refusal(*address, url.hostname(), port))
                return refuse(FailureCode::refused_private, url.hostname() + " is refused: " + *no);
        }
        if (why) return refuse(FailureCode::refused_target, *why);
        if (is_onion(url)) {
            if (!proxy_) {
                return refuse(FailureCode::refused_onion,
                              url.hostname() + " can be reached through a SOCKS5 proxy only");
            }
            return attempt(std::nullopt, Steady::now() + limits_.connect);
        }
        auto addresses = checked_addresses();
        if (!addresses) return pass(std::move(addresses.error()));

        // One after the other, the time to connect shared fairly; only where nothing was sent yet.
        const auto connect_deadline = Steady::now() + limits_.connect;
        const std::size_t attempts = std::min(addresses->size(), kMostAttempts);
        for (std::size_t i = 0;; ++i) {
            const auto share = (connect_deadline - Steady::now()) / static_cast<int>(attempts - i);
            auto hop = attempt((*addresses)[i], Steady::now() + share);
            if (hop || i + 1 == attempts || connected_) return hop;
            const FailureCode code = hop.error().code;
            if (code != FailureCode::connect_failed && code != FailureCode::timeout) return hop;
        }
    }

    // All addresses of the host, each of which the guard lets through.
    Outcome<std::vector<Address>> checked_addresses() {
        const Url& url = response_.url;
        const std::uint16_t port = *url.port_or_default();
        Outcome<std::vector<Address>> addresses;
        if (const auto address = Address::parse(url.hostname())) {
            addresses->push_back(*address);
        } else {
            const auto until = std::min(Steady::now() + limits_.resolve, deadline_);
            addresses = look_up({url.hostname(), options_.dns, until, limits_.resolve}, waiter_, stop_);
            if (!addresses) return addresses;
        }
        for (const Address& address : *addresses) {
            if (auto why = options_.guard.refusal(address, url.hostname(), port)) {
                return refuse(FailureCode::refused_private, url.hostname() + " is refused: " + *why);
            }
        }
        return addresses;
    }

    Outcome<HopResponse> attempt(const std::optional<Address>& address, Steady::time_point connect_deadline) {
        const Url& url = response_.url;
        response_.address = address ? address->text() : "";
        const HopRequest request{
            .url = url,
            .method = method_,
            .headers = headers_,
            .body = body_,
            .limits = limits_,
            .follows_redirects = limits_.redirects > 0,
            .peer = proxy_ ? *proxy_ : Endpoint{*address, *url.port_or_default()},
            .address = address,
            .by_proxy = proxy_.has_value(),
            .user_agent = options_.user_agent,
            .ca_file = options_.ca_file,
            .connect_deadline = connect_deadline,
            .deadline = deadline_,
        };
        Passing passing(sink_, response_);
        return transfer(request, passing, waiter_, stop_, connected_);
    }

    // Makes the redirect's target the next hop.
    Outcome<void> follow(int status, const std::string& location) {
        const Url from = response_.url;
        if (response_.redirects == limits_.redirects) {
            return refuse(FailureCode::too_many_redirects, "more than " + std::to_string(limits_.redirects) +
                                                               " redirects, the last one by " +
                                                               from.hostname());
        }
        ++response_.redirects;
        auto to = Url::parse(location, &from);
        if (!to) {
            return refuse(FailureCode::bad_redirect,
                          from.hostname() + " redirects to no link: " + to.error().message);
        }
        if (from.scheme() == "https" && to->scheme() == "http" && !allow_downgrade_) {
            return refuse(FailureCode::refused_downgrade,
                          from.hostname() + " redirects from https down to http, to " + to->hostname());
        }
        const bool to_get = status == 303 ? method_ != "HEAD" : status <= 302 && method_ == "POST";
        if (to_get) {
            method_ = "GET";
            body_.clear();
            std::erase_if(headers_,
                          [](const Header& header) { return lower(header.name).starts_with("content-"); });
        }
        if (!same_origin(from, *to)) {
            if (!body_.empty()) {
                return refuse(FailureCode::bad_redirect,
                              from.hostname() + " wants the request's body sent to " + to->hostname());
            }
            std::erase_if(headers_, [](const Header& header) {
                return !equals_ignoring_case(header.name, "accept") &&
                       !equals_ignoring_case(header.name, "accept-language");
            });
        }
        response_.url = std::move(*to);
        return {};
    }

    const Client::Options& options_;
    std::optional<Endpoint> proxy_;
    const Limits& limits_;
    bool allow_downgrade_;
    Sink& sink_;
    const std::stop_token& stop_;
    const Waiter& waiter_;
    Steady::time_point deadline_;

    std::string method_;
    std::vector<Header> headers_;
    std::string body_;
    Response response_;  // of the hop that is being made
    bool connected_ = false;
};

}  // namespace

std::string_view to_string(FailureCode code) { return kNames[static_cast<std::size_t>(code)]; }

const std::string* Response::header(std::string_view name) const {
    const auto it = std::ranges::find(headers, name, &Header::name);
    return it == headers.end() ? nullptr : &it->value;
}

Result<Client> Client::create(Options options) {
    static std::once_flag once;
    std::call_once(once, [] { ::curl_global_init(CURL_GLOBAL_DEFAULT); });
    if (!is_dns_setting(options.dns)) {
        return fail(ErrorCode::invalid,
                    "'" + printable(options.dns) + "' is no DNS server, such as 127.0.0.1:5353");
    }
    if (!is_header_value(options.user_agent) || options.user_agent.empty()) {
        return fail(ErrorCode::invalid, "the user agent can't be sent");
    }
    Client client(std::move(options));
    const std::string& proxy = client.options_.proxy;
    if (proxy.empty()) return client;
    const auto wrong = [&](const std::string& why) {
        return fail(ErrorCode::invalid, "'" + printable(proxy) + "' is no proxy we can use: " + why);
    };
    const auto url = Url::parse(proxy);
    if (!url) return wrong(url.error().message);
    if (url->scheme() == "socks5h") return wrong("it would resolve names behind our back; say socks5");
    if (url->scheme() != "socks5" || url->has_credentials() ||
        (url->pathname() != "" && url->pathname() != "/")) {
        return wrong("it has to be socks5://ADDRESS:PORT");
    }
    const auto address = Address::parse(url->hostname());
    const auto port = url->port_or_default();
    if (!address || !port || *port == 0) return wrong("it has to be an address with a port");
    client.proxy_ = Endpoint{*address, *port};
    return client;
}

Outcome<Response> Client::fetch(const Request& request, Sink& sink, std::stop_token stop) const {
    if (auto fine = check(request); !fine) return pass(fine.error());
    const auto waiter = Waiter::create();
    if (!waiter) return pass(waiter.error());
    const auto watch = waiter->watch(stop);
    return Fetch(options_, proxy_, request, sink, stop, *waiter).run();
}

}  // namespace rushlight::net
