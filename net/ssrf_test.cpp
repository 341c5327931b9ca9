// What hostile links try in order to reach what only this machine can reach. The forbidden listener is really
// there, on loopback; nobody may ever knock at it.
#include "net/net.h"
#include "net/testing/certificate.h"
#include "net/testing/socks_server.h"
#include "net/testing/world.h"

#include <cstdlib>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace rushlight::net {
namespace {

using namespace testing;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

class Ssrf : public ::testing::Test {
  protected:
    Ssrf() { world_.dns.set("site.test", std::vector<std::string>{"127.0.0.1"}); }
    ~Ssrf() override { EXPECT_EQ(forbidden_.connections(), 0) << "somebody knocked at the forbidden door"; }

    std::string port() const { return std::to_string(forbidden_.port()); }
    Client client() const { return world_.client({site_.target("site.test")}); }

    World world_;
    HttpServer forbidden_{[](const SeenRequest&, Connection& c) { c.write(response(200, "secret")); }};
    std::string leads_to_;
    // A site that may be reached, and sends its visitors on.
    HttpServer site_{[this](const SeenRequest&, Connection& c) { c.write(redirect_to(leads_to_)); }};
};

TEST_F(Ssrf, EverySpellingOfAForbiddenAddress) {
    for (const std::string host : {"127.0.0.1",
                                   "127.1",
                                   "127.0.1",
                                   "2130706433",
                                   "0x7f000001",
                                   "0x7f.0x0.0x0.0x1",
                                   "0177.0.0.1",
                                   "017700000001",
                                   "127.0.0.1.",
                                   "0x7f.1.",
                                   "0",
                                   "0.0.0.0",
                                   "[::1]",
                                   "[::]",
                                   "[::ffff:127.0.0.1]",
                                   "[::ffff:7f00:1]",
                                   "[::127.0.0.1]",
                                   "[::ffff:0:127.0.0.1]",
                                   "[64:ff9b::127.0.0.1]",
                                   "[2002:7f00:1::]",
                                   "[fe80::1]",
                                   "[fc00::1]",
                                   "１２７.０.０.１",
                                   "①②⑦.⓪.⓪.①",
                                   "127。0。0。1",
                                   "%31%32%37.0.0.1",
                                   "127.0.0.%31"}) {
        const auto url = Url::parse("http://" + host + ':' + port() + '/');
        ASSERT_TRUE(url) << host;
        const Fetched got = fetch(client(), url->href());
        EXPECT_EQ(got.code(), "refused_private") << host << ' ' << got.message();
        // … and where a redirect leads there.
        leads_to_ = "http://" + host + ':' + port() + '/';
        EXPECT_EQ(fetch(client(), "http://" + site_.target("site.test") + '/').code(), "refused_private")
            << host;
    }
    EXPECT_FALSE(Url::parse("http://[fe80::1%25lo]/"));
}

TEST_F(Ssrf, ANameThatLeadsToAForbiddenAddress) {
    struct Row {
        const char* name;
        DnsAnswer answer;
    };
    for (const Row& row : {
             Row{"plain.test", {.addresses = {"127.0.0.1"}}},
             Row{"hidden.test", {.addresses = {"198.41.0.4", "127.0.0.1"}}},  // one is enough
             Row{"last.test", {.addresses = {"127.0.0.1", "198.41.0.4"}}},
             Row{"six.test", {.addresses = {"::1"}}},
             Row{"mixed.test", {.addresses = {"198.41.0.4", "::1"}}},
             Row{"mapped.test", {.addresses = {"::ffff:127.0.0.1"}}},
             Row{"nat64.test", {.addresses = {"64:ff9b::7f00:1"}}},
             Row{"alias.test", {.addresses = {"127.0.0.1"}, .aliases = {"public.test", "intern.test"}}},
             Row{"metadata.test", {.addresses = {"169.254.169.254"}}},
         }) {
        world_.dns.set(row.name, {row.answer});
        for (const std::string dot : {"", "."}) {
            const Fetched got = fetch(client(), "http://" + (row.name + dot) + ':' + port() + '/');
            EXPECT_EQ(got.code(), "refused_private") << row.name << dot << ' ' << got.message();
        }
        leads_to_ = std::string("http://") + row.name + ':' + port() + '/';
        EXPECT_EQ(fetch(client(), "http://" + site_.target("site.test") + '/').code(), "refused_private")
            << row.name;
    }
}

TEST_F(Ssrf, LocalhostIsKnownWithoutDns) {
    for (const std::string host : {"localhost", "localhost.", "LOCALHOST", "ⓛocalhost", "a.localhost"}) {
        EXPECT_EQ(fetch(client(), "http://" + host + ':' + port() + '/').code(), "refused_private") << host;
    }
    EXPECT_EQ(world_.dns.lookups("localhost") + world_.dns.lookups("a.localhost"), 0);
    const Client allowed = world_.client({site_.target("localhost")});
    leads_to_ = "http://" + forbidden_.target("localhost") + '/';
    EXPECT_EQ(fetch(allowed, "http://" + site_.target("localhost") + '/').code(), "refused_private");
    EXPECT_EQ(site_.requests().size(), 1u);
}

TEST_F(Ssrf, ChainsOfAliasesAreBounded) {
    std::vector<std::string> aliases;
    for (int i = 0; i < 17; ++i) aliases.push_back("c" + std::to_string(i) + ".t");
    world_.dns.set("long.test", {DnsAnswer{.addresses = {"198.41.0.4"}, .aliases = aliases}});
    const Fetched got = fetch(client(), "http://long.test:" + port() + '/');
    EXPECT_EQ(got.code(), "dns_failed") << got.message();
}

TEST_F(Ssrf, TheAllowedPairAllowsNothingElse) {
    leads_to_ = "http://" + forbidden_.target("site.test") + '/';  // the same name, another port
    EXPECT_EQ(fetch(client(), "http://" + site_.target("site.test") + '/').code(), "refused_private");
    world_.dns.set("twin.test",
                   std::vector<std::string>{"127.0.0.1"});  // another name, the same address and port
    const int before = site_.connections();
    EXPECT_EQ(fetch(client(), "http://" + site_.target("twin.test") + '/').code(), "refused_private");
    EXPECT_EQ(fetch(client(), "http://" + site_.target("127.0.0.1") + '/').code(), "refused_private");
    EXPECT_EQ(fetch(client(), "http://" + site_.target("site.test.") + '/').code(), "refused_private");
    EXPECT_EQ(site_.connections(), before);
}

TEST_F(Ssrf, TheSecondLookUpCannotDiffer) {
    // A name that any address is allowed for: the first answer is connected to, and asked for once.
    HttpServer good([](const SeenRequest&, Connection& c) { c.write(response(200, "good")); }, "127.0.0.2");
    world_.dns.set("rebind.test",
                   {DnsAnswer{.addresses = {"127.0.0.2"}}, DnsAnswer{.addresses = {"127.0.0.1"}}});
    const Client client = world_.client({good.target("rebind.test")});
    const Fetched got = fetch(client, "http://" + good.target("rebind.test") + '/');
    EXPECT_EQ(got.body, "good") << got.message();
    EXPECT_EQ(got.response->address, "127.0.0.2");
    EXPECT_EQ(world_.dns.lookups("rebind.test"), 1);
}

// The same with a "public" address, which the proxy turns into a server of ours.
TEST_F(Ssrf, ARedirectLooksTheNameUpAgain) {
    HttpServer far([](const SeenRequest& request, Connection& c) {
        c.write(request.target == "/" ? redirect_to("/again") : response(200, "rebound"));
    });
    const SocksServer socks(far.port());
    const Client client = world_.client({}, {.proxy = socks.setting()});
    world_.dns.set("rebind.test",
                   {DnsAnswer{.addresses = {"198.41.0.4"}}, DnsAnswer{.addresses = {"127.0.0.1"}}});
    const Fetched got = fetch(client, "http://rebind.test:" + port() + '/');
    EXPECT_EQ(got.code(), "refused_private") << got.body;
    EXPECT_EQ(world_.dns.lookups("rebind.test"), 2);
    EXPECT_THAT(socks.asked(), ElementsAre("198.41.0.4:" + port()));
    EXPECT_EQ(far.connections(), 1);

    world_.dns.set("steady.test", std::vector<std::string>{"198.41.0.4", "2001:500:200::b"});
    EXPECT_EQ(fetch(client, "http://steady.test:" + port() + '/').body, "rebound");
    EXPECT_EQ(socks.asked().size(), 3u);
    EXPECT_EQ(fetch(client, "http://127.0.0.1:" + port() + '/').code(), "refused_private");
    EXPECT_EQ(fetch(client, "http://[2001:500:200::b]:" + port() + "/x").body, "rebound");
    EXPECT_EQ(socks.asked().back(), "2001:500:200::b:" + port());
}

TEST_F(Ssrf, OnionNamesNeverGoToDns) {
    const std::string onion = "http://" + std::string(56, 'a') + ".onion:" + port();
    for (const std::string dot : {"/", "./"}) {
        const std::string link =
            onion.substr(0, onion.rfind(':')) + (dot == "./" ? "." : "") + ':' + port() + '/';
        EXPECT_EQ(fetch(client(), link).code(), "refused_onion") << link;
        leads_to_ = link;
        EXPECT_EQ(fetch(client(), "http://" + site_.target("site.test") + '/').code(), "refused_onion");
    }
    EXPECT_EQ(world_.dns.lookups(std::string(56, 'a') + ".onion"), 0);

    HttpServer hidden([](const SeenRequest&, Connection& c) { c.write(response(200, "hidden")); });
    const SocksServer socks(hidden.port());
    const Client client = world_.client({}, {.proxy = socks.setting()});
    const Fetched got = fetch(client, onion + '/');
    EXPECT_EQ(got.body, "hidden") << got.message();
    EXPECT_EQ(got.response->address, "");
    EXPECT_THAT(socks.asked(), ElementsAre(std::string(56, 'a') + ".onion:" + port()));
    EXPECT_EQ(world_.dns.lookups(std::string(56, 'a') + ".onion"), 0);
}

TEST_F(Ssrf, CredentialsAndOtherSchemesAreRefused) {
    for (const std::string& link :
         {"http://user@site.test:" + port() + '/', "http://:pw@127.0.0.1:" + port() + '/',
          "http://site.test:80@127.0.0.1:" + port() + '/', "http://127.0.0.1:" + port() + "@site.test/"}) {
        const Fetched got = fetch(client(), link);
        EXPECT_EQ(got.code(), "refused_credentials") << link;
        EXPECT_THAT(got.message(), ::testing::Not(HasSubstr("pw")));
        leads_to_ = link;
        EXPECT_EQ(fetch(client(), "http://" + site_.target("site.test") + '/').code(), "refused_credentials")
            << link;
    }
    const std::string local = "127.0.0.1:" + port();
    for (const std::string& link : std::vector<std::string>{
             "file:///etc/passwd", "ftp://" + local + '/', "gopher://" + local + "/_x", "data:text/plain,x",
             "ws://" + local + '/', "dict://" + local + '/', "javascript:1"}) {
        EXPECT_EQ(fetch(client(), link).code(), "refused_scheme") << link;
        leads_to_ = link;
        EXPECT_EQ(fetch(client(), "http://" + site_.target("site.test") + '/').code(), "refused_scheme")
            << link;
    }
}

TEST_F(Ssrf, TheEnvironmentsProxyIsIgnored) {
    const std::string proxy = "http://127.0.0.1:" + port();
    for (const char* name : {"http_proxy", "https_proxy", "all_proxy", "ALL_PROXY"})
        ::setenv(name, proxy.c_str(), 1);
    leads_to_ = "/";
    EXPECT_EQ(fetch(client(), "http://" + site_.target("site.test") + '/').code(), "too_many_redirects");
    for (const char* name : {"http_proxy", "https_proxy", "all_proxy", "ALL_PROXY"}) ::unsetenv(name);
}

TEST_F(Ssrf, TlsIsNeitherWeakenedNorLeft) {
    const Certificate certificate("secure.test");
    HttpServer secure(
        [this](const SeenRequest& request, Connection& c) {
            c.write(request.target == "/down" ? redirect_to("http://" + site_.target("site.test") + '/')
                                              : response(200, "safe"));
        },
        "127.0.0.1", certificate.server());
    for (const char* name : {"secure.test", "other.test"})
        world_.dns.set(name, std::vector<std::string>{"127.0.0.1"});
    const std::vector<std::string> allowed{secure.target("secure.test"), secure.target("other.test"),
                                           site_.target("site.test")};
    const Client trusting = world_.client(allowed, {.ca_file = certificate.file()});
    EXPECT_EQ(fetch(trusting, "https://" + secure.target("secure.test") + '/').body, "safe");
    EXPECT_EQ(fetch(trusting, "https://" + secure.target("other.test") + '/').code(), "tls_failed");
    EXPECT_EQ(fetch(world_.client(allowed), "https://" + secure.target("secure.test") + '/').code(),
              "tls_failed");

    Request down{.url = Url::parse("https://" + secure.target("secure.test") + "/down").value()};
    const int before = site_.connections();
    EXPECT_EQ(fetch(trusting, down).code(), "refused_downgrade");
    EXPECT_EQ(site_.connections(), before);
    down.allow_downgrade = true;
    leads_to_ = "https://" + secure.target("secure.test") + '/';
    EXPECT_EQ(fetch(trusting, down).body, "safe");
}

}  // namespace
}  // namespace rushlight::net
