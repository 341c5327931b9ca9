// Backup and restore from the outside, while a server runs: on SQLite and on PostgreSQL.

#include "app/testing/served.h"
#include "store/testing/place.h"

#include <atomic>
#include <csignal>
#include <filesystem>
#include <map>
#include <random>
#include <thread>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

namespace rushlight::app::testing {
namespace {

namespace fs = std::filesystem;
using store::testing::Kind;
using ::testing::HasSubstr;

// The members of a backup, read as any tar would.
std::map<std::string, std::string> members_of(const std::string& path) {
    const std::string tar = read_file(path);
    std::map<std::string, std::string> members;
    for (std::size_t at = 0; at + 512 <= tar.size() && tar[at] != '\0';) {
        const std::string name = tar.c_str() + at;
        const std::size_t size = std::stoull(tar.substr(at + 124, 11), nullptr, 8);
        members[name] = tar.substr(at + 512, size);
        at += 512 + (size + 511) / 512 * 512;
    }
    return members;
}

// Every table's rows, without what a restore changes on purpose: one entry more in the audit log, nobody
// signed in.
std::map<std::string, std::string> tables_of(const std::string& path) {
    std::map<std::string, std::string> tables;
    for (auto& [name, content] : members_of(path)) {
        if (!name.starts_with("tables/")) continue;
        if (name.starts_with("tables/audit_") || name.starts_with("tables/accounts_session/") ||
            name.starts_with("tables/accounts_token/"))
            continue;
        tables[name] = content;
    }
    return tables;
}

class BackupServed : public ::testing::TestWithParam<Kind> {
  protected:
    Folder folder_;
    store::testing::Place place_{GetParam()};
    store::testing::Place other_{GetParam()};
    std::string data_ = folder_.path("var");

