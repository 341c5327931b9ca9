// What keys and roles open, and what they do not.

#include "app/testing/served.h"

#include <memory>
#include <string>
#include <thread>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace rushlight::app::testing {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

class RightsTest : public ::testing::Test {
  protected:
    void list_a_scene() const {
        ASSERT_EQ(server_.ask("POST", "/api/v1/lists/practice/import", admin_, practice_list()).status, 200);
    }
    Answer check(const Headers& as, const std::string& account) const {
        return server_.upload("/api/v1/check", as, scene(), json{{"account", account}}.dump());
    }

    Folder folder_;
    Served server_{folder_.path("var")};
    Headers admin_ = server_.set_up();
};

TEST_F(RightsTest, AProgramThatChecksReadsItsOwnChecksOnly) {
    list_a_scene();
    const Headers one = server_.key(admin_, {"check"});
    const Headers other = server_.key(admin_, {"check"});
    ASSERT_EQ(check(one, "anna").status, 200);
    ASSERT_EQ(check(other, "ben").status, 200);
    for (const char* query : {"", "?decision=near"}) {
        const Answer seen = server_.ask("GET", std::string("/api/v1/checks") + query, one);
        ASSERT_EQ(seen.status, 200) << seen.text;
        EXPECT_EQ(seen.body["items"].size(), 1u);
        EXPECT_THAT(seen.text, HasSubstr("anna"));
        EXPECT_THAT(seen.text, Not(HasSubstr("ben")));
    }
    for (const Headers& reader :
         {admin_, server_.key(admin_, {"read"}), server_.key(admin_, {"check", "read"})})
        EXPECT_EQ(server_.ask("GET", "/api/v1/checks", reader).body["items"].size(), 2u);
}

TEST_F(RightsTest, NobodyButTheCanaryWritesToItsList) {
    const Headers keeper = server_.key(admin_, {"lists", "read"});
    const std::string list = "/api/v1/lists/rushlight%20canary";
    const auto entries = [&] { return server_.ask("GET", list + "/entries", keeper).text; };
    while (entries().find("\"value\"") == std::string::npos) std::this_thread::yield();  // it sang
    const std::string before = entries();
    const std::string value = json::parse(before)["items"][0]["value"];
    const json hash{{"hashes", {value}}, {"method", "pdq"}};
    for (const Headers& who : {admin_, keeper}) {
        EXPECT_EQ(server_
                      .ask("POST", list + "/entries", who,
                           json{{"hashes", {std::string(64, '5')}}, {"method", "pdq"}})
                      .status,
                  403);
        EXPECT_EQ(server_.ask("DELETE", list + "/entries", who, hash).status, 403);
        EXPECT_EQ(server_
                      .ask("PATCH", list + "/entries", who,
                           json{{"hash", value}, {"method", "pdq"}, {"state", "disabled"}})
                      .status,
                  403);
        EXPECT_EQ(server_.ask("PATCH", list, who, json{{"thresholds", {{"pdq", 0}}}}).status, 403);
        EXPECT_EQ(server_.ask("POST", list + "/import?method=md5", who, std::string(32, '7') + "\n").status,
                  403);
        EXPECT_EQ(server_.ask("DELETE", list, who).status, 403);
    }
    EXPECT_EQ(entries(), before);
}

// Somebody who looks at the live view.
class Watcher {
  public:
    Watcher(const Served& server, const Headers& as, const std::string& last_id = {})
        : client_(server.port()) {
        std::string head = "GET /api/v1/events HTTP/1.1\r\nHost: x\r\n";
        for (const auto& [name, value] : as) head.append(name).append(": ").append(value).append("\r\n");
        if (!last_id.empty()) head.append("Last-Event-ID: ").append(last_id).append("\r\n");
        client_.send(head + "\r\n");
        head_ = client_.read_until("\r\n\r\n");
    }
    const std::string& head() const { return head_; }
    // All that came, until this did or the stream ended.
    std::string until(const std::string& mark) { return client_.read_until(mark); }

