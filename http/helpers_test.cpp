// Query strings, cookies, routes, problems, headers and peers: values in, values out.
#include "http/cookies.h"
#include "http/http.h"
#include "http/peer.h"
#include "http/query.h"
#include "http/response.h"
#include "http/routes.h"
#include "http/security.h"

#include <random>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace rushlight::http {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Pair;

TEST(Query, DecodesWhatIsWellFormed) {
    const auto query = *Query::parse("a=1&b=%C3%A9+x&a=2&flag&=empty&&c=%2B%26%3D");
    EXPECT_EQ(query.get("a"), "1");
    EXPECT_THAT(query.all("a"), ElementsAre("1", "2"));
    EXPECT_EQ(query.get("b"), "\xc3\xa9 x");
    EXPECT_EQ(query.get("flag"), "");
    EXPECT_EQ(query.get(""), "empty");
    EXPECT_EQ(query.get("c"), "+&=");
    EXPECT_EQ(query.get("d"), std::nullopt);
    EXPECT_TRUE(Query::parse("")->items().empty());
}

TEST(Query, RefusesTheRestInWords) {
    for (const auto* text : {"a=%", "a=%4", "a=%zz", "a=1&b=%00", "a=%ff", "%c3=1", "a=%C0%AF"}) {
        const auto query = Query::parse(text);
        ASSERT_FALSE(query) << text;
        EXPECT_EQ(query.error().code, ErrorCode::invalid);
    }
    EXPECT_THAT(Query::parse("a=1&b=%00").error().message, HasSubstr("parameter 2"));
    std::string many = "a";
    for (int i = 0; i < 100; ++i) many += "&a";
    EXPECT_EQ(Query::parse(many).error().code, ErrorCode::limit);
}

TEST(Query, EncodingComesBackDecoded) {
    std::mt19937 random(1);
    for (int round = 0; round < 200; ++round) {
        std::string text;
        for (int i = 0; i < 20; ++i) text += static_cast<char>(1 + random() % 127);
        EXPECT_EQ(percent_decode(percent_encode(text)), text);
        EXPECT_EQ(percent_decode(percent_encode(text), true), text);
    }
}

TEST(Cookies, AreReadAsSent) {
    EXPECT_THAT(parse_cookies("a=1; b=\"2\";c = 3 ;; junk; =x; a=4"),
                ElementsAre(Pair("a", "1"), Pair("b", "2"), Pair("c", "3"), Pair("a", "4")));
    EXPECT_EQ(find_cookie("x=1; __Host-session=abc=def", "__Host-session"), "abc=def");
    EXPECT_EQ(find_cookie("x=1", "y"), std::nullopt);
    std::string many;
    for (int i = 0; i < 1000; ++i) many += "n=v;";
    EXPECT_EQ(parse_cookies(many).size(), 100u);
}

TEST(Cookies, AreWrittenCarefully) {
    EXPECT_EQ(write_cookie({.name = "__Host-session", .value = "abc", .max_age = std::chrono::hours(1)}),
              "__Host-session=abc; Path=/; Max-Age=3600; Secure; HttpOnly; SameSite=Strict");
    EXPECT_EQ(write_cookie({.name = "theme",
                            .value = "",
                            .secure = false,
                            .http_only = false,
                            .same_site = Cookie::SameSite::lax}),
              "theme=; Path=/; SameSite=Lax");
    for (const Cookie& cookie :
         {Cookie{.name = "a b", .value = "1"}, Cookie{.name = "", .value = "1"},
          Cookie{.name = "a", .value = "1;2"}, Cookie{.name = "a", .value = "1\r\nX: y"},
          Cookie{.name = "a", .value = "1", .path = "/;x"}, Cookie{.name = "a", .value = "1", .path = "x"},
          Cookie{.name = "__Host-a", .value = "1", .secure = false},
          Cookie{.name = "__Host-a", .value = "1", .path = "/x"},
          Cookie{.name = "a", .value = "1", .secure = false, .same_site = Cookie::SameSite::none}})
        EXPECT_FALSE(write_cookie(cookie)) << cookie.name << cookie.value << cookie.path;
}

