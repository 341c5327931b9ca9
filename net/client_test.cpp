// What a fetch gives, and the bounds it keeps.
#include "net/net.h"
#include "net/testing/world.h"

#include <atomic>
#include <future>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <zlib.h>

namespace rushlight::net {
namespace {

using namespace testing;  // our own; GoogleTest's is named in full
using std::chrono::milliseconds;
using ::testing::HasSubstr;

std::string gzip(std::string_view text) {
    z_stream stream{};
    ::deflateInit2(&stream, 9, Z_DEFLATED, 16 + MAX_WBITS, 9, Z_DEFAULT_STRATEGY);
    std::string out(::deflateBound(&stream, text.size()) + 64, '\0');
    stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(text.data()));
    stream.avail_in = static_cast<uInt>(text.size());
    stream.next_out = reinterpret_cast<Bytef*>(out.data());
    stream.avail_out = static_cast<uInt>(out.size());
    ::deflate(&stream, Z_FINISH);
    out.resize(stream.total_out);
    ::deflateEnd(&stream);
    return out;
}

// One site, whose pages the test writes.
class Site : public ::testing::Test {
  protected:
    Site() { world_.dns.set("site.test", std::vector<std::string>{"127.0.0.1"}); }

    // The server may still be busy with the pages before.
    void pages(HttpServer::Handler handler) {
        const std::lock_guard lock(mutex_);
        pages_ = std::make_shared<HttpServer::Handler>(std::move(handler));
    }
    void says(std::string text) {
        pages([text = std::move(text)](const SeenRequest&, Connection& c) { c.write(text); });
    }
    std::string link(const std::string& path = "/") const {
        return "http://" + site_.target("site.test") + path;
    }
    Request request(const std::string& path = "/") const { return {.url = Url::parse(link(path)).value()}; }
    Client client(Client::Options options = {}) const {
        return world_.client({site_.target("site.test")}, std::move(options));
    }
    Fetched fetch(Request request, std::stop_token stop = {}) const {
        return testing::fetch(client(), std::move(request), std::move(stop));
    }

    std::shared_ptr<HttpServer::Handler> now() {
        const std::lock_guard lock(mutex_);
        return pages_;
    }

