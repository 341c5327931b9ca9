// PostgreSQL goes away and comes back: who asks is told to come back, nothing that was acknowledged is lost,
// and all goes on by itself.

#include "app/testing/cut_line.h"
#include "app/testing/served.h"
#include "store/testing/place.h"

#include <set>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace rushlight::app::testing {
namespace {

using http::testing::eventually;
using std::chrono_literals::operator""s;
using ::testing::HasSubstr;

TEST(StoreGone, IsSaidAndMendsItself) {
    const store::testing::Place place(store::testing::Kind::postgres);
    CutLine line(place.where());
    const Folder folder;
    Served server(folder.path("var"), {"--store", line.address()});
    Headers admin = server.set_up();
    const Headers key = server.key(admin, {"check", "lists"});
    const std::string list = practice_list();
    ASSERT_EQ(server.ask("POST", "/api/v1/lists/practice/import", key, list).status, 200);
    Headers match = admin;
    match["If-Match"] = "\"0\"";
    ASSERT_EQ(server
                  .ask("PUT", "/api/v1/policy", match,
                       json{{"rules", json::array()}, {"fallback", {{"unreadable", "hold"}}}})
                  .status,
              200);
    const std::string picture = scene();
    std::set<std::string> acknowledged;
    const auto upload = [&] {
        Answer answer = server.upload("/api/v1/check", key, picture);
        if (answer.status == 200) acknowledged.insert(answer.body.at("id").get<std::string>());
        return answer;
    };

    for (int round = 0; round < 2; ++round) {
        ASSERT_EQ(upload().status, 200);
        line.cut();
        const Answer refused = upload();
        EXPECT_EQ(refused.status, 503) << refused.text;
        EXPECT_NE(refused.header("Retry-After"), "") << refused.text;
        EXPECT_EQ(refused.body["action"], "hold") << "a part was down, and the upload was waved through";
        Answer ready;
        EXPECT_TRUE(eventually(
            [&] {
                ready = server.ask("GET", "/readyz");
                return ready.status == 503;
            },
            20s));
        EXPECT_THAT(ready.text, HasSubstr("store"));
        EXPECT_EQ(server.ask("GET", "/livez").status, 200);
        EXPECT_EQ(server.ask("GET", "/api/v1/checks", admin).status, 503);
        EXPECT_EQ(server.ask("GET", "/metrics").status, 200);

        line.mend();
        EXPECT_TRUE(eventually([&] { return server.ask("GET", "/readyz").status == 200; }, 20s));
        EXPECT_TRUE(eventually([&] { return upload().status == 200; }, 20s));
    }
    // Those who look for changes see them again: a list that another process fills is matchable here.
    const std::string entry = "0123456789abcdef0123456789abcdef";
    ASSERT_EQ(
        run({"list", "create", "theirs", "--data", folder.path("var"), "--store", line.address()}).status, 0);
    ASSERT_EQ(
        run({"list", "add", "theirs", entry, "--data", folder.path("var"), "--store", line.address()}).status,
        0);
    EXPECT_TRUE(eventually([&] {
        return server.ask("POST", "/api/v1/check/hash", key, json{{"hashes", {entry}}})
                   .body["results"][0]["decision"] == "exact";
    }));

    const Answer seen = server.ask("GET", "/api/v1/checks?limit=500", admin);
    std::set<std::string> kept;
    for (const json& item : seen.body.at("items")) kept.insert(item.at("id").get<std::string>());
    for (const std::string& id : acknowledged) EXPECT_TRUE(kept.contains(id)) << "acknowledged and lost";
    EXPECT_EQ(server.stop().status, 0);
    EXPECT_EQ(run({"audit", "verify", "--data", folder.path("var"), "--store", place.where()}).status, 0);
}

}  // namespace
}  // namespace rushlight::app::testing
