#include "net/transfer.h"

#include "base/text.h"
#include "net/failure.h"
#include "net/response_reader.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <memory>
#include <span>

#include <arpa/inet.h>
#include <curl/curl.h>
#include <netinet/in.h>
#include <sys/socket.h>

namespace rushlight::net {
namespace {

using Easy = std::unique_ptr<CURL, decltype(&::curl_easy_cleanup)>;
using Multi = std::unique_ptr<CURLM, decltype(&::curl_multi_cleanup)>;
using List = std::unique_ptr<curl_slist, decltype(&::curl_slist_free_all)>;

void append(List& list, const std::string& line) {
    if (curl_slist* longer = ::curl_slist_append(list.get(), line.c_str())) {
        // The head stays the same but for the first line.
        [[maybe_unused]] const auto* old = list.release();
        list.reset(longer);
    }
}

std::string in_brackets(const Address& address) {
    return address.v6 ? '[' + address.text() + ']' : address.text();
}

class Transfer {
  public:
    Transfer(const HopRequest& request, Receiver& receiver)
        : request_(request), reader_(request, receiver), last_sign_(Steady::now()) {}

    Outcome<HopResponse> run(const Waiter& waiter, const std::stop_token& stop) {
        if (!easy_ || !multi_ || !set_options()) {
            return refuse(FailureCode::unavailable, "no memory for a connection");
        }
        ::curl_multi_add_handle(multi_.get(), easy_.get());
        auto result = drive(waiter, stop);
        ::curl_multi_remove_handle(multi_.get(), easy_.get());
        return result;
    }

    bool is_connected() const {
        curl_off_t micros = 0;
        ::curl_easy_getinfo(easy_.get(), CURLINFO_PRETRANSFER_TIME_T, &micros);
        return micros > 0;
    }

  private:
    // ----- what libcurl is told

    bool set_options() {
        CURL* easy = easy_.get();
        bool all = true;
        const auto set = [&](CURLoption option, auto value) {
            all = ::curl_easy_setopt(easy, option, value) == CURLE_OK && all;
        };
        const std::string href = request_.url.without_fragment().href();
        set(CURLOPT_URL, href.c_str());
        set(CURLOPT_PROTOCOLS_STR, "http,https");
        set(CURLOPT_DISALLOW_USERNAME_IN_URL, 1L);
        set(CURLOPT_PATH_AS_IS, 1L);
        set(CURLOPT_FOLLOWLOCATION, 0L);
        set(CURLOPT_NOSIGNAL, 1L);
        set(CURLOPT_FRESH_CONNECT, 1L);
        set(CURLOPT_FORBID_REUSE, 1L);
        set(CURLOPT_HTTP_CONTENT_DECODING, 0L);  // net/gunzip.h
        set(CURLOPT_NETRC, static_cast<long>(CURL_NETRC_IGNORED));
        set(CURLOPT_SSL_VERIFYPEER, 1L);
        set(CURLOPT_SSL_VERIFYHOST, 2L);
        if (!request_.ca_file.empty()) set(CURLOPT_CAINFO, request_.ca_file.c_str());
        const auto connect =
            std::max(1, milliseconds_until(std::min(request_.connect_deadline, request_.deadline)));
        set(CURLOPT_CONNECTTIMEOUT_MS, static_cast<long>(connect));

        set_route(set);
        set_request(set);

        set(CURLOPT_OPENSOCKETFUNCTION, &Transfer::open_socket);
        set(CURLOPT_OPENSOCKETDATA, this);
        set(CURLOPT_HEADERFUNCTION, &Transfer::on_header);
        set(CURLOPT_HEADERDATA, this);
        set(CURLOPT_WRITEFUNCTION, &Transfer::on_content);
        set(CURLOPT_WRITEDATA, this);
        set(CURLOPT_XFERINFOFUNCTION, &Transfer::on_progress);
        set(CURLOPT_XFERINFODATA, this);
        set(CURLOPT_NOPROGRESS, 0L);
        return all;
    }

