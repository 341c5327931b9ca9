#include "base/url.h"

#include <fstream>
#include <string>
#include <vector>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace rushlight {
namespace {

using nlohmann::json;

std::string href(std::string_view input) {
    const auto url = Url::parse(input);
    return url ? url->href() : "";
}

std::string resolve(std::string_view input, std::string_view base) {
    const auto parsed = Url::parse(base);
    if (!parsed) return "bad base";
    const auto url = Url::parse(input, &*parsed);
    return url ? url->href() : "";
}

// nullopt where it could not be parsed.
std::optional<Url> parse_case(const json& test) {
    std::optional<Url> base;
    if (test.contains("base") && test["base"].is_string()) {
        const auto parsed = Url::parse(test["base"].get<std::string>());
        if (!parsed) return std::nullopt;
        base = *parsed;
    }
    const auto url = Url::parse(test["input"].get<std::string>(), base ? &*base : nullptr);
    return url ? std::optional(*url) : std::nullopt;
}

TEST(Url, AnswersEveryCaseOfTheStandard) {
    std::ifstream file(RUSHLIGHT_SOURCE_DIR "/base/testdata/urltestdata.json");
    int cases = 0;
    for (const json& test : json::parse(file)) {
        if (!test.is_object()) continue;
        ++cases;
        SCOPED_TRACE(test.dump(-1, ' ', true));
        const auto url = parse_case(test);
        if (test.value("failure", false)) {
            EXPECT_FALSE(url) << url->href();
            continue;
        }
        if (!url) {
            ADD_FAILURE() << "not parsed";
            continue;
        }
        EXPECT_EQ(url->href(), test["href"].get<std::string>());
        EXPECT_EQ(url->protocol(), test["protocol"].get<std::string>());
        EXPECT_EQ(url->username(), test["username"].get<std::string>());
        EXPECT_EQ(url->password(), test["password"].get<std::string>());
        EXPECT_EQ(url->host(), test["host"].get<std::string>());
        EXPECT_EQ(url->hostname(), test["hostname"].get<std::string>());
        EXPECT_EQ(url->port(), test["port"].get<std::string>());
        EXPECT_EQ(url->pathname(), test["pathname"].get<std::string>());
        EXPECT_EQ(url->search(), test["search"].get<std::string>());
        EXPECT_EQ(url->hash(), test["hash"].get<std::string>());
        const auto again = Url::parse(url->href());
        ASSERT_TRUE(again);
        EXPECT_EQ(*again, *url) << "read again, it is another link";
    }
    EXPECT_EQ(cases, 891);
}

TEST(Url, AnAddressIsSeenThroughEverySpellingOfIt) {
    for (const char* input :
         {"http://127.0.0.1/", "http://127.1/", "http://2130706433/", "http://0x7f000001/",
          "http://0177.0.0.1/", "http://0x7f.1/", "http://127.0.0.1./", "http://１２７。０。０。１/",
          "http://①②⑦.0.0.1/", "http://%31%32%37.0.0.1/", "http://017700000001/", "\thttp:\\\\127.0\n.1"}) {
        const auto url = Url::parse(input);
        ASSERT_TRUE(url) << input;
        EXPECT_EQ(url->hostname(), "127.0.0.1") << input;
        EXPECT_EQ(url->host_kind(), HostKind::ipv4) << input;
    }
    for (const char* input : {"http://[::ffff:127.0.0.1]/", "http://[0:0::FFFF:7f00:1]/"}) {
        EXPECT_EQ(href(input), "http://[::ffff:7f00:1]/");
    }
    for (const char* input :
         {"http://256.1.1.1/", "http://1.2.3.4.5/", "http://0x100000000/", "http://127.0.0.09/",
          "http://a.0x1/", "http://1.2.3.4.0x", "http://[fe80::1%25eth0]/", "http://[::1/"}) {
        EXPECT_EQ(href(input), "") << input;
    }
}

TEST(Url, TheHostIsWhatStandsBehindTheLastAt) {
    const auto url = Url::parse("http://good.example:80@bad.example@[::1]:8080/");
    ASSERT_TRUE(url);
    EXPECT_EQ(url->host(), "[::1]:8080");
    EXPECT_EQ(url->username(), "good.example");
    EXPECT_EQ(url->password(), "80%40bad.example");
    EXPECT_TRUE(url->has_credentials());
    EXPECT_EQ(Url::parse("http://a.example\\@b.example/")->hostname(), "a.example");
    EXPECT_EQ(Url::parse("http://a.example#@b.example/")->hostname(), "a.example");
}

TEST(Url, InternationalNamesBecomeAscii) {
    EXPECT_EQ(href("http://bücher.example/"), "http://xn--bcher-kva.example/");
    EXPECT_EQ(href("http://faß.example/"), "http://xn--fa-hia.example/");  // non-transitional
    EXPECT_EQ(href("http://EXAMPLE。com/"), "http://example.com/");
    EXPECT_EQ(href("http://XN--bcher-kva.example/"), "http://xn--bcher-kva.example/");
    EXPECT_EQ(href("http://xn--ü.example/"), "");
    for (const char* input :
         {"http://ü.xn--a/", "http://ü.xn--abc-/", "http://ü.xn--/", "http://\xED\xA0\x80/",
          "http://a\u202Eb.example/", "http://\u00AD/", "http://a%00b/", "http://a%2fb/"}) {
        EXPECT_EQ(href(input), "") << input;
    }
}

TEST(Url, RelativeLinksResolve) {
    const char* base = "https://a.example/b/c?q#f";
    EXPECT_EQ(resolve("d", base), "https://a.example/b/d");
    EXPECT_EQ(resolve("../../../d/./e/..", base), "https://a.example/d/");
    EXPECT_EQ(resolve("?r", base), "https://a.example/b/c?r");
    EXPECT_EQ(resolve("", base), "https://a.example/b/c?q");
    EXPECT_EQ(resolve("//[::1]", base), "https://[::1]/");
    EXPECT_EQ(resolve("\\\\other.example\\x", base), "https://other.example/x");
    EXPECT_EQ(resolve("https:x", base), "https://a.example/b/x");
    EXPECT_EQ(resolve("http:x", base), "http://x/");
}

TEST(Url, GivesPortsAndTheResource) {
    EXPECT_EQ(Url::parse("https://a.example")->port_or_default(), 443);
    EXPECT_EQ(Url::parse("https://a.example:8443")->port_or_default(), 8443);
    EXPECT_EQ(Url::parse("gopher://a.example")->port_or_default(), std::nullopt);
    EXPECT_EQ(Url::parse("https://a.example/x?y#z")->without_fragment().href(), "https://a.example/x?y");
}

TEST(Url, SaysWhatIsWrong) {
    EXPECT_EQ(Url::parse("example.com").error().message, "the link has no scheme, such as https:");
    EXPECT_EQ(Url::parse("http://a:99999").error().message, "the port is above 65535");
    EXPECT_EQ(Url::parse("http://" + std::string(Url::kMostBytes, 'a')).error().code, ErrorCode::limit);
}

}  // namespace
}  // namespace rushlight
