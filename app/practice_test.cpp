// The practice world from the outside: what a newcomer, a platform's engineer and a test of others find
// there.

#include "app/testing/served.h"
#include "base/fd.h"

#include <algorithm>
#include <chrono>
#include <set>
#include <thread>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>

namespace rushlight::app::testing {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

std::uint16_t port_of(const std::string& url) {
    return static_cast<std::uint16_t>(std::stoi(url.substr(url.find(':', 5) + 1)));
}

// "http://name:1/a/b" → "/a/b"
std::string path_of(const std::string& url) { return url.substr(url.find('/', 8)); }

Answer get(const std::string& url, Headers headers = {}) {
    headers.emplace("Host", url.substr(7, url.find('/', 7) - 7));
    return ask_port(port_of(url), "GET", path_of(url), headers, {});
}

// Without the ports, which may differ each time.
std::string without_ports(std::string text) {
    for (std::size_t at = 0; (at = text.find(".test:", at)) != std::string::npos; ++at) {
        const std::size_t from = at + 5;
        text.erase(from, text.find_first_not_of("0123456789", from + 1) - from);
    }
    return text;
}

// `rushlight practice` on its own.
class World {
  public:
    explicit World(const std::vector<std::string>& more = {}) {
        std::vector<std::string> arguments{"practice", "--json"};
        arguments.insert(arguments.end(), more.begin(), more.end());
        running_ = std::make_unique<Running>(Call{.arguments = arguments});
        if (!running_->wait_for_lines(1)) throw std::runtime_error(running_->wait().err);
        seen = json::parse(running_->output()).at("practice");
    }
    Ran stop() {
        running_->signal(SIGTERM);
        return running_->wait();
    }

    json seen;