  private:
    http::testing::RawClient client_;
    std::string head_;
};

TEST_F(RightsTest, ALiveViewEndsWithTheRightToIt) {
    const Answer made =
        server_.ask("POST", "/api/v1/keys", admin_, json{{"name", "watcher"}, {"scopes", {"read"}}});
    Watcher program(server_, {{"Authorization", "Bearer " + made.body["key"].get<std::string>()}});
    ASSERT_THAT(program.head(), HasSubstr("text/event-stream"));
    const std::string place = "/api/v1/keys/" + made.body["id"].get<std::string>();
    ASSERT_EQ(server_.ask("DELETE", place, admin_).status, 204);
    ASSERT_EQ(server_.ask("POST", "/api/v1/lists", admin_, json{{"name", "after"}}).status, 201);
    EXPECT_THAT(program.until("after"), Not(HasSubstr("after"))) << "a revoked key still listens";

    const Headers person = server_.sign_in("first@example.org", "the rush is dipped in fat");
    Watcher browser(server_, person);
    ASSERT_THAT(browser.head(), HasSubstr("text/event-stream"));
    ASSERT_EQ(server_.ask("DELETE", "/api/v1/session", person).status, 204);
    ASSERT_EQ(server_.ask("POST", "/api/v1/lists", admin_, json{{"name", "later"}}).status, 201);
    EXPECT_THAT(browser.until("later"), Not(HasSubstr("later")));
}

TEST_F(RightsTest, ALiveViewShowsWhatItsOwnerMayRead) {
    list_a_scene();
    ASSERT_EQ(server_
                  .ask("POST", "/api/v1/accounts", admin_,
                       json{{"email", "vera@example.org"},
                            {"roles", {"viewer"}},
                            {"password", "a lamp of rush and fat"}})
                  .status,
              201);
    Watcher viewer(server_, server_.sign_in("vera@example.org", "a lamp of rush and fat"));
    Watcher analyst(server_, admin_);
    const std::string id = check(server_.key(admin_, {"check"}), "anna").body["id"];
    ASSERT_EQ(server_.ask("POST", "/api/v1/lists", admin_, json{{"name", "after"}}).status, 201);
    EXPECT_THAT(analyst.until("after"), HasSubstr(id));
    const std::string seen = viewer.until("after");
    EXPECT_THAT(seen, HasSubstr("after"));
    EXPECT_THAT(seen, Not(HasSubstr(id)));
}

TEST_F(RightsTest, OneCallerCannotTakeEverybodysPlaceAtTheLiveView) {
    const Headers key = server_.key(admin_, {"read"});
    std::vector<std::unique_ptr<Watcher>> watchers;
    for (int i = 0; i < 8; ++i) {
        watchers.push_back(std::make_unique<Watcher>(server_, key));
        ASSERT_THAT(watchers.back()->head(), HasSubstr(" 200 "));
    }
    EXPECT_THAT(Watcher(server_, key).head(), HasSubstr(" 429 "));
    EXPECT_THAT(Watcher(server_, admin_).head(), HasSubstr(" 200 "));
}

TEST_F(RightsTest, AfterARestartTheLiveViewGoesOnWithWhatIsNew) {
    Watcher before(server_, admin_);
    for (const char* name : {"one", "two"})
        ASSERT_EQ(server_.ask("POST", "/api/v1/lists", admin_, json{{"name", name}}).status, 201);
    const std::string seen = before.until("\"two\"");
    const std::string last =
        seen.substr(seen.rfind("id: ") + 4, seen.find('\n', seen.rfind("id: ")) - seen.rfind("id: ") - 4);
    server_.stop();
    const Served again(folder_.path("var"));
    ASSERT_EQ(again.ask("POST", "/api/v1/lists", admin_, json{{"name", "three"}}).status, 201);
    Watcher after(again, admin_, last);
    EXPECT_THAT(after.until("\"three\""), HasSubstr("three")) << "nothing is passed over in silence";
}

}  // namespace
}  // namespace rushlight::app::testing