    // libcurl never sees a name to resolve: it is told the address for whatever host the link has. An empty
    // proxy also keeps it from looking for one in the environment.
    void set_route(const auto& set) {
        if (request_.address) {
            const std::string to = "::" + in_brackets(*request_.address) + ':';
            append(connect_to_, to);
            set(CURLOPT_CONNECT_TO, connect_to_.get());
        }
        std::string proxy;
        if (request_.by_proxy) {
            proxy = (request_.address ? "socks5://" : "socks5h://") + in_brackets(request_.peer.address) +
                    ':' + std::to_string(request_.peer.port);
        }
        set(CURLOPT_PROXY, proxy.c_str());
        set(CURLOPT_NOPROXY, "");
    }

    void set_request(const auto& set) {
        if (request_.method == "HEAD") {
            set(CURLOPT_NOBODY, 1L);
        } else if (request_.method == "GET" && request_.body.empty()) {
            set(CURLOPT_HTTPGET, 1L);
        } else {
            set(CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(request_.body.size()));
            set(CURLOPT_POSTFIELDS, request_.body.data());
            set(CURLOPT_CUSTOMREQUEST, request_.method.c_str());
            append(headers_, "Expect:");  // no waiting for 100 Continue
            // libcurl would call it a form.
            if (!has_header("content-type")) append(headers_, "Content-Type:");
        }
        append(headers_, "User-Agent: " + request_.user_agent);
        append(headers_, "Accept-Encoding: gzip");
        for (const Header& header : request_.headers) {
            append(headers_, header.value.empty() ? header.name + ';' : header.name + ": " + header.value);
        }
        set(CURLOPT_HTTPHEADER, headers_.get());
    }

    bool has_header(std::string_view name) const {
        return std::ranges::any_of(
            request_.headers, [&](const Header& header) { return equals_ignoring_case(header.name, name); });
    }

    // ----- what libcurl tells us

    // The one place where a socket is made: whatever libcurl made of the link, only the checked peer is let
    // through.
    static curl_socket_t open_socket(void* self, curlsocktype, curl_sockaddr* to) {
        auto& transfer = *static_cast<Transfer*>(self);
        const auto address = Address::from(to->addr);
        const auto port = to->family == AF_INET6 ? reinterpret_cast<const sockaddr_in6&>(to->addr).sin6_port
                                                 : reinterpret_cast<const sockaddr_in&>(to->addr).sin_port;
        if (!address || Endpoint{*address, ntohs(port)} != transfer.request_.peer) {
            transfer.failure_ =
                Failure{FailureCode::refused_private,
                        transfer.request_.url.hostname() + " led to an address that was not checked"};
            return CURL_SOCKET_BAD;
        }
        return ::socket(to->family, to->socktype | SOCK_CLOEXEC, to->protocol);
    }

    // Returns what libcurl takes for success, or for failure.
    std::size_t keep(Outcome<void> outcome, std::size_t size) {
        last_sign_ = Steady::now();
        if (!outcome) failure_ = std::move(outcome.error());
        return outcome ? size : 0;
    }

    static std::size_t on_header(char* data, std::size_t, std::size_t size, void* self) {
        auto& transfer = *static_cast<Transfer*>(self);
        const std::size_t taken = transfer.keep(transfer.reader_.line({data, size}), size);
        return transfer.reader_.is_redirect() ? 0 : taken;  // the content of a redirect is of no use
    }

    static std::size_t on_content(char* data, std::size_t, std::size_t size, void* self) {
        auto& transfer = *static_cast<Transfer*>(self);
        return transfer.keep(transfer.reader_.content(std::as_bytes(std::span(data, size))), size);
    }

    static int on_progress(void* self, curl_off_t, curl_off_t down, curl_off_t, curl_off_t up) {
        auto& transfer = *static_cast<Transfer*>(self);
        if (down + up != transfer.moved_) transfer.last_sign_ = Steady::now();
        transfer.moved_ = down + up;
        return 0;
    }

    // ----- until it is over

