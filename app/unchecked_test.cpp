// What was not checked is never let through: whatever kept it from being looked at, nobody is told `allow`
// unless the policy says so in words.

#include "app/testing/served.h"

#include <chrono>
#include <cstddef>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace rushlight::app::testing {
namespace {

using ::testing::HasSubstr;

constexpr std::size_t kMegabyte = std::size_t{1} << 20;
constexpr std::chrono::seconds kPatience{60};  // a check is tried again for so long

// So many bytes of which the list `known` holds the MD5.
std::string known_file(const Served& server, const Headers& key, std::size_t size) {
    std::string file(size, 'x');
    const Answer checked = server.upload("/api/v1/check?wait=1", key, file);
    EXPECT_EQ(checked.status, 200) << checked.text;
    EXPECT_EQ(server.ask("POST", "/api/v1/lists", key, json{{"name", "known"}}).status, 201);
    const Answer added = server.ask("POST", "/api/v1/lists/known/entries", key,
                                    json{{"hashes", {checked.body["md5"]}}, {"method", "md5"}});
    EXPECT_EQ(added.body["added"], 1) << added.text;
    return file;
}

double upload_bytes(const Served& server) {
    const std::string text = server.ask("GET", "/metrics").text;
    const std::string name = "\nrushlight_upload_bytes ";
    const auto at = text.find(name);
    return at == std::string::npos ? -1 : std::stod(text.substr(at + name.size()));
}

class UncheckedTest : public ::testing::Test {
  protected:
    Folder folder_;
    Served server_{folder_.path("var")};
    Headers admin_ = server_.set_up();
    Headers key_ = server_.key(admin_, {"check", "lists", "read"});
};

TEST_F(UncheckedTest, AKnownFileThatCannotBeHeldWaitsAtTheUploadsCost) {
    const auto quota = [&](int megabytes) {
        const Answer set = server_.ask("PATCH", "/api/v1/settings", admin_,
                                       json{{"holding", {{"on", true}, {"quota_mb", megabytes}}}});
        ASSERT_EQ(set.status, 200) << set.text;
    };
    const std::string file = known_file(server_, key_, 3 * kMegabyte);
    quota(1);
    const Answer taken = server_.upload("/api/v1/check?wait=0", key_, file);
    ASSERT_EQ(taken.status, 202) << taken.text;
    // Its bytes wait in memory, and count as an upload's for as long as they do.
    EXPECT_TRUE(
        http::testing::eventually([&] { return upload_bytes(server_) >= 3.0 * kMegabyte; }, kPatience));
    EXPECT_EQ(server_.ask("GET", taken.header("Location"), key_).body["state"], "waiting");
    quota(100);
    Answer answer;
    EXPECT_TRUE(http::testing::eventually(
        [&] {
            answer = server_.ask("GET", taken.header("Location"), key_);
            return answer.body["state"] == "done";
        },
        kPatience));
    EXPECT_EQ(answer.body["answer"]["action"], "block") << answer.text;
    EXPECT_EQ(answer.body["answer"]["held"], true);
    EXPECT_TRUE(http::testing::eventually([&] { return upload_bytes(server_) == 0; }, kPatience));
}

TEST_F(UncheckedTest, AKnownFileThatWaitsWhenTheServerIsStoppedIsHeldBack) {
    const std::string file = known_file(server_, key_, 3 * kMegabyte);
    ASSERT_EQ(
        server_.ask("PATCH", "/api/v1/settings", admin_, json{{"holding", {{"on", true}, {"quota_mb", 1}}}})
            .status,
        200);
    const Answer taken = server_.upload("/api/v1/check?wait=0", key_, file);
    ASSERT_EQ(taken.status, 202) << taken.text;
    EXPECT_EQ(server_.stop().status, 0);
    const Served again(folder_.path("var"));
    const Answer answer = again.ask("GET", taken.header("Location"), key_);
    EXPECT_EQ(answer.body["state"], "done") << answer.text;
    EXPECT_EQ(answer.body["answer"]["decision"], "unreadable");
    EXPECT_EQ(answer.body["answer"]["action"], "hold");
}

TEST_F(UncheckedTest, AHashThatCannotBeComparedIsNotCalledClean) {
    const json photodna{{"method", "photodna"}, {"value", std::string(288, 'a')}};
    const Answer answer =
        server_.ask("POST", "/api/v1/check/hash", key_,
                    json{{"hashes", {photodna, "no hash", "0123456789abcdef0123456789abcdef"}}});
    ASSERT_EQ(answer.status, 200) << answer.text;
    const json& results = answer.body["results"];
    ASSERT_EQ(results.size(), 3u);
    EXPECT_EQ(results[0]["error"]["code"], "unsupported") << results[0];
    EXPECT_THAT(results[0]["error"]["message"].get<std::string>(), HasSubstr("never compared"));
    EXPECT_EQ(results[1]["error"]["code"], "corrupt");
    for (const std::size_t i : {0, 1}) {
        EXPECT_TRUE(results[i]["decision"].is_null());
        EXPECT_EQ(results[i]["action"], "hold");
    }
    EXPECT_EQ(results[2]["action"], "allow") << "the others are answered all the same";
}

TEST_F(UncheckedTest, AnArchiveIsLeftToThePolicy) {
    const std::string zip = std::string("PK\x03\x04\x14\0\0\0", 8) + std::string(600, 'x');
    const Answer open = server_.upload("/api/v1/check", key_, zip);
    ASSERT_EQ(open.status, 200) << open.text;
    EXPECT_EQ(open.body["decision"], "unreadable");
    EXPECT_EQ(open.body["reason"], "unsupported");
    EXPECT_THAT(open.body["message"].get<std::string>(), HasSubstr("scan"));
    Headers match = admin_;
    match["If-Match"] = "0";
    ASSERT_EQ(server_
                  .ask("PUT", "/api/v1/policy", match,
                       json{{"rules", json::array()}, {"fallback", {{"unreadable", "hold"}}}})
                  .status,
              200);
    EXPECT_EQ(server_.upload("/api/v1/check", key_, zip).body["action"], "hold");
}

TEST_F(UncheckedTest, HashesAreBoundedInDepthAndInReceipts) {
    const std::string deep =
        R"({"hashes":[],"x":)" + std::string(100'000, '[') + std::string(100'000, ']') + '}';
    EXPECT_EQ(server_.ask("POST", "/api/v1/check/hash", key_, deep).status, 400);
    json many{{"hashes", json::array()}, {"receipt", true}};
    for (int i = 0; i < 1'000; ++i) many["hashes"].push_back("0123456789abcdef0123456789abcdef");
    const Answer all = server_.ask("POST", "/api/v1/check/hash", key_, many);
    ASSERT_EQ(all.status, 200) << all.text;
    EXPECT_EQ(all.body["results"][999]["receipt"]["decision"], "none");
    many["hashes"].push_back("0123456789abcdef0123456789abcdef");
    EXPECT_EQ(server_.ask("POST", "/api/v1/check/hash", key_, many).status, 422);
}

}  // namespace
}  // namespace rushlight::app::testing