    std::vector<std::string> store_of(const store::testing::Place& place) const {
        if (GetParam() == Kind::sqlite) return {};
        return {"--store", place.where()};
    }
    Ran command(std::vector<std::string> words, const std::string& data,
                const store::testing::Place& place) const {
        for (const std::string& word : store_of(place)) words.push_back(word);
        words.insert(words.end(), {"--data", data, "--json"});
        return run(words);
    }
    // A server with a list, a held file, an analyst and a receipt.
    void fill(Served& server, const Headers& admin) {
        key_ = server.key(admin, {"check", "lists", "read"});
        ASSERT_EQ(server.ask("POST", "/api/v1/lists/practice/import", key_, practice_list()).status, 200);
        const Answer check =
            server.upload("/api/v1/check?receipt=1", key_, scene(), R"({"account":"uploader 7"})");
        ASSERT_EQ(check.status, 200) << check.text;
        receipt_ = check.body["receipt"].dump();
        ASSERT_EQ(server
                      .ask("POST", "/api/v1/accounts", admin,
                           json{{"email", "anna@example.org"},
                                {"roles", {"analyst"}},
                                {"password", "another long enough one"}})
                      .status,
                  201);
    }
    Answer sign_in(const Served& server) const {
        return server.ask("POST", "/api/v1/session", {},
                          json{{"email", "anna@example.org"}, {"password", "another long enough one"}});
    }
    Headers key_;
    std::string receipt_;
};

TEST_P(BackupServed, WhatWasBackedUpUnderLoadComesBackWhole) {
    const std::string file = folder_.path("a.rushlight");
    std::vector<std::string> kept;  // checks that were answered before the backup began
    {
        Served server(data_, store_of(place_));
        const Headers admin = server.set_up();
        fill(server, admin);
        std::atomic<bool> enough{false};
        std::atomic<int> imports{0};
        std::jthread importer([&] {
            for (int i = 0; !enough; ++i) {
                const std::string name = "/api/v1/lists/load" + std::to_string(i) + "/import";
                if (server.ask("POST", name, key_, practice_list()).status == 200) ++imports;
            }
        });
        std::jthread checker([&] {
            const std::string line = practice_list();
            const std::string value = json::parse(line.substr(0, line.find('\n')))["value"];
            while (!enough) server.ask("POST", "/api/v1/check/hash", key_, json{{"hashes", {value}}});
        });
        while (imports < 2) std::this_thread::yield();
        const Answer seen = server.ask("GET", "/api/v1/checks?limit=50", admin);
        for (const json& item : seen.body["items"]) kept.push_back(item["id"]);
        const Ran made = command({"backup", file}, data_, place_);
        enough = true;
        ASSERT_EQ(made.status, 0) << made.err;
        const json line = made.lines().at(0);
        EXPECT_EQ(line["file"], file);
        EXPECT_EQ(line["keys"], "included");
        EXPECT_EQ(line["held"], 1);
        EXPECT_EQ(line["bytes"], fs::file_size(file));
        struct stat info{};
        ASSERT_EQ(::stat(file.c_str(), &info), 0);
        EXPECT_EQ(info.st_mode & 0777, 0600u);
        EXPECT_EQ(command({"backup", file}, data_, place_).status, 1) << "it is there";
    }
    ASSERT_FALSE(kept.empty());

    const std::string fresh = folder_.path("fresh");
    const Ran restored = command({"restore", file}, fresh, other_);
    ASSERT_EQ(restored.status, 0) << restored.err;
    EXPECT_EQ(restored.lines().at(0)["held"], 1);
    const Ran audit = command({"audit", "verify"}, fresh, other_);
    EXPECT_EQ(audit.lines().at(0)["ok"], true) << audit.out;
    // Everything, value by value.
    const std::string again = folder_.path("b.rushlight");
    ASSERT_EQ(command({"backup", again}, fresh, other_).status, 0);
    auto before = tables_of(file);
    auto after = tables_of(again);
    EXPECT_GT(before.size(), 12u);
    // The held file's row says in which folder it lies.
    before.erase("tables/vault_held/000001");
    after.erase("tables/vault_held/000001");
    for (const auto& [name, content] : before) EXPECT_TRUE(after[name] == content) << name;
    EXPECT_EQ(before.size(), after.size());

    Served server(fresh, store_of(other_));
    EXPECT_EQ(sign_in(server).status, 201);
    // What was answered before the backup; others were answered while it ran, so it is not on the first page.
    bool found = false;
    std::string cursor;
    do {
        const Answer seen = server.ask("GET", "/api/v1/checks?limit=200" + cursor, key_);
        ASSERT_EQ(seen.status, 200) << seen.text;
        found = found || seen.text.find(kept.back()) != std::string::npos;
        cursor = seen.body["next"].is_null() ? "" : "&cursor=" + seen.body["next"].get<std::string>();
    } while (!found && !cursor.empty());
    EXPECT_TRUE(found) << kept.back();
    const Answer check = server.upload("/api/v1/check", key_, scene());
    EXPECT_EQ(check.body["decision"], "near") << check.text;
    const std::string receipt = folder_.write("receipt.json", receipt_);
    EXPECT_EQ(run({"receipt", "verify", receipt, "--key", fresh + "/keys/receipt.pub"}).status, 0);
}

TEST_P(BackupServed, ARunningServerTakesARestoreOver) {
    Served server(data_, store_of(place_));
    const Headers admin = server.set_up();
    fill(server, admin);
    const std::string file = folder_.path("a.rushlight");
    ASSERT_EQ(command({"backup", file}, data_, place_).status, 0);
    ASSERT_EQ(server.ask("POST", "/api/v1/lists/later/import", key_, practice_list()).status, 200);
    const Ran refused = command({"restore", file}, data_, place_);
    EXPECT_EQ(refused.status, 1);
    EXPECT_THAT(refused.err, HasSubstr("--force"));
    EXPECT_EQ(server.ask("GET", "/api/v1/lists/later", key_).status, 200);

    const Ran restored = command({"restore", file, "--force"}, data_, place_);
    ASSERT_EQ(restored.status, 0) << restored.err;
    const std::string kept = restored.lines().at(0)["kept"];
    ASSERT_TRUE(fs::exists(kept));
    ASSERT_TRUE(server.wait_for_lines(2)) << "it says that it begins anew";
    Answer lists;
    do lists = server.ask("GET", "/api/v1/lists", key_);
    while (lists.status != 200);
    EXPECT_THAT(lists.text, ::testing::Not(HasSubstr("\"later\"")));
    EXPECT_THAT(lists.text, HasSubstr("\"practice\""));
    EXPECT_EQ(server.ask("GET", "/api/v1/lists", admin).status, 401) << "everybody signs in again";
    EXPECT_EQ(sign_in(server).status, 201);
    EXPECT_EQ(command({"audit", "verify"}, data_, place_).lines().at(0)["ok"], true);
    const Answer check = server.upload("/api/v1/check", key_, scene());
    EXPECT_EQ(check.body["decision"], "near") << check.text;

    // What was replaced comes back the same way.
    ASSERT_EQ(command({"restore", kept, "--force"}, data_, place_).status, 0);
    ASSERT_TRUE(server.wait_for_lines(3));
    do lists = server.ask("GET", "/api/v1/lists", key_);
    while (lists.status != 200);
    EXPECT_THAT(lists.text, HasSubstr("\"later\""));
}

// Killed anywhere, a restore has either happened or not.
TEST_P(BackupServed, ARestoreThatIsKilledLeavesTheOldStateOrTheNew) {
    const std::string file = folder_.path("a.rushlight");
    {
        Served server(data_, store_of(place_));
        const Headers admin = server.set_up();
        fill(server, admin);
    }
    ASSERT_EQ(command({"backup", file}, data_, place_).status, 0);
    ASSERT_EQ(command({"list", "create", "later"}, data_, place_).status, 0);
    const std::string changed = folder_.path("changed.rushlight");
    ASSERT_EQ(command({"backup", changed}, data_, place_).status, 0);
    const auto old_state = tables_of(changed);
    const auto new_state = tables_of(file);
    ASSERT_NE(old_state, new_state);
    // How long a whole one takes here: a kill has to come before its end.
    const auto begun = std::chrono::steady_clock::now();
    ASSERT_EQ(command({"restore", changed, "--force"}, data_, place_).status, 0);
    const auto whole =
        std::chrono::duration_cast<std::chrono::microseconds>(std::chrono::steady_clock::now() - begun);
    std::mt19937 random(static_cast<unsigned>(GetParam()) + 3);
    int killed = 0;
    for (int i = 0; i < 4; ++i) {
        {
            std::vector<std::string> words{"restore", file, "--force", "--data", data_};
            for (const std::string& word : store_of(place_)) words.push_back(word);
            Running restore(Call{.arguments = words});
            std::this_thread::sleep_for(std::chrono::microseconds(random() % whole.count()));
            restore.signal(SIGKILL);
            if (restore.wait().status != 0) ++killed;
        }
        const std::string look = folder_.path("look" + std::to_string(i));
        ASSERT_EQ(command({"backup", look}, data_, place_).status, 0);
        const auto state = tables_of(look);
        EXPECT_TRUE(state == old_state || state == new_state) << "round " << i;
        EXPECT_EQ(command({"audit", "verify"}, data_, place_).lines().at(0)["ok"], true);
        if (state == new_state) {
            ASSERT_EQ(command({"restore", changed, "--force"}, data_, place_).status, 0);
        }
    }
    EXPECT_GT(killed, 0);
}

INSTANTIATE_TEST_SUITE_P(, BackupServed, store::testing::both(), store::testing::name_of);

TEST(BackupTest, WhatIsNoBackupIsRefusedAndNothingIsMade) {
    const Folder folder;
    for (const char* content : {"", "PK\3\4", "not a backup at all"}) {
        const std::string file = folder.write("x", content);
        const Ran refused = run({"restore", file, "--data", folder.path("new")});
        EXPECT_EQ(refused.status, 1);
        EXPECT_THAT(refused.err, HasSubstr("Nothing was changed"));
        EXPECT_FALSE(fs::exists(folder.path("new")));
    }
    EXPECT_EQ(run({"restore", folder.path("missing"), "--data", folder.path("new")}).status, 1);
    EXPECT_EQ(run({"backup", folder.path(), "--data", folder.path("new")}).status, 1)
        << "a folder is no file";
}

}  // namespace
}  // namespace rushlight::app::testing