  private:
    std::unique_ptr<Running> running_;
};

TEST(Practice, TheSameSeedShowsTheSameAndAnotherAnother) {
    const auto shown = [](const World& world) {
        std::string all;
        for (const json& site : world.seen["sites"]) {
            const std::string home = get(site["url"]).text;
            EXPECT_THAT(home, HasSubstr("/albums/1"));
            all += without_ports(home);
            for (const json& picture : site["pictures"]) {
                const std::string url = picture["url"];
                const Answer answer = get(url);
                EXPECT_EQ(answer.status, picture["after"] == 0 ? 200 : 404) << url;
                if (answer.status == 200) {
                    EXPECT_THAT(answer.header("Content-Type"), ::testing::ContainsRegex("^(image|video)/"));
                }
                all += path_of(url) + ' ' + picture["kind"].get<std::string>() + ' ' + answer.text;
            }
            all += get(site["url"].get<std::string>() + "albums/1").text;
        }
        return all;
    };
    World one({"--seed", "7"});
    World again({"--seed", "7"});
    World other({"--seed", "8"});
    ASSERT_EQ(one.seen["sites"].size(), 3u);
    const std::string first = shown(one);
    EXPECT_EQ(first, shown(again));
    EXPECT_NE(first, shown(other));
    for (const World* world : {&one, &other}) {
        for (const json& site : world->seen["sites"]) {
            std::set<std::string> kinds;
            for (const json& picture : site["pictures"]) {
                if (picture["after"] == 0) kinds.insert(picture["kind"]);
            }
            EXPECT_THAT(kinds, ::testing::IsSupersetOf({"listed", "copy", "unknown"})) << site["name"];
        }
    }
    EXPECT_EQ(one.stop().status, 0);
}

TEST(Practice, ItsTimeCanBeMadeToPassFaster) {
    const World world({"--speed", "1000000"});  // a week in less than a second
    for (const json& site : world.seen["sites"]) {
        const json& last = site["pictures"].back();
        ASSERT_GT(last["after"], 86'400);
        while (get(last["url"]).status != 200) std::this_thread::yield();
        EXPECT_THAT(get(site["url"]).text, HasSubstr("day 4"));
    }
}

TEST(Practice, NothingButItsOwnIsAnswered) {
    const World world;
    const std::string home = world.seen["sites"][0]["url"];
    const std::string hooks = world.seen["webhooks"];
    EXPECT_EQ(get(home + "albums/../../../etc/passwd").status, 404);
    EXPECT_EQ(get(home + "albums/99").status, 404);
    EXPECT_EQ(ask_port(port_of(home), "POST", "/", {}, "x").status, 405);
    // Each way of coming leads on in the same way.
    const json& other = world.seen["sites"][1];
    EXPECT_THAT(get(home).text, HasSubstr(other["url"].get<std::string>()));
    const std::string by_address = get(home, {{"Host", "127.0.0.1"}}).text;
    EXPECT_THAT(by_address, HasSubstr(other["address"].get<std::string>()));
    EXPECT_THAT(by_address, Not(HasSubstr(".test")));
    EXPECT_EQ(get(home + "newest").header("Location").substr(0, 10), "/pictures/");
    EXPECT_THAT(get(home).header("Content-Security-Policy"), HasSubstr("default-src 'none'"));
    // A page of the internet whose name leads here may read nothing, and its forms change nothing.
    EXPECT_EQ(get(hooks, {{"Host", "evil.example"}}).status, 403);
    const Headers foreign{{"Origin", "http://evil.example"}};
    EXPECT_EQ(ask_port(port_of(hooks), "POST", "/answer", foreign, "status=500").status, 403);
    EXPECT_EQ(ask_port(port_of(hooks), "POST", "/answer", {}, "status=200").status, 422);
    EXPECT_EQ(ask_port(port_of(hooks), "POST", "/hooks", {}, std::string(2 << 20, 'x')).status, 413);
    EXPECT_THAT(get(hooks).text, HasSubstr("Nothing has come yet"));
}

TEST(Practice, TheReceiverShowsTheNewestFirstAndEverythingAsText) {
    const World world;
    const std::string hooks = world.seen["webhooks"];
    for (int i = 1; i <= 210; ++i) {
        const std::string body =
            i == 209 ? "</pre><script>alert(1)</script>\xff" : "number " + std::to_string(i);
        const Headers headers{{"Rushlight-Type", "<b>test"}, {"Rushlight-Signature", "t=1,v1=no"}};
        ASSERT_EQ(ask_port(port_of(hooks), "POST", "/hooks", headers, body).status, 204);
    }
    const Answer shown = get(hooks);
    EXPECT_THAT(shown.header("Content-Type"), HasSubstr("text/html"));
    EXPECT_THAT(shown.header("Content-Security-Policy"), HasSubstr("default-src 'none'"));
    EXPECT_THAT(shown.text, HasSubstr("&lt;script&gt;alert(1)&lt;/script&gt;\xEF\xBF\xBD"));
    EXPECT_THAT(shown.text, Not(HasSubstr("<script")));
    EXPECT_THAT(shown.text, Not(HasSubstr("<b>")));
    EXPECT_LT(shown.text.find("number 210"), shown.text.find("number 208"));
    const json items = get(hooks, {{"Accept", "application/json"}}).body["items"];
    ASSERT_EQ(items.size(), 200u) << "the oldest are forgotten";
    EXPECT_EQ(items[0]["number"], 210);
    EXPECT_EQ(items[199]["body"], "number 11");
    EXPECT_EQ(items[0]["signature"], "unchecked");
    ASSERT_EQ(ask_port(port_of(hooks), "POST", "/secret", {}, "secret=guess").status, 303);
    EXPECT_EQ(get(hooks, {{"Accept", "application/json"}}).body["items"][0]["signature"], "bad");
}

// A guard that is not confined, as an operator's is, with the practice world's names.
TEST(Practice, ItsTrapsAreRefusedByTheGuardThatOperatorsHave) {
    const World world;
    const std::string home = world.seen["sites"][0]["url"];
    const std::string target = home.substr(7, home.size() - 8);
    const Folder folder;
    Served server(folder.path("var"), {"--allow-target", target}, {{"RUSHLIGHT_NET_DNS", world.seen["dns"]}});
    const Headers key = server.key(server.set_up(), {"check"});
    const auto asked = [&](const std::string& url) {
        return server.ask("POST", "/api/v1/check/url", key, json{{"url", url}});
    };
    EXPECT_EQ(asked(home + "newest").status, 200);
    for (const char* trap : {"inside", "metadata", "mapped", "alias", "mixed"}) {
        const Answer answer = asked("http://" + std::string(trap) + ".trap.test/");
        EXPECT_EQ(answer.status, 422) << trap << answer.text;
        EXPECT_EQ(answer.body["code"], "refused_private") << trap << answer.text;
    }
    EXPECT_EQ(asked(home + "inside").body["code"], "refused_private") << "by a redirect, too";
    EXPECT_EQ(asked("http://no-such-name.test/").body["code"], "no_such_host");
}

// The name server goes on whatever is thrown at it.
TEST(Practice, BytesThatAreNoQuestionDoNotSilenceTheNames) {
    const World world;
    const std::string dns = world.seen["dns"];
    const Fd socket(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    sockaddr_in to{};
    to.sin_family = AF_INET;
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    to.sin_port = htons(static_cast<std::uint16_t>(std::stoi(dns.substr(dns.find(':') + 1))));
    ASSERT_EQ(::connect(socket.get(), reinterpret_cast<const sockaddr*>(&to), sizeof to), 0);
    const timeval patience{.tv_sec = 20, .tv_usec = 0};
    ::setsockopt(socket.get(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    const std::string question = std::string("\x12\x34\x01\0\0\1\0\0\0\0\0\0", 12) +
                                 std::string("\x0eharbour-photos\4test\0\0\1\0\1", 25);
    for (const std::string& junk : {std::string(), std::string(1, 'x'), std::string(4000, '\xff'),
                                    question.substr(0, 20), std::string(64, '\xc0')}) {
        ASSERT_EQ(::send(socket.get(), junk.data(), junk.size(), 0), static_cast<ssize_t>(junk.size()));
    }
    ASSERT_EQ(::send(socket.get(), question.data(), question.size(), 0),
              static_cast<ssize_t>(question.size()));
    std::string reply(512, '\0');
    ssize_t got = 0;
    do {
        got = ::recv(socket.get(), reply.data(), reply.size(), 0);
        ASSERT_GT(got, 0) << "it answers no more";
    } while (got < 2 || reply.substr(0, 2) != "\x12\x34");
    EXPECT_EQ(reply.substr(static_cast<std::size_t>(got) - 4, 4), std::string("\x7f\0\0\1", 4));
}

// One server, set up, for several tests that leave it as it is.
class ServePracticeTest : public ::testing::Test {
  protected:
    static void SetUpTestSuite() { shared_ = std::make_unique<Shared>(); }
    static void TearDownTestSuite() { shared_.reset(); }

    // The world's own answers to what it shows, by the same seed.
    static json answers() { return World().seen; }

    struct Shared {
        Folder folder;
        Served server{folder.path("var"), {"--practice"}};
        Headers admin = server.set_up();
        Headers key = server.key(admin, {"check", "lists", "read"});
    };
    static inline std::unique_ptr<Shared> shared_;
    Served& server_ = shared_->server;
    const json& world_ = server_.ready().at("practice");
    const Headers& admin_ = shared_->admin;
    const Headers& key_ = shared_->key;

    Answer check(const std::string& url) {
        return server_.ask("POST", "/api/v1/check/url", key_, json{{"url", url}});
    }
};

TEST_F(ServePracticeTest, EveryPictureIsAnsweredAsTheWorldKnows) {
    const json known = answers();
    ASSERT_EQ(world_["sites"].size(), known["sites"].size());
    std::set<std::string> decisions;
    for (std::size_t i = 0; i < known["sites"].size(); ++i) {
        const json& site = known["sites"][i];
        const std::string here = world_["sites"][i];
        for (const json& picture : site["pictures"]) {
            if (picture["after"] != 0) continue;
            const Answer answer = check(here + path_of(picture["url"]).substr(1));
            ASSERT_EQ(answer.status, 200) << answer.text;
            EXPECT_EQ(answer.body["decision"], picture["decision"]) << picture.dump() << answer.text;
            EXPECT_EQ(answer.body["suppressed"].empty(), picture["kind"] != "harmless") << picture.dump();
            decisions.insert(answer.body["decision"]);
        }
    }
    EXPECT_THAT(decisions, ::testing::UnorderedElementsAre("exact", "near", "none"));
    // A redirect of a site leads on within it; under its bare address it is the same site.
    const std::string home = world_["sites"][0];
    const Answer newest = check(home + "newest");
    EXPECT_EQ(newest.status, 200) << newest.text;
    EXPECT_THAT(newest.body["final_url"].get<std::string>(), HasSubstr(home + "pictures/"));
    EXPECT_EQ(check("http://127.0.0.1:" + std::to_string(port_of(home)) + "/newest").status, 200);
}

TEST_F(ServePracticeTest, NothingElseCanBeReached) {
    const std::string home = world_["sites"][0];
    const std::string port = std::to_string(port_of(home));
    const auto code = [&](const std::string& url) { return check(url).body.value("code", ""); };
    EXPECT_EQ(code("http://example.com/"), "refused_target");
    EXPECT_EQ(code("http://93.184.216.34/"), "refused_target");
    EXPECT_EQ(code("http://lantern-board.test:" + port + "/"), "refused_target") << "another site's port";
    EXPECT_EQ(code("http://localhost:" + port + "/"), "refused_target");
    EXPECT_EQ(code("http://127.0.0.1:" + std::to_string(server_.port()) + "/"), "refused_private");
    EXPECT_EQ(code("http://10.0.0.1/"), "refused_private");
    EXPECT_EQ(code(home + "inside"), "refused_private");
    EXPECT_THAT(check("http://example.com/").text, HasSubstr("this is the practice world"));
}

TEST_F(ServePracticeTest, AWebhookArrivesSignedAndIsShown) {
    const std::string hooks = world_["webhooks"];
    const Answer made =
        server_.ask("POST", "/api/v1/webhooks", admin_, json{{"url", hooks}, {"events", {"test"}}});
    ASSERT_EQ(made.status, 201) << made.text;
    const std::string id = made.body["id"];
    ASSERT_LT(server_.ask("POST", "/api/v1/webhooks/" + id + "/test", admin_, json::object()).status, 300);
    json items;
    do {
        items = get(hooks, {{"Accept", "application/json"}}).body["items"];
    } while (items.empty());
    EXPECT_EQ(items[0]["type"], "test");
    EXPECT_EQ(items[0]["signature"], "unchecked");
    const std::string secret = "secret=" + made.body["secret"].get<std::string>();
    ASSERT_EQ(ask_port(port_of(hooks), "POST", "/secret", {}, secret).status, 303);
    EXPECT_EQ(get(hooks, {{"Accept", "application/json"}}).body["items"][0]["signature"], "good");
    const std::string page = get(hooks).text;
    EXPECT_THAT(page, HasSubstr("signature good"));
    EXPECT_THAT(page, Not(HasSubstr(made.body["secret"].get<std::string>())));
}

TEST(ServePractice, ItsListsAreMadeOnceAndAreThePersonsAfterwards) {
    const Folder folder;
    Served first(folder.path("var"), {"--practice"});
    const Headers admin = first.set_up();
    const Headers key = first.key(admin, {"lists"});
    EXPECT_EQ(first.ask("GET", "/api/v1/lists/practice-harmless", key).body["kind"], "negative");
    const int entries = first.ask("GET", "/api/v1/lists/practice", key).body["entries"];
    EXPECT_GT(entries, 5);
    const std::string audit = first.ask("GET", "/api/v1/audit", admin).text;
    EXPECT_THAT(audit, HasSubstr("list.imported"));
    EXPECT_THAT(audit, HasSubstr("targets.allowed"));
    const json added{{"hashes", {"0123456789abcdef0123456789abcdef"}}};
    ASSERT_EQ(first.ask("POST", "/api/v1/lists/practice/entries", key, added).body["added"], 1);
    ASSERT_EQ(first.stop().status, 0);
    Served again(folder.path("var"), {"--practice"});
    EXPECT_EQ(again.ask("GET", "/api/v1/lists/practice", key).body["entries"], entries + 1);
}

TEST(ServePractice, APortThatIsTakenIsSaidInWords) {
    const Folder folder;
    const Served first(folder.path("one"));
    const std::string where = "127.0.0.1:" + std::to_string(first.port());
    const Ran second = run({"serve", "--practice", "--listen", where, "--data", folder.path("two")});
    EXPECT_EQ(second.status, 1);
    EXPECT_THAT(second.err, HasSubstr("cannot listen on " + where));
    EXPECT_THAT(second.err, HasSubstr("another program does already"));
    EXPECT_THAT(second.err, HasSubstr("--listen"));
}

}  // namespace
}  // namespace rushlight::app::testing
