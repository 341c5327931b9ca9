// An administrator looks after where other programs are told, over the API.

#include "app/testing/served.h"
#include "net/testing/http_server.h"

#include <algorithm>
#include <thread>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace rushlight::app::testing {
namespace {

using net::testing::HttpServer;
using net::testing::SeenRequest;
using ::testing::HasSubstr;

class WebhooksTest : public ::testing::Test {
  protected:
    json create(const json& body) const {
        const Answer made = server_.ask("POST", "/api/v1/webhooks", admin_, body);
        EXPECT_EQ(made.status, 201) << made.text;
        return made.body;
    }
    Answer change(const std::string& id, const json& body) const {
        return server_.ask("PATCH", "/api/v1/webhooks/" + id, admin_, body);
    }

    HttpServer receiver_{[](const SeenRequest&, net::testing::Connection& connection) {
        connection.write(net::testing::response(204, ""));
    }};
    Folder folder_;
    Served server_{folder_.path("var"), {"--allow-target", receiver_.target("127.0.0.1")}};
    Headers admin_ = server_.set_up();
};

TEST_F(WebhooksTest, AChangeTouchesOnlyWhatItNames) {
    const std::string id =
        create(json{{"url", "https://a.example/hook"}, {"events", {"check.matched"}}})["id"];
    const Answer moved = change(id, json{{"url", "https://b.example/hook"}});
    ASSERT_EQ(moved.status, 200) << moved.text;
    EXPECT_EQ(moved.body["events"], json::array({"check.matched"})) << "it is not told of everything now";
    const Answer other = change(id, json{{"events", {"check.done"}}});
    ASSERT_EQ(other.status, 200) << other.text;
    EXPECT_EQ(other.body["url"], "https://b.example/hook");
    EXPECT_EQ(other.body["events"], json::array({"check.done"}));
    EXPECT_EQ(change(id, json{{"state", "paused"}}).body["events"], json::array({"check.done"}));
    const Answer all = change(id, json{{"events", json::array()}});
    EXPECT_EQ(all.body["events"], json::array());
    EXPECT_EQ(all.body["state"], "paused");

    const auto changes = [&] {
        return server_.ask("GET", "/api/v1/audit?what=webhook.changed", admin_).body["items"].size();
    };
    const std::size_t before = changes();
    EXPECT_EQ(change(id, json::object()).status, 422);
    EXPECT_EQ(change(id, json{{"events", "check.done"}}).status, 422);
    EXPECT_EQ(change(id, json{{"events", {"no.such"}}}).status, 422);
    EXPECT_EQ(change(id, json{{"state", 1}}).status, 422);
    EXPECT_EQ(change("77", json{{"state", "paused"}}).status, 404);
    EXPECT_EQ(changes(), before) << "what changed nothing is not on record as a change";
}

TEST_F(WebhooksTest, AReceiverTakesANewSecretOverWhileTheOldOneStillSigns) {
    const json made = create(json{{"url", "http://" + receiver_.target("127.0.0.1") + "/hook"}});
    const std::string place = "/api/v1/webhooks/" + made["id"].get<std::string>();
    // One mac for each secret that is valid.
    const auto macs_of_next = [&](std::size_t before) {
        EXPECT_EQ(server_.ask("POST", place + "/test", admin_).status, 202);
        while (receiver_.requests().size() == before) std::this_thread::yield();
        const std::string signature = receiver_.requests().at(before).headers.at("rushlight-signature");
        std::size_t macs = 0;
        for (std::size_t at = signature.find("v1="); at != std::string::npos;
             at = signature.find("v1=", at + 1))
            ++macs;
        return macs;
    };
    EXPECT_EQ(macs_of_next(0), 1u);
    const Answer changed = server_.ask("POST", place + "/secret", admin_, json{{"overlap_hours", 1}});
    ASSERT_EQ(changed.status, 200) << changed.text;
    EXPECT_NE(changed.body["secret"], made["secret"]);
    EXPECT_THAT(changed.body["secret"].get<std::string>(), HasSubstr("rls_"));
    EXPECT_EQ(macs_of_next(1), 2u);
    // A secret that got out signs nothing any more.
    ASSERT_EQ(server_.ask("POST", place + "/secret", admin_, json{{"overlap_hours", 0}}).status, 200);
    EXPECT_EQ(macs_of_next(2), 1u);

    EXPECT_EQ(server_.ask("POST", place + "/secret", admin_, json{{"overlap_hours", 721}}).status, 422);
    EXPECT_EQ(server_.ask("POST", "/api/v1/webhooks/77/secret", admin_).status, 404);
    const Answer log = server_.ask("GET", "/api/v1/audit?what=webhook", admin_);
    const auto said = [&](const std::string& what) {
        return std::ranges::count_if(log.body["items"], [&](const json& one) { return one["what"] == what; });
    };
    EXPECT_EQ(said("webhook.secret_changed"), 2);
    EXPECT_EQ(said("webhook.tested"), 3);
    EXPECT_EQ(log.text.find("rls_"), std::string::npos);
}

}  // namespace
}  // namespace rushlight::app::testing
