// What hostile links try at a running server (POST /api/v1/check/url) in order to reach what only this
// machine can reach. The forbidden listener is really there, on loopback; nobody may ever knock at it, and
// nothing may be written.

#include "app/testing/dump.h"
#include "app/testing/served.h"
#include "net/testing/dns_server.h"
#include "net/testing/http_server.h"

#include <future>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace rushlight::app::testing {
namespace {

using net::testing::Connection;
using net::testing::DnsAnswer;
using net::testing::DnsServer;
using net::testing::HttpServer;
using net::testing::redirect_to;
using net::testing::response;
using net::testing::SeenRequest;
using ::testing::HasSubstr;
using ::testing::Not;

// One server for all: each test asks it, and leaves it as it was.
struct World {
    World() {
        dns.set("site.test", std::vector<std::string>{"127.0.0.1"});
        folder.write("var/rushlight.toml", "[net]\ndns = \"" + dns.setting() + "\"\nallow = \"" +
                                               site.target("site.test") + ", " + site.target("twice.test") +
                                               "\"\n");
        server.emplace(folder.path("var"));
        admin = server->set_up();
        key = server->key(admin, {"check"});
    }

    Folder folder;
    DnsServer dns;
    HttpServer forbidden{[](const SeenRequest&, Connection& c) { c.write(response(200, "secret")); }};
    std::string leads_to;  // set between requests only
    HttpServer site{[this](const SeenRequest&, Connection& c) {
        c.write(leads_to.empty() ? response(200, "harmless") : redirect_to(leads_to));
    }};
    std::optional<Served> server;
    Headers admin, key;
};

class Ssrf : public ::testing::Test {
  protected:
    static void SetUpTestSuite() { world = std::make_unique<World>(); }
    static void TearDownTestSuite() { world.reset(); }
    Ssrf() { dns_.set("site.test", std::vector<std::string>{"127.0.0.1"}); }
    ~Ssrf() override {
        EXPECT_EQ(forbidden_.connections(), 0) << "somebody knocked at the forbidden door";
        EXPECT_EQ(difference(before_, dump(folder_.path("var"))), "") << "something was written";
        EXPECT_EQ(server_.ask("GET", "/livez").status, 200);
        leads_to_.clear();
    }

    std::string port() const { return std::to_string(forbidden_.port()); }
    std::string site() const { return "http://" + site_.target("site.test") + '/'; }

    Answer check(const std::string& link) const {
        return server_.ask("POST", "/api/v1/check/url", key_, json{{"url", link}});
    }
    // 422 with this code.
    void expect_refused(const std::string& link, const std::string& code) const {
        const Answer answer = check(link);
        EXPECT_EQ(answer.status, 422) << link << ' ' << answer.text;
        EXPECT_THAT(answer.header("Content-Type"), HasSubstr("application/problem+json"));
        EXPECT_EQ(answer.body.value("code", ""), code) << link << ' ' << answer.text;
        EXPECT_EQ(answer.body.value("type", ""), "/problems/not-fetched") << answer.text;
        EXPECT_THAT(answer.text, Not(HasSubstr("secret")));
    }
    // … asked for directly, and where a redirect of a good site leads there.
    void expect_refused_both_ways(const std::string& link, const std::string& code) {
        expect_refused(link, code);
        leads_to_ = link;
        expect_refused(site(), code);
    }

    static std::unique_ptr<World> world;

