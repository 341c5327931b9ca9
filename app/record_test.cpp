// What stands on record: who changed what, and that the record proves itself.

#include "app/testing/served.h"
#include "base/digest.h"

#include <algorithm>
#include <filesystem>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

namespace rushlight::app::testing {
namespace {

using ::testing::HasSubstr;

// The newest entry of that kind.
json newest(const Served& server, const Headers& as, const std::string& what) {
    const Answer log = server.ask("GET", "/api/v1/audit?limit=1&what=" + what, as);
    EXPECT_EQ(log.body["items"].size(), 1u) << what << ": " << log.text;
    return log.body["items"].empty() ? json{} : log.body["items"][0];
}

TEST(Record, SaysWhatTheSettingsAreAndWhichPolicyWasSigned) {
    const Folder folder;
    Served server(folder.path("var"));
    const Headers admin = server.set_up();
    const Answer set = server.ask("PATCH", "/api/v1/settings", admin,
                                  json{{"holding", {{"quota_mb", 7}}}, {"canary_minutes", 9}});
    ASSERT_EQ(set.status, 200) << set.text;
    EXPECT_EQ(newest(server, admin, "settings.saved")["detail"], set.body) << "all of them";

    Headers match = admin;
    match["If-Match"] = "\"0\"";
    ASSERT_EQ(server
                  .ask("PUT", "/api/v1/policy", match,
                       json{{"rules", {{{"kind", "near"}, {"action", "block"}}}}, {"note", "trial"}})
                  .status,
              200);
    const std::string policy = server.ask("GET", "/api/v1/policy", admin).text;
    EXPECT_EQ(newest(server, admin, "policy.saved")["detail"]["sha256"], sha256_of(bytes_of(policy)).hex())
        << "the policy as everybody can read it";
}

TEST(Record, StaysGoodAfterTheKeyFileWasLost) {
    const Folder folder;
    const std::string data = folder.path("var");
    Headers admin;
    {
        Served server(data);
        admin = server.set_up();
        ASSERT_EQ(server.ask("GET", "/api/v1/audit/export", admin).status, 200);  // with a checkpoint
        EXPECT_EQ(newest(server, admin, "audit.exported")["who"],
                  "account:" + server.ask("GET", "/api/v1/me", admin).body["id"].get<std::string>());
        server.stop();
    }
    std::filesystem::remove(data + "/keys/rushlight.key");
    ASSERT_EQ(run({"vault", "new-key", "--accept-loss", "--data", data}).status, 0);
    const Served again(data);
    ASSERT_EQ(again.ask("GET", "/api/v1/audit/export", admin).status, 200);
    const Answer verdict = again.ask("POST", "/api/v1/audit/verify", admin);
    EXPECT_EQ(verdict.body["ok"], true) << verdict.text;
}

TEST(Record, NamesScansThatWereStoppedAndRefusesAlikeWhatLiesOutside) {
    const Folder folder;
    std::filesystem::create_directories(folder.path("uploads"));
    folder.write("var/rushlight.toml", "[scan]\nfolders = \"" + folder.path("uploads") + "\"\n");
    folder.write("outside.txt", "there");
    Served server(folder.path("var"));
    const Headers admin = server.set_up();
    const auto start = [&](const std::string& target, const json& lists = json::array()) {
        return server.ask("POST", "/api/v1/scans", admin, json{{"targets", {target}}, {"lists", lists}});
    };
    const Answer there = start(folder.path("outside.txt"));
    const Answer not_there = start(folder.path("outside.tx"));
    EXPECT_EQ(there.status, 403);
    EXPECT_EQ(not_there.status, 403) << "nobody learns here which files there are";
    EXPECT_EQ(start(folder.path("uploads/../outside.tx")).status, 403);
    EXPECT_EQ(start(folder.path("uploads/none.jpg")).status, 404);
    EXPECT_EQ(start(folder.path("uploads"), json{"no such list"}).status, 404);
    const Answer begun = start(folder.path("uploads"));
    ASSERT_EQ(begun.status, 202) << begun.text;
    EXPECT_EQ(newest(server, admin, "scan.started")["on"]["id"], begun.body["id"]);
    const Answer stopped =
        server.ask("POST", "/api/v1/scans/" + begun.body["id"].get<std::string>() + "/stop", admin);
    if (stopped.status == 202) {  // it may have been faster
        EXPECT_EQ(newest(server, admin, "scan.stopped")["on"]["id"], begun.body["id"]);
    }
}

// At the machine as over the API.
TEST(Record, NamesEveryChangeOfAListAndWhoMadeIt) {
    const Folder folder;
    const std::string hash(32, '7');
    const std::string file = folder.write("more.txt", std::string(32, '8') + "\n");
    const auto list = [&](std::vector<std::string> arguments) {
        arguments.insert(arguments.begin(), "list");
        arguments.insert(arguments.end(), {"--data", folder.path("var")});
        const Ran ran = run(arguments);
        EXPECT_EQ(ran.status, 0) << ran.err;
    };
    list({"create", "ours"});
    list({"add", "ours", hash});
    list({"set", "ours", hash, "--state", "quarantined"});
    list({"import", "ours", file});
    list({"export", "ours"});
    list({"drop", "ours", hash});
    list({"remove", "ours"});
    const Ran log = run({"audit", "export", "--data", folder.path("var")});
    std::vector<std::string> done;
    for (const json& line : log.lines()) {
        const std::string what = line.value("what", "");
        if (!what.starts_with("list.")) continue;
        done.push_back(what);
        EXPECT_EQ(line["who"], "local:" + std::to_string(::geteuid()));
        EXPECT_EQ(line["on"]["id"], "ours");
    }
    EXPECT_THAT(done, ::testing::ElementsAre("list.created", "list.added", "list.entry_set", "list.imported",
                                             "list.exported", "list.dropped", "list.removed"));

    Served server(folder.path("var"));
    const Headers admin = server.set_up();
    ASSERT_EQ(server.ask("POST", "/api/v1/lists", admin, json{{"name", "theirs"}}).status, 201);
    const json hashes{{"hashes", {hash}}, {"method", "md5"}};
    ASSERT_EQ(server.ask("POST", "/api/v1/lists/theirs/entries", admin, hashes).status, 200);
    EXPECT_EQ(newest(server, admin, "list.added")["detail"]["entries"], 1);
    ASSERT_EQ(server.ask("DELETE", "/api/v1/lists/theirs", admin).status, 204);
    EXPECT_EQ(newest(server, admin, "list.removed")["detail"]["entries"], 1);
}

TEST(Record, AdmittedTargetsStandThereOnce) {
    const Folder folder;
    Served server(folder.path("var"), {"--allow-target", "127.0.0.1:9"});
    const Answer log = server.ask("GET", "/api/v1/audit?limit=100", server.set_up());
    EXPECT_EQ(std::ranges::count_if(log.body["items"],
                                    [](const json& one) {
                                        return one["what"].get<std::string>().find("targets_allowed") !=
                                                   std::string::npos ||
                                               one["what"] == "targets.allowed";
                                    }),
              1);
}

}  // namespace
}  // namespace rushlight::app::testing