TEST(Routes, FindTheOneThatIsMeant) {
    Routes routes;
    const auto home = routes.add(Method::get, "/");
    const auto all = routes.add(Method::get, "/api/v1/lists");
    const auto make = routes.add(Method::post, "/api/v1/lists");
    const auto one = routes.add(Method::get, "/api/v1/lists/{name}");
    const auto special = routes.add(Method::get, "/api/v1/lists/export");
    const auto entry = routes.add(Method::delete_, "/api/v1/lists/{name}/entries/{id}");
    const auto file = routes.add(Method::get, "/files/{path...}");
    const auto found = [&](Method method, std::string_view path) {
        auto result = routes.find(method, path);
        EXPECT_EQ(result.outcome, Routes::Outcome::found) << path;
        return std::pair(result.route, result.parameters);
    };
    EXPECT_THAT(found(Method::get, "/"), Pair(home, ElementsAre()));
    EXPECT_THAT(found(Method::get, "/api/v1/lists"), Pair(all, ElementsAre()));
    EXPECT_THAT(found(Method::head, "/api/v1/lists"), Pair(all, ElementsAre()));
    EXPECT_THAT(found(Method::post, "/api/v1/lists"), Pair(make, ElementsAre()));
    EXPECT_THAT(found(Method::get, "/api/v1/lists/a%20b%2Fc"), Pair(one, ElementsAre("a b/c")));
    EXPECT_THAT(found(Method::get, "/api/v1/lists/export"), Pair(special, ElementsAre()));
    EXPECT_THAT(found(Method::delete_, "/api/v1/lists/export/entries/7"),
                Pair(entry, ElementsAre("export", "7")));
    EXPECT_THAT(found(Method::get, "/files/a/b.txt"), Pair(file, ElementsAre("a/b.txt")));
    EXPECT_EQ(routes.list()[entry].pattern, "/api/v1/lists/{name}/entries/{id}");
    EXPECT_THAT(routes.list()[entry].parameters, ElementsAre("name", "id"));
}

