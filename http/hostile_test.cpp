// Heads and bodies that two programs could read in two ways, or that nobody can read: refused, and the
// connection closed, so that nothing behind them is taken for a request.
#include "http/test_room.h"

#include <gtest/gtest.h>

namespace rushlight::http {
namespace {

using testing::get;
using testing::RawClient;

struct Case {
    const char* what;
    std::string bytes;
    int status;
};

const std::string kGet = "GET / HTTP/1.1\r\n";
const std::string kPost = "POST / HTTP/1.1\r\nHost: x\r\n";
const std::string kChunked = kPost + "Transfer-Encoding: chunked\r\n\r\n";

std::vector<Case> cases() {
    return {
        // Framing
        {"both lengths", kPost + "Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400},
        {"both, the other way", kPost + "Transfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n0\r\n\r\n",
         400},
        {"two lengths", kPost + "Content-Length: 3\r\nContent-Length: 4\r\n\r\nabcd", 400},
        {"the same length twice", kPost + "Content-Length: 3\r\nContent-Length: 3\r\n\r\nabc", 400},
        {"a list of lengths", kPost + "Content-Length: 3, 3\r\n\r\nabc", 400},
        {"a length with a sign", kPost + "Content-Length: +3\r\n\r\nabc", 400},
        {"a negative length", kPost + "Content-Length: -3\r\n\r\nabc", 400},
        {"a hexadecimal length", kPost + "Content-Length: 0x3\r\n\r\nabc", 400},
        {"an empty length", kPost + "Content-Length: \r\n\r\n", 400},
        {"a length beyond 64 bits", kPost + "Content-Length: 99999999999999999999999\r\n\r\n", 400},
        {"chunked twice", kPost + "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
         400},
        {"chunked, hidden", kPost + "Transfer-Encoding: xchunked\r\n\r\n", 501},
        {"chunked behind gzip", kPost + "Transfer-Encoding: gzip, chunked\r\n\r\n", 501},
        {"chunked and identity", kPost + "Transfer-Encoding: chunked, identity\r\n\r\n", 501},
        {"chunked with a vertical tab",
         kPost + "Transfer-Encoding: \x0b"
                 "chunked\r\n\r\n",
         400},
        {"chunked in HTTP/1.0", "POST / HTTP/1.0\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
         400},
        // Lines
        {"a space before the colon", kPost + "Content-Length : 3\r\n\r\nabc", 400},
        {"a tab before the colon", kGet + "Host\t: x\r\n\r\n", 400},
        {"a folded line", kGet + "Host: x\r\nA: b\r\n c\r\n\r\n", 400},
        {"a first line folded", kGet + " Host: x\r\n\r\n", 400},
        {"a header without a name", kGet + "Host: x\r\n: y\r\n\r\n", 400},
        {"a header without a colon", kGet + "Host: x\r\nnonsense\r\n\r\n", 400},
        {"a bare line feed", "GET / HTTP/1.1\nHost: x\r\n\r\n", 400},
        {"a bare line feed in a header", kGet + "Host: x\r\nA: b\nC: d\r\n\r\n", 400},
        {"a bare carriage return", kGet + "Host: x\r\nA: b\rC: d\r\n\r\n", 400},
        {"a carriage return before the end", kGet + "Host: x\r\nA: b\r\r\n\r\n", 400},
        {"a NUL in a value", kGet + std::string("Host: x\r\nA: b\0c\r\n\r\n", 19), 400},
        {"a NUL in a name", kGet + std::string("Host: x\r\nA\0: b\r\n\r\n", 18), 400},
        {"a control character", kGet + "Host: x\r\nA: \x01\r\n\r\n", 400},
        {"DEL", kGet + "Host: x\r\nA: \x7f\r\n\r\n", 400},
        // The request line
        {"no version", "GET /\r\nHost: x\r\n\r\n", 400},
        {"HTTP/2.0", "GET / HTTP/2.0\r\nHost: x\r\n\r\n", 505},
        {"the preface of HTTP/2", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505},
        {"HTTP/0.9", "GET / HTTP/0.9\r\nHost: x\r\n\r\n", 505},
        {"HTTP/1.10", "GET / HTTP/1.10\r\nHost: x\r\n\r\n", 505},
        {"http in small letters", "GET / http/1.1\r\nHost: x\r\n\r\n", 505},
        {"two spaces", "GET  / HTTP/1.1\r\nHost: x\r\n\r\n", 400},
        {"a space in the target", "GET /a b HTTP/1.1\r\nHost: x\r\n\r\n", 505},
        {"no path", "GET index.html HTTP/1.1\r\nHost: x\r\n\r\n", 400},
        {"another scheme", "GET ftp://x/ HTTP/1.1\r\nHost: x\r\n\r\n", 400},
        {"a name and a password", "GET http://a:b@x/ HTTP/1.1\r\nHost: x\r\n\r\n", 400},
        {"a fragment", "GET /a#b HTTP/1.1\r\nHost: x\r\n\r\n", 400},
        {"raw UTF-8 in the target", "GET /caf\xc3\xa9 HTTP/1.1\r\nHost: x\r\n\r\n", 400},
        {"a NUL in the target", std::string("GET /a\0b HTTP/1.1\r\nHost: x\r\n\r\n", 30), 400},
        {"a star with GET", "GET * HTTP/1.1\r\nHost: x\r\n\r\n", 400},
        {"CONNECT", "CONNECT x:443 HTTP/1.1\r\nHost: x\r\n\r\n", 501},
        {"a method with a colon", "G:T / HTTP/1.1\r\nHost: x\r\n\r\n", 400},
        {"a TLS greeting", std::string("\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 11), 400},
        {"noise", "\xff\xfe\xfd", 400},
        {"small letters first", "get / HTTP/1.1\r\nHost: x\r\n\r\n", 400},
        // Headers that may come once
        {"no Host", kGet + "\r\n", 400},
        {"two Hosts", kGet + "Host: x\r\nHost: y\r\n\r\n", 400},
        {"a Host that is none", kGet + "Host: x/y\r\n\r\n", 400},
        {"a Host with a user", kGet + "Host: a@b\r\n\r\n", 400},
        {"two Content-Types", kPost + "Content-Type: a/b\r\nContent-Type: c/d\r\n\r\n", 400},
        {"two Authorizations", kGet + "Host: x\r\nAuthorization: a\r\nAuthorization: b\r\n\r\n", 400},
        // Chunks
        {"a chunk without a size", kChunked + "\r\nabc\r\n0\r\n\r\n", 400},
        {"a chunk size that is none", kChunked + "xyz\r\nabc\r\n0\r\n\r\n", 400},
        {"a negative chunk", kChunked + "-3\r\nabc\r\n0\r\n\r\n", 400},
        {"a chunk size beyond 64 bits", kChunked + "fffffffffffffffffff\r\nabc\r\n0\r\n\r\n", 400},
        {"a chunk that is longer than it says", kChunked + "3\r\nabcd\r\n0\r\n\r\n", 400},
        {"a chunk that ends with a bare line feed", kChunked + "3\r\nabc\n0\r\n\r\n", 400},
        {"a chunk size that ends with a bare line feed", kChunked + "3\nabc\r\n0\r\n\r\n", 400},
        {"a trailer that is a length", kChunked + "0\r\nContent-Length: 5\r\n\r\n", 400},
        {"a folded trailer", kChunked + "0\r\nA: b\r\n c\r\n\r\n", 400},
        {"a trailer with a bare line feed", kChunked + "0\r\nA: b\n\r\n", 400},
        {"a size with a space", kChunked + "3 \r\nabc\r\n0\r\n\r\n", 400},
        {"an extension with a bare line feed", kChunked + "3;a\nb\r\nabc\r\n0\r\n\r\n", 400},
        {"a huge chunk", kChunked + "fffffffffffffff\r\nabc", 413},
        {"an endless extension", kChunked + "3;" + std::string(100'000, 'x'), 400},
        {"an endless trailer", kChunked + "0\r\nA: " + std::string(100'000, 'x'), 431},
        // Sizes
        {"a long target", "GET /" + std::string(9000, 'a') + " HTTP/1.1\r\nHost: x\r\n\r\n", 414},
        {"an endless target", "GET /" + std::string(20'000, 'a'), 414},
        {"an endless method", std::string(20'000, 'G'), 414},
        {"an endless header", kGet + "Host: x\r\nA: " + std::string(20'000, 'a'), 431},
        {"a long head", kGet + "Host: x\r\nA: " + std::string(17'000, 'a') + "\r\n\r\n", 431},
        {"a large body", kPost + "Content-Length: 2000000\r\n\r\n", 413},
    };
}

TEST(Hostile, IsRefusedAndCutOff) {
    auto server = started(plan_echo);
    for (const auto& [what, bytes, status] : cases()) {
        RawClient client(server.port());
        client.send(bytes);
        client.send(get("/smuggled"));
        const auto reply = client.reply();
        ASSERT_TRUE(reply) << what;
        EXPECT_EQ(reply->status, status) << what << ": " << reply->body;
        EXPECT_EQ(reply->header("Connection"), "close") << what;
        EXPECT_EQ(reply->header("Content-Type"), "application/problem+json") << what;
        EXPECT_TRUE(client.closed()) << what;
    }
    EXPECT_EQ(server.counters().answers[2], 0u);
    EXPECT_EQ(RawClient(server.port()).ask(get("/"))->status, 200);
}

TEST(Hostile, ManyHeadersAreTooMany) {
    auto server = started(plan_echo);
    std::string headers;
    for (int i = 0; i < 99; ++i) headers += "A: b\r\n";
    RawClient client(server.port());
    EXPECT_EQ(client.ask(get("/", headers))->status, 200);
    EXPECT_EQ(client.ask(get("/", headers + "A: b\r\n"))->status, 431);
    RawClient trailing(server.port());
    std::string trailers;
    for (int i = 0; i < 101; ++i) trailers += "A: b\r\n";
    EXPECT_EQ(trailing.ask(kChunked + "0\r\n" + trailers + "\r\n")->status, 431);
}

TEST(Hostile, ErrorsAreAsTheProgramWantsThem) {
    auto server = started(plan_echo, {.problem = [](int status, std::string_view detail) {
                              return Response::text(status, "sorry: " + std::string(detail));
                          }});
    RawClient client(server.port());
    const auto reply = client.ask(kGet + "\r\n");
    EXPECT_EQ(reply->status, 400);
    EXPECT_EQ(reply->body, "sorry: the Host header is missing");
}

}  // namespace
}  // namespace rushlight::http