    World world_;
    std::mutex mutex_;
    std::shared_ptr<HttpServer::Handler> pages_;
    HttpServer site_{[this](const SeenRequest& request, Connection& c) { (*now())(request, c); }};
};

TEST_F(Site, GivesStatusHeadersAndContent) {
    says(response(404, "not here", "X-Note:  two  words \r\nx-note: again\r\n"));
    auto asked = request("/a%20b?q=1#never-sent");
    asked.headers = {{"Accept", "text/html"}, {"X-Empty", ""}};
    const Fetched got = fetch(asked);
    ASSERT_TRUE(got.response) << got.message();
    EXPECT_EQ(got.response->status, 404);
    EXPECT_EQ(got.body, "not here");
    EXPECT_EQ(got.response->bytes, 8u);
    EXPECT_EQ(got.response->address, "127.0.0.1");
    EXPECT_EQ(got.response->redirects, 0);
    EXPECT_EQ(*got.response->header("x-note"), "two  words");
    EXPECT_EQ(got.response->header("x-none"), nullptr);
    const SeenRequest seen = site_.requests().at(0);
    EXPECT_EQ(seen.method, "GET");
    EXPECT_EQ(seen.target, "/a%20b?q=1");
    EXPECT_EQ(seen.headers.at("host"), site_.target("site.test"));
    EXPECT_EQ(seen.headers.at("user-agent"), "rushlight");
    EXPECT_EQ(seen.headers.at("accept"), "text/html");
    EXPECT_EQ(seen.headers.at("x-empty"), "");
    EXPECT_EQ(seen.headers.count("cookie") + seen.headers.count("referer"), 0u);
}

TEST_F(Site, SendsABody) {
    says(response(201, ""));
    auto post = request("/hook");
    post.method = "POST";
    post.body = std::string("{\"a\":\0}", 7) + std::string(3 << 20, 'x');
    post.headers = {{"Content-Type", "application/json"}};
    EXPECT_EQ(fetch(post).response->status, 201);
    const SeenRequest seen = site_.requests().at(0);
    EXPECT_EQ(seen.method, "POST");
    EXPECT_EQ(seen.body, post.body);
    EXPECT_EQ(seen.headers.at("content-type"), "application/json");
    EXPECT_EQ(seen.headers.count("expect"), 0u);
    auto head = request();
    head.method = "HEAD";
    says("HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\n");
    EXPECT_EQ(fetch(head).response->status, 200);
    auto put = request();
    put.method = "PUT";  // without a body
    says(response(204, ""));
    EXPECT_EQ(fetch(put).response->status, 204);
    EXPECT_EQ(site_.requests().at(2).headers.count("content-type"), 0u);
}

TEST_F(Site, RefusesToSendWhatWouldBecomeAnotherRequest) {
    for (const Header& header :
         {Header{"X", "a\r\nY: b"}, Header{"X\r\nY", "b"}, Header{"X", std::string("a\0b", 3)},
          Header{"", "a"}, Header{"X:", "a"}, Header{"Host", "other"}, Header{"cookie", "a=b"},
          Header{"Transfer-Encoding", "chunked"}}) {
        auto asked = request();
        asked.headers = {header};
        EXPECT_EQ(fetch(asked).code(), "bad_request") << header.name;
    }
    for (const char* method : {"", "GET /x", "CONNECT", "G\r\n"}) {
        auto asked = request();
        asked.method = method;
        EXPECT_EQ(fetch(asked).code(), "bad_request") << method;
    }
    EXPECT_EQ(site_.connections(), 0);
}

TEST_F(Site, UnpacksGzip) {
    const std::string text(200'000, 'a');
    says(response(200, gzip(text), "Content-Encoding: gzip\r\n"));
    EXPECT_EQ(fetch(request()).body, text);
    EXPECT_EQ(site_.requests().at(0).headers.at("accept-encoding"), "gzip");
    says(response(200, gzip("one, ") + gzip("two"), "Content-Encoding: x-gzip\r\n"));
    EXPECT_EQ(fetch(request()).body, "one, two");
    const std::string packed = gzip("cut short");
    says(response(200, packed.substr(0, packed.size() - 9), "Content-Encoding: gzip\r\n"));
    EXPECT_EQ(fetch(request()).code(), "bad_response");
    says(response(200, "no gzip at all", "Content-Encoding: gzip\r\n"));
    EXPECT_EQ(fetch(request()).code(), "bad_response");
    says(response(200, "", "Content-Encoding: gzip\r\n"));
    EXPECT_EQ(fetch(request()).code(), "");
    says(response(200, "?", "Content-Encoding: br\r\n"));
    EXPECT_EQ(fetch(request()).code(), "bad_response");
}

TEST_F(Site, ABombIsNoticedBeforeItIsLarge) {
    const std::string bomb = gzip(std::string(64 << 20, '\0'));
    ASSERT_LT(bomb.size(), 100u << 10);
    says(response(200, bomb, "Content-Encoding: gzip\r\n"));
    const Fetched got = fetch(request());
    EXPECT_EQ(got.code(), "too_compressed");
    EXPECT_LT(got.body.size(), 8u << 20);
}

TEST_F(Site, TakesNoMoreThanTheLimit) {
    auto asked = request();
    asked.limits.body_bytes = 1000;
    says(response(200, std::string(1000, 'x')));
    EXPECT_EQ(fetch(asked).body.size(), 1000u);
    says(response(200, std::string(1001, 'x')));
    Fetched got = fetch(asked);
    EXPECT_EQ(got.code(), "too_large");
    EXPECT_EQ(got.body, "");  // the announcement was enough
    says("HTTP/1.1 200 OK\r\n\r\n" + std::string(1001, 'x'));
    got = fetch(asked);
    EXPECT_EQ(got.code(), "too_large");
    EXPECT_LE(got.body.size(), 1000u);
    pages([](const SeenRequest&, Connection& c) {  // one that never ends
        c.write("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
        while (c.write("4\r\nabcd\r\n")) {
        }
    });
    EXPECT_EQ(fetch(asked).code(), "too_large");
}

TEST_F(Site, TakesNoFloodOfHeaders) {
    pages([](const SeenRequest&, Connection& c) {
        c.write("HTTP/1.1 200 OK\r\n");
        while (c.write("X: y\r\n")) {
        }
    });
    EXPECT_EQ(fetch(request()).code(), "bad_response");
    says("HTTP/1.1 200 OK\r\nX: " + std::string(90'000, 'y') + "\r\n\r\n");
    EXPECT_EQ(fetch(request()).code(), "bad_response");
    pages([](const SeenRequest&, Connection& c) {
        while (c.write("HTTP/1.1 100 Continue\r\n\r\n")) {
        }
    });
    EXPECT_EQ(fetch(request()).code(), "bad_response");
    pages([](const SeenRequest&, Connection& c) {
        c.write("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\n");
        while (c.write("X: y\r\n")) {
        }
    });
    EXPECT_EQ(fetch(request()).code(), "bad_response");
}

TEST_F(Site, SaysWhenAResponseIsBroken) {
    for (const std::string text :
         {"", "HTTP/1.1 200 OK\r\n", "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nshort", "hello\r\n\r\n",
          "HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n", "HTTP/1.1 2x0 OK\r\n\r\n",
          "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab",
          "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", "\x16\x03\x01\x02\x00"}) {
        says(text);
        EXPECT_EQ(fetch(request()).code(), "bad_response") << text;
    }
}

TEST_F(Site, EachPhaseHasItsTime) {
    pages([](const SeenRequest&, Connection& c) { c.wait_for_end(); });
    auto asked = request();
    asked.limits.silence = milliseconds(50);
    Fetched got = fetch(asked);
    EXPECT_EQ(got.code(), "timeout");
    EXPECT_THAT(got.message(), HasSubstr("site.test was silent for 50 ms"));

    pages([](const SeenRequest&, Connection& c) {
        c.write("HTTP/1.1 200 OK\r\n\r\nsome");
        c.wait_for_end();
    });
    got = fetch(asked);
    EXPECT_EQ(got.code(), "timeout");
    EXPECT_EQ(got.body, "some");

    asked.limits.silence = milliseconds(10'000);
    asked.limits.total = milliseconds(50);
    got = fetch(asked);
    EXPECT_EQ(got.code(), "timeout");
    EXPECT_THAT(got.message(), HasSubstr("within the 50 ms"));

    world_.dns.set("site.test", {DnsAnswer{.silent = true}});
    asked.limits.total = milliseconds(10'000);
    asked.limits.resolve = milliseconds(50);
    got = fetch(asked);
    EXPECT_EQ(got.code(), "timeout");
    EXPECT_THAT(got.message(), HasSubstr("DNS gave no answer for site.test within 50 ms"));
}

TEST_F(Site, StopsWhenAsked) {
    std::promise<void> waiting;
    pages([&](const SeenRequest&, Connection& c) {
        waiting.set_value();
        c.wait_for_end();
    });
    std::stop_source stop;
    auto got = std::async(std::launch::async, [&] { return fetch(request(), stop.get_token()); });
    waiting.get_future().wait();
    stop.request_stop();
    EXPECT_EQ(got.get().code(), "cancelled");

    world_.dns.set("site.test", {DnsAnswer{.silent = true}});
    EXPECT_EQ(fetch(request(), stop.get_token()).code(), "cancelled");
}

// While the sink takes its time, the server can't send on.
TEST_F(Site, ASlowSinkHoldsTheServerBack) {
    constexpr std::size_t kTotal = 64 << 20;
    std::promise<std::size_t> stuck;  // after so many bytes
    pages([&](const SeenRequest&, Connection& c) {
        c.write("HTTP/1.1 200 OK\r\nContent-Length: " + std::to_string(kTotal) + "\r\n\r\n");
        const std::string piece(1 << 16, 'x');
        std::size_t sent = 0;
        while (sent < kTotal) {
            const auto size = ::send(c.fd(), piece.data(), piece.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
            if (size < 0) break;
            sent += static_cast<std::size_t>(size);
        }
        stuck.set_value(sent);
        c.write(std::string(kTotal - sent, 'x'));
    });
    struct Slow : Sink {
        std::future<std::size_t> stuck;
        std::size_t taken = 0, ahead = 0;
        Status take(Bytes content) override {
            if (taken == 0) ahead = stuck.get();
            taken += content.size();
            return {};
        }
    } sink;
    sink.stuck = stuck.get_future();
    const auto response = client().fetch(request(), sink);
    ASSERT_TRUE(response) << response.error().message;
    EXPECT_EQ(sink.taken, kTotal);
    EXPECT_LT(sink.ahead, kTotal / 2);
}

TEST_F(Site, TheSinkMayEndIt) {
    struct Full : Sink {
        Status begin(const Response& head) override {
            return head.status == 200 ? Status() : fail(ErrorCode::invalid, "no picture");
        }
        Status take(Bytes) override { return fail(ErrorCode::io, "disk full"); }
    } sink;
    says(response(200, "x"));
    auto response = client().fetch(request(), sink);
    ASSERT_FALSE(response);
    EXPECT_EQ(response.error().code, FailureCode::sink_failed);
    EXPECT_EQ(response.error().message, "disk full");
    says(testing::response(500, "x"));
    EXPECT_EQ(client().fetch(request(), sink).error().message, "no picture");
}

TEST_F(Site, FollowsRedirects) {
    pages([](const SeenRequest& request, Connection& c) {
        if (request.target == "/a/b") return void(c.write(redirect_to("../c?d#e")));
        if (request.target == "/c?d") return void(c.write(redirect_to("/end", 308)));
        c.write(response(200, "there"));
    });
    const Fetched got = fetch(request("/a/b"));
    ASSERT_TRUE(got.response) << got.message();
    EXPECT_EQ(got.body, "there");
    EXPECT_EQ(got.response->url.href(), link("/end"));
    EXPECT_EQ(got.response->redirects, 2);
}

TEST_F(Site, ARedirectMayBeTheAnswer) {
    says(redirect_to("/elsewhere"));
    auto asked = request();
    asked.limits.redirects = 0;
    const Fetched got = fetch(asked);
    EXPECT_EQ(got.response->status, 302);
    EXPECT_EQ(*got.response->header("location"), "/elsewhere");
    says(response(304, "", "Location: /elsewhere\r\n"));
    EXPECT_EQ(fetch(request()).response->status, 304);
    says(response(302, "without a place"));
    EXPECT_EQ(fetch(request()).body, "without a place");
}

TEST_F(Site, RedirectsComeToAnEnd) {
    int number = 0;
    pages([&](const SeenRequest&, Connection& c) { c.write(redirect_to("/" + std::to_string(++number))); });
    EXPECT_EQ(fetch(request()).code(), "too_many_redirects");
    EXPECT_EQ(site_.requests().size(), 6u);
    says("HTTP/1.1 302 Found\r\nLocation: /a\r\nLocation: /b\r\n\r\n");
    EXPECT_EQ(fetch(request()).code(), "bad_redirect");
    says(redirect_to("http://[::1"));
    EXPECT_EQ(fetch(request()).code(), "bad_redirect");
    // A redirect's own endless content is not waited for.
    std::atomic<bool> first = true;
    pages([&](const SeenRequest&, Connection& c) {
        if (!first.exchange(false)) return void(c.write(response(200, "there")));
        c.write("HTTP/1.1 302 Found\r\nLocation: /b\r\n\r\n");
        c.wait_for_end();
    });
    EXPECT_EQ(fetch(request()).body, "there");
}

TEST_F(Site, MethodAndBodyFollowTheStatus) {
    struct Row {
        int status;
        const char *method, *then;
        bool keeps_body;
    };
    for (const Row& row :
         {Row{301, "POST", "GET", false}, Row{302, "POST", "GET", false}, Row{303, "PUT", "GET", false},
          Row{303, "HEAD", "HEAD", false}, Row{307, "POST", "POST", true}, Row{308, "PUT", "PUT", true},
          Row{302, "PUT", "PUT", true}}) {
        std::atomic<bool> first = true;
        pages([&](const SeenRequest&, Connection& c) {
            c.write(first.exchange(false) ? redirect_to("/next", row.status) : response(200, ""));
        });
        auto asked = request();
        asked.method = row.method;
        if (asked.method != "HEAD") asked.body = "body";
        EXPECT_EQ(fetch(asked).code(), "");
        EXPECT_EQ(site_.requests().back().method, row.then) << row.status << row.method;
        EXPECT_EQ(site_.requests().back().body, row.keeps_body ? "body" : "") << row.status << row.method;
    }
}

TEST_F(Site, AnotherHostLearnsNothingOfOurs) {
    HttpServer other([](const SeenRequest&, Connection& c) { c.write(response(200, "other")); });
    world_.dns.set("other.test", std::vector<std::string>{"127.0.0.1"});
    const Client client = world_.client({site_.target("site.test"), other.target("other.test")});
    pages([&](const SeenRequest&, Connection& c) {
        c.write(redirect_to("http://" + other.target("other.test") + "/", 307));
    });
    auto asked = request();
    asked.headers = {{"Authorization", "Bearer secret"}, {"X-Signature", "s"}, {"Accept", "image/*"}};
    EXPECT_EQ(testing::fetch(client, asked).body, "other");
    const SeenRequest seen = other.requests().at(0);
    EXPECT_EQ(seen.headers.count("authorization") + seen.headers.count("x-signature"), 0u);
    EXPECT_EQ(seen.headers.at("accept"), "image/*");
    asked.method = "POST";
    asked.body = "signed";
    EXPECT_EQ(testing::fetch(client, asked).code(), "bad_redirect");
    EXPECT_EQ(other.connections(), 1);
}

TEST_F(Site, TriesTheNextAddress) {
    says(response(200, "here"));
    // Nobody listens on the first two.
    world_.dns.set("site.test", std::vector<std::string>{"127.0.0.9", "::1", "127.0.0.1"});
    const Fetched got = fetch(request());
    ASSERT_TRUE(got.response) << got.message();
    EXPECT_EQ(got.response->address, "127.0.0.1");
    world_.dns.set("site.test", std::vector<std::string>{"127.0.0.9"});
    EXPECT_EQ(fetch(request()).code(), "connect_failed");
    // Once the request went out it is not repeated elsewhere.
    says("");
    world_.dns.set("site.test", std::vector<std::string>{"127.0.0.1", "127.0.0.9"});
    EXPECT_EQ(fetch(request()).code(), "bad_response");
    EXPECT_EQ(site_.requests().size(), 2u);
}

TEST_F(Site, SaysWhyANameHasNoAddress) {
    EXPECT_EQ(testing::fetch(client(), "http://unknown.test/").code(), "no_such_host");
    world_.dns.set("none.test", std::vector<std::string>{});
    EXPECT_EQ(testing::fetch(client(), "http://none.test/").code(), "no_such_host");
    world_.dns.set("ill.test", {DnsAnswer{.code = 2}});
    EXPECT_EQ(testing::fetch(client(), "http://ill.test/").code(), "dns_failed");
    world_.dns.set("refused.test", {DnsAnswer{.code = 5}});
    EXPECT_EQ(testing::fetch(client(), "http://refused.test/").code(), "dns_failed");
    world_.dns.set("broken.test", {DnsAnswer{.broken = true}});
    auto asked = Request{.url = Url::parse("http://broken.test/").value()};
    asked.limits.resolve = milliseconds(100);
    EXPECT_THAT(testing::fetch(client(), asked).code(), ::testing::AnyOf("dns_failed", "timeout"));
    EXPECT_EQ(testing::fetch(client(), "http://" + std::string(64, 'a') + ".test/").response.has_value(),
              false);
}

TEST_F(Site, ManyMayFetchAtOnce) {
    pages([](const SeenRequest& request, Connection& c) { c.write(response(200, request.target)); });
    const Client client = this->client();
    std::vector<std::future<std::string>> bodies;
    for (int i = 0; i < 16; ++i) {
        bodies.push_back(std::async(std::launch::async, [&, i] {
            return testing::fetch(client, link("/" + std::to_string(i))).body;
        }));
    }
    for (int i = 0; i < 16; ++i)
        EXPECT_EQ(bodies[static_cast<std::size_t>(i)].get(), "/" + std::to_string(i));
}

TEST(Client, SaysWhichOptionIsWrong) {
    const auto message = [](Client::Options options) {
        const auto client = Client::create(std::move(options));
        return client ? "" : client.error().message;
    };
    EXPECT_EQ(message({}), "");
    EXPECT_EQ(message({.dns = "127.0.0.1:5353,[::1]:53"}), "");
    EXPECT_THAT(message({.dns = "dns.example"}), HasSubstr("is no DNS server"));
    EXPECT_EQ(message({.proxy = "socks5://127.0.0.1:9050"}), "");
    EXPECT_EQ(message({.proxy = "socks5://[::1]:9050"}), "");
    EXPECT_THAT(message({.proxy = "socks5h://127.0.0.1:9050"}), HasSubstr("behind our back"));
    for (const char* proxy : {"http://127.0.0.1:3128", "socks5://proxy.example:9050", "socks5://127.0.0.1",
                              "socks5://u:p@127.0.0.1:9050", "127.0.0.1:9050", "socks5://127.0.0.1:9050/x"}) {
        EXPECT_THAT(message({.proxy = proxy}), HasSubstr("is no proxy we can use")) << proxy;
    }
    EXPECT_NE(message({.user_agent = "a\r\nX: y"}), "");
}

}  // namespace
}  // namespace rushlight::net