    const Folder& folder_ = world->folder;
    DnsServer& dns_ = world->dns;
    HttpServer& forbidden_ = world->forbidden;
    HttpServer& site_ = world->site;
    std::string& leads_to_ = world->leads_to;
    const Served& server_ = *world->server;
    const Headers& admin_ = world->admin;
    const Headers& key_ = world->key;
    const std::map<std::string, std::string> before_ = dump(folder_.path("var"));
};
std::unique_ptr<World> Ssrf::world;

TEST_F(Ssrf, EverySpellingOfAForbiddenAddress) {
    EXPECT_EQ(check(site()).status, 200) << "the door that is open";
    for (const std::string host :
         {"127.0.0.1", "127.1", "127.0.1", "2130706433", "0x7f000001", "0x7f.0x0.0x0.0x1", "0177.0.0.1",
          "017700000001", "127.0.0.1.", "0", "0.0.0.0", "[::1]", "[::]", "[0:0:0:0:0:0:0:1]",
          "[::ffff:127.0.0.1]", "[::ffff:7f00:1]", "[::127.0.0.1]", "[64:ff9b::127.0.0.1]", "[2002:7f00:1::]",
          "169.254.169.254", "[fd00:ec2::254]", "10.0.0.1", "192.168.1.1", "172.16.0.1", "100.64.0.1",
          "224.0.0.1", "255.255.255.255", "[fe80::1]", "localhost", "LOCALHOST.", "a.localhost",
          // Unicode: digits of full width and in circles, other full stops
          "１２７.０.０.１", "①②⑦.⓪.⓪.①", "127。0。0。1", "127．0．0．1", "ⓛocalhost", "ｌｏｃａｌｈｏｓｔ",
          "%31%32%37.0.0.1"})
        expect_refused_both_ways("http://" + host + ':' + port() + '/', "refused_private");
}

TEST_F(Ssrf, ANameThatLeadsToAForbiddenAddress) {
    struct Row {
        std::string name;
        DnsAnswer answer;
    };
    for (const Row& row : {
             Row{"plain.test", {.addresses = {"127.0.0.1"}}},
             Row{"hidden.test", {.addresses = {"198.41.0.4", "127.0.0.1"}}},  // one is enough
             Row{"last.test", {.addresses = {"127.0.0.1", "198.41.0.4"}}},
             Row{"six.test", {.addresses = {"::1"}}},
             Row{"mixed.test", {.addresses = {"198.41.0.4", "::1"}}},
             Row{"mapped.test", {.addresses = {"::ffff:127.0.0.1"}}},
             Row{"alias.test", {.addresses = {"127.0.0.1"}, .aliases = {"public.test", "intern.test"}}},
             Row{"metadata.test", {.addresses = {"169.254.169.254"}}},
         }) {
        dns_.set(row.name, {row.answer});
        expect_refused_both_ways("http://" + row.name + ':' + port() + '/', "refused_private");
    }
    // IDNA: an international name is asked for in its ASCII form, and judged by where it leads.
    dns_.set("xn--mnchen-3ya.test", std::vector<std::string>{"127.0.0.1"});
    expect_refused_both_ways("http://MÜNCHEN.test:" + port() + '/', "refused_private");
    EXPECT_GT(dns_.lookups("xn--mnchen-3ya.test"), 0);
}

TEST_F(Ssrf, ASecondLookUpThatDiffersChangesNothing) {
    // An allowed name: the first answer is connected to, and asked for once a hop.
    dns_.set("twice.test",
             std::vector{DnsAnswer{.addresses = {"127.0.0.1"}}, DnsAnswer{.addresses = {"127.0.0.2"}}});
    EXPECT_EQ(check("http://" + site_.target("twice.test") + '/').status, 200);
    EXPECT_EQ(dns_.lookups("twice.test"), 1);
    // A name that turned private is refused however public it was before.
    dns_.set("rebind.test",
             std::vector{DnsAnswer{.addresses = {"127.0.0.1"}}, DnsAnswer{.addresses = {"198.41.0.4"}}});
    leads_to_ = "http://rebind.test:" + port() + '/';
    expect_refused(site(), "refused_private");
    EXPECT_EQ(dns_.lookups("rebind.test"), 1);
}

TEST_F(Ssrf, TheAllowedPairAllowsNothingElse) {
    dns_.set("twin.test", std::vector<std::string>{"127.0.0.1"});
    const int before = site_.connections();
    expect_refused("http://" + forbidden_.target("site.test") + '/', "refused_private");  // another port
    expect_refused("http://" + site_.target("twin.test") + '/', "refused_private");       // another name
    expect_refused("http://" + site_.target("127.0.0.1") + '/', "refused_private");
    expect_refused("http://site.test/", "refused_private");  // port 80
    EXPECT_EQ(site_.connections(), before);
}

TEST_F(Ssrf, CredentialsAndOtherSchemes) {
    for (const std::string& link :
         {"http://user@site.test:" + port() + '/', "http://:pw@127.0.0.1:" + port() + '/',
          "http://site.test:80@127.0.0.1:" + port() + '/', "http://127.0.0.1:" + port() + "@site.test/"})
        expect_refused_both_ways(link, "refused_credentials");
    const std::string local = "127.0.0.1:" + port();
    for (const std::string& link : std::vector<std::string>{
             "file:///etc/passwd", "ftp://" + local + '/', "gopher://" + local + "/_x", "data:text/plain,x",
             "ws://" + local + '/', "dict://" + local + '/', "javascript:1", "tftp://" + local + '/'})
        expect_refused_both_ways(link, "refused_scheme");
    expect_refused_both_ways("http://" + std::string(56, 'a') + ".onion/", "refused_onion");
}

TEST_F(Ssrf, WhatIsNoLink) {
    for (const json& url :
         std::vector<json>{"", " ", "/etc/passwd", "//127.0.0.1/", "http://", "http:///", "http://[::1",
                           "http://[fe80::1%25lo]/", "http://a b/", "http://127.0.0.1:99999/",
                           "http://256.0.0.1/", "http://\xef\xbf\xbd/", "http://a\u0000b/", 7, nullptr,
                           json::array({"http://site.test/"}), json::object()}) {
        const Answer answer = server_.ask("POST", "/api/v1/check/url", key_, json{{"url", url}});
        EXPECT_EQ(answer.status, 422) << url << answer.text;
        EXPECT_THAT(answer.header("Content-Type"), HasSubstr("application/problem+json"));
    }
    const std::string lone = R"({"url":"http://\ud800.test/"})";
    EXPECT_EQ(server_.ask("POST", "/api/v1/check/url", key_, lone).status, 400);
    EXPECT_EQ(
        server_.ask("POST", "/api/v1/check/url", key_, std::string("{\"url\":\"http://\xc0\xae.test/\"}"))
            .status,
        400);
    // A link longer than any that is read; and one that fits and leads to no page of ours.
    EXPECT_EQ(check(site() + std::string(70'000, 'a')).status, 422);
    leads_to_ = site() + std::string(70'000, 'a');
    expect_refused(site(), "bad_response");
}

TEST_F(Ssrf, FragmentsAreNotSentAndDoNotHideAHost) {
    EXPECT_EQ(check(site() + "page#@127.0.0.1:" + port() + '/').status, 200);
    EXPECT_EQ(site_.requests().back().target, "/page");
    expect_refused("http://127.0.0.1:" + port() + "#.site.test/", "refused_private");
    expect_refused("http://127.0.0.1:" + port() + "\\@site.test/", "refused_private");
    expect_refused("http:127.0.0.1:" + port(), "refused_private");
    expect_refused("http:\\\\127.0.0.1:" + port() + '/', "refused_private");
    expect_refused("ht\ntp://127.0.\t0.1:" + port() + '/', "refused_private");
}

TEST_F(Ssrf, WhatASiteAnswersIsNamed) {
    HttpServer missing([](const SeenRequest&, Connection& c) { c.write(response(404, "no")); });
    expect_refused("http://" + missing.target("127.0.0.1") + '/', "refused_private");
    leads_to_ = "/";
    expect_refused(site(), "too_many_redirects");
    leads_to_ = "http://[no host]/";
    expect_refused(site(), "bad_redirect");
    dns_.set("site.test", std::vector{DnsAnswer{.code = 2}});
    expect_refused(site(), "dns_failed");
    expect_refused("http://nobody.test/", "no_such_host");
}

TEST_F(Ssrf, AdmittedTargetsAreAuditedAndShownUnderHealth) {
    const Answer audit = server_.ask("GET", "/api/v1/audit?what=targets.allowed", admin_);
    ASSERT_EQ(audit.body["items"].size(), 1u) << audit.text;
    EXPECT_THAT(audit.body["items"][0]["who"].get<std::string>(), HasSubstr("local:"));
    EXPECT_THAT(audit.text, HasSubstr(site_.target("site.test")));
    const Answer health = server_.ask("GET", "/api/v1/health", admin_);
    EXPECT_EQ(health.body["targets"], json({site_.target("site.test"), site_.target("twice.test")}))
        << health.text;
    bool shown = false;
    for (const json& check : health.body["checks"]) {
        if (check["check"] == "targets")
            shown = check["found"].get<std::string>().find("site.test") != std::string::npos;
    }
    EXPECT_TRUE(shown) << health.text;
}

// A site that takes its time holds up nobody but those who asked for it, and not the end of the server.
TEST_F(Ssrf, ASlowSiteHoldsUpNobodyElse) {
    std::vector<std::future<Answer>> slow;
    HttpServer never([](const SeenRequest&, Connection& c) { c.wait_for_end(); });
    const Folder folder;
    folder.write("var/rushlight.toml", "[net]\ndns = \"" + dns_.setting() + "\"\n");
    Served server(folder.path("var"), {"--allow-target", never.target("site.test")});
    const Headers admin = server.set_up();
    const Headers key = server.key(admin, {"check"});
    for (int i = 0; i < 12; ++i) {
        slow.push_back(std::async(std::launch::async, [&] {
            return server.ask("POST", "/api/v1/check/url", key,
                              json{{"url", "http://" + never.target("site.test") + '/'}});
        }));
    }
    while (never.requests().size() < 8) std::this_thread::yield();
    EXPECT_EQ(server.ask("GET", "/api/v1/overview", admin).status, 200);
    EXPECT_EQ(server.ask("GET", "/api/v1/checks", key).status, 200);
    EXPECT_EQ(server.stop().status, 0);
    for (auto& answer : slow) {
        const int status = answer.get().status;
        EXPECT_TRUE(status == 503 || status == 0) << status;
    }
}

}  // namespace
}  // namespace rushlight::app::testing