TEST(Routes, SayWhatElseThereIs) {
    Routes routes;
    routes.add(Method::get, "/a/{x}");
    routes.add(Method::put, "/a/{x}");
    EXPECT_EQ(routes.find(Method::post, "/a/1").outcome, Routes::Outcome::wrong_method);
    EXPECT_EQ(routes.find(Method::post, "/a/1").allow, "GET, HEAD, PUT, OPTIONS");
    EXPECT_EQ(routes.find(Method::options, "/a/1").outcome, Routes::Outcome::options);
    EXPECT_EQ(routes.find(Method::other, "/a/1").outcome, Routes::Outcome::unknown_method);
    EXPECT_EQ(Routes::refusal(routes.find(Method::post, "/a/1")).status, 405);
    EXPECT_EQ(Routes::refusal(routes.find(Method::options, "/a/1")).status, 204);
    EXPECT_EQ(Routes::refusal(routes.find(Method::other, "/a/1")).status, 501);
    for (const auto* path : {"/b", "/a", "/a/", "/a//", "/a/1/2", "/a/..", "/a/%2e%2e", "/a/.", "//a/1",
                             "/a/%", "/a/%00", "/a/%ff", "a/1", "*", "", "/../a/1"})
        EXPECT_EQ(routes.find(Method::get, path).outcome, Routes::Outcome::not_found) << path;
    std::string deep;
    for (int i = 0; i < 10'000; ++i) deep += "/a";
    EXPECT_EQ(Routes::refusal(routes.find(Method::get, deep)).status, 404);
}

TEST(Routes, RefuseTwoOfAKind) {
    Routes routes;
    routes.add(Method::get, "/a/{x}");
    EXPECT_THROW(routes.add(Method::get, "/a/{y}"), std::logic_error);
    EXPECT_THROW(routes.add(Method::get, "a"), std::logic_error);
    EXPECT_THROW(routes.add(Method::get, "/{x...}/a"), std::logic_error);
    EXPECT_THROW(routes.add(Method::get, "/a{x}"), std::logic_error);
}

TEST(Problem, IsOneJsonObject) {
    const auto response =
        problem(404, "no list \"a\\b\"\n\x01\xff", "urn:rushlight:no-list", R"("name":"x")");
    EXPECT_EQ(response.body,
              "{\"type\":\"urn:rushlight:no-list\",\"title\":\"Not Found\",\"status\":404,\"detail\":"
              "\"no list \\\"a\\\\b\\\"\\u000a\\u0001\xef\xbf\xbd\",\"name\":\"x\"}\n");
    EXPECT_THAT(response.headers, ElementsAre(Pair("Content-Type", "application/problem+json")));
}

TEST(Response, DateIsThatOfTheRfc) {
    EXPECT_EQ(http_date({784111777LL * 1'000'000 + 5}), "Sun, 06 Nov 1994 08:49:37 GMT");
    EXPECT_EQ(http_date({0}), "Thu, 01 Jan 1970 00:00:00 GMT");
}

TEST(Response, HeadersCannotBeSplit) {
    EXPECT_TRUE(headers_are_sound(Response::text(200, "x")));
    EXPECT_FALSE(headers_are_sound(Response::empty(200).with("X", "a\r\nSet-Cookie: b")));
    EXPECT_FALSE(headers_are_sound(Response::empty(200).with("X", std::string("a\0", 2))));
    EXPECT_FALSE(headers_are_sound(Response::empty(200).with("X y", "a")));
    EXPECT_FALSE(headers_are_sound(Response::empty(200).with("", "a")));
    EXPECT_FALSE(headers_are_sound(Response::empty(99)));
}

TEST(Security, HeadersForbidWhatPagesNeedNot) {
    Response response = Response::text(200, "x").with("Cache-Control", "no-cache");
    set_security_headers(response, {.behind_tls = true});
    std::string all;
    for (const auto& [name, value] : response.headers) all += name + ": " + value + "\n";
    EXPECT_THAT(all, HasSubstr("Content-Security-Policy: default-src 'none'"));
    EXPECT_THAT(all, HasSubstr("frame-ancestors 'none'"));
    EXPECT_THAT(all, HasSubstr("nosniff"));
    EXPECT_THAT(all, HasSubstr("Strict-Transport-Security: max-age="));
    EXPECT_THAT(all, ::testing::Not(HasSubstr("no-store")));
    EXPECT_THAT(all, ::testing::Not(HasSubstr("unsafe")));
    EXPECT_TRUE(headers_are_sound(response));
}

TEST(Peer, IsTheLastHopThatATrustedProxyVouchesFor) {
    const auto trusted = *Networks::parse({"127.0.0.1", "10.0.0.0/8", "fd00::/8"});
    const auto peer = [&](std::string_view own, std::string_view hops) {
        return forwarded_peer(trusted, own, hops);
    };
    EXPECT_EQ(peer("127.0.0.1", "203.0.113.7"), "203.0.113.7");
    EXPECT_EQ(peer("127.0.0.1", "6.6.6.6, 203.0.113.7, 10.1.2.3"), "203.0.113.7");
    EXPECT_EQ(peer("198.51.100.1", "203.0.113.7"), "198.51.100.1");  // nobody whom we trust
    EXPECT_EQ(peer("127.0.0.1", ""), "127.0.0.1");
    EXPECT_EQ(peer("127.0.0.1", "203.0.113.7, unknown"), "127.0.0.1");
    EXPECT_EQ(peer("fd00::1", "[2001:db8::5]:4711, ::ffff:10.0.0.1"), "2001:db8::5");
    EXPECT_EQ(peer("127.0.0.1", "203.0.113.7:99"), "203.0.113.7");
    for (const auto* wrong : {"", "example.org", "10.0.0.0/33", "fd00::/129", "10.0.0.0/x", "1.2.3"})
        EXPECT_FALSE(Networks::parse({wrong})) << wrong;
}

}  // namespace
}  // namespace rushlight::http