    Outcome<HopResponse> drive(const Waiter& waiter, const std::stop_token& stop) {
        for (;;) {
            int running = 0;
            ::curl_multi_perform(multi_.get(), &running);
            if (failure_) return pass(*failure_);
            if (reader_.is_redirect()) return std::move(reader_.response());
            int left = 0;
            if (const CURLMsg* message = ::curl_multi_info_read(multi_.get(), &left)) {
                return finish(message->data.result);
            }
            if (running == 0) return refuse(FailureCode::unavailable, "the connection ended without a word");
            if (stop.stop_requested()) return refuse(FailureCode::cancelled, "stopped");
            if (!is_connected()) last_sign_ = Steady::now();
            const auto silent_until = last_sign_ + request_.limits.silence;
            const auto until = std::min(silent_until, request_.deadline);
            if (Steady::now() >= until) return timed_out(until == request_.deadline);
            curl_waitfd wake{waiter.fd(), CURL_WAIT_POLLIN, 0};
            ::curl_multi_poll(multi_.get(), &wake, 1, std::min(milliseconds_until(until), 1'000), nullptr);
        }
    }

    Outcome<HopResponse> timed_out(bool in_all) const {
        const std::string& host = request_.url.hostname();
        if (in_all) {
            return refuse(FailureCode::timeout, host + " was not done within the " +
                                                    in_words(request_.limits.total) + " for the whole");
        }
        return refuse(FailureCode::timeout, host + " was silent for " + in_words(request_.limits.silence));
    }

    Outcome<HopResponse> finish(CURLcode code) {
        const std::string& host = request_.url.hostname();
        const auto because = [&](const std::string& what) {
            return what + ": " + ::curl_easy_strerror(code);
        };
        switch (code) {
            case CURLE_OK:
                if (auto whole = reader_.end(); !whole) return pass(whole.error());
                return std::move(reader_.response());
            case CURLE_COULDNT_CONNECT:
            case CURLE_COULDNT_RESOLVE_PROXY:
            case CURLE_COULDNT_RESOLVE_HOST:
                return refuse(FailureCode::connect_failed, "no connection to " + host);
            case CURLE_PROXY:
                return refuse(FailureCode::connect_failed, "the proxy could not connect to " + host);
            case CURLE_OPERATION_TIMEDOUT:
                return refuse(FailureCode::timeout,
                              "no connection to " + host + " within " + in_words(request_.limits.connect));
            case CURLE_SSL_CONNECT_ERROR:
            case CURLE_PEER_FAILED_VERIFICATION:
            case CURLE_SSL_CERTPROBLEM:
            case CURLE_SSL_CIPHER:
            case CURLE_SSL_ISSUER_ERROR:
            case CURLE_SSL_INVALIDCERTSTATUS:
                return refuse(FailureCode::tls_failed, because("no trusted connection to " + host));
            case CURLE_OUT_OF_MEMORY:
            case CURLE_FAILED_INIT:
            case CURLE_SSL_CACERT_BADFILE:
                return refuse(FailureCode::unavailable, because("cannot ask " + host));
            case CURLE_URL_MALFORMAT:
            case CURLE_UNSUPPORTED_PROTOCOL:
                // It may also mean an answer in a protocol that is none.
                return refuse(reader_.has_head() || is_connected() ? FailureCode::bad_response
                                                                   : FailureCode::bad_request,
                              because("the exchange with " + host + " failed"));
            default:
                return refuse(FailureCode::bad_response, because("the response of " + host + " is broken"));
        }
    }

    const HopRequest& request_;
    ResponseReader reader_;
    Easy easy_{::curl_easy_init(), &::curl_easy_cleanup};
    Multi multi_{::curl_multi_init(), &::curl_multi_cleanup};
    List headers_{nullptr, &::curl_slist_free_all};
    List connect_to_{nullptr, &::curl_slist_free_all};
    Steady::time_point last_sign_;
    curl_off_t moved_ = 0;
    std::optional<Failure> failure_;
};

}  // namespace

Outcome<HopResponse> transfer(const HopRequest& request, Receiver& receiver, const Waiter& waiter,
                              const std::stop_token& stop, bool& connected) {
    Transfer transfer(request, receiver);
    auto result = transfer.run(waiter, stop);
    connected = transfer.is_connected();
    return result;
}

}  // namespace rushlight::net
