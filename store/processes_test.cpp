// Several processes on one store, killed and starved ones among them.
#include "base/testing/rounds.h"
#include "store/store.h"
#include "store/testing/place.h"
#include "store/testing/process.h"

#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <random>
#include <thread>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/mount.h>
#include <unistd.h>

namespace rushlight::store {
namespace {

using ::testing::HasSubstr;
using testing::HelperProcess;
using testing::Kind;

class ProcessesTest : public ::testing::TestWithParam<Kind> {
  protected:
    testing::Place place{GetParam()};

    // The helper's tables, made and already there.
    void SetUp() override {
        HelperProcess first({"open", place.where()});
        ASSERT_EQ(first.line(), "version 3");
        ASSERT_EQ(first.wait(), 0);
    }
    Store open() {
        return testing::open(place, {{"helper", {{1, "tables", "the helper's, applied already"}}}});
    }
    std::int64_t number(std::string_view sql) {
        Store store = open();
        std::int64_t n = -1;
        auto status = store.read([&](Reader& r) {
            return r.integer(sql).map([&](std::optional<std::int64_t> value) { n = value.value_or(0); });
        });
        EXPECT_TRUE(status) << status.error().message;
        return n;
    }
};
INSTANTIATE_TEST_SUITE_P(, ProcessesTest, testing::both(), testing::name_of);

TEST_P(ProcessesTest, LoseNoUpdateOfEachOther) {
    HelperProcess a({"increment", place.where(), "150"});
    HelperProcess b({"increment", place.where(), "150"});
    HelperProcess c({"increment", place.where(), "150"});
    EXPECT_EQ(a.line(), "");
    EXPECT_EQ(b.line(), "");
    EXPECT_EQ(c.line(), "");
    EXPECT_EQ(a.wait() + b.wait() + c.wait(), 0);
    EXPECT_EQ(number("SELECT value FROM counter"), 450);
}

// What was acknowledged is there; at most one that was not may be.
TEST_P(ProcessesTest, KeepWhatWasAcknowledgedWhenKilled) {
    std::int64_t acknowledged = 0;
    int killed = 0;
    for (Rounds rounds(4); rounds.next(); ++killed) {
        std::mt19937_64 random(rounds.seed());
        HelperProcess writer({killed % 2 == 0 ? "insert" : "insert-process", place.where()});
        const int lines = 1 + static_cast<int>(random() % 60);
        for (int i = 0; i < lines; ++i) {
            ASSERT_EQ(writer.line(), std::to_string(i + 1));
            ++acknowledged;
        }
        writer.kill();
        acknowledged += static_cast<std::int64_t>(writer.rest().size());
        EXPECT_EQ(writer.wait(), 128 + SIGKILL);
        const std::int64_t stored = number("SELECT count(*) FROM line");
        EXPECT_GE(stored, acknowledged);
        EXPECT_LE(stored, acknowledged + 1);
        EXPECT_EQ(number("SELECT count(*) FROM line WHERE length(filling) <> 100"), 0);
        acknowledged = stored;
    }
}

TEST_P(ProcessesTest, StartAtOnceOnANewStore) {
    const testing::Place fresh(GetParam());
    std::vector<std::unique_ptr<HelperProcess>> all;
    for (int i = 0; i < 5; ++i)
        all.push_back(std::make_unique<HelperProcess>(std::vector<std::string>{"open", fresh.where()}));
    for (const auto& one : all) EXPECT_EQ(one->line(), "version 3");
}

TEST_P(ProcessesTest, LeaveTheOldSchemaWhenKilledInAMigration) {
    std::uintmax_t before = 0;
    const std::filesystem::path log = std::filesystem::path(place.where()) / "rushlight.db-wal";
    std::error_code none;
    HelperProcess upgrading({"endless", place.where()});
    if (GetParam() == Kind::sqlite) {  // wait until it has written some of it
        while ((before = std::filesystem::file_size(log, none)) < (1U << 20) || none)
            std::this_thread::sleep_for(std::chrono::milliseconds(5));
    } else {
        const testing::Place watched(Kind::postgres);  // another database: this one's schema is locked
        Store watcher = testing::open(watched, {});
        bool working = false;
        while (!working) {
            auto status = watcher.read([&](Reader& r) -> Status {
                return r
                    .integer(
                        "SELECT count(*) FROM pg_stat_activity WHERE state = 'active' AND query LIKE "
                        "'%RECURSIVE c%' "
                        "AND pid <> pg_backend_pid()")
                    .map([&](auto n) { working = n > 0; });
            });
            ASSERT_TRUE(status) << status.error().message;
        }
    }
    upgrading.kill();
    EXPECT_EQ(upgrading.wait(), 128 + SIGKILL);
    HelperProcess old({"open", place.where()});
    EXPECT_EQ(old.line(), "version 3");
    EXPECT_EQ(number("SELECT value FROM counter"), 0);
}

TEST(SqliteProcesses, WaitForTheLockAndThenSayWhoHasIt) {
    testing::Place place(Kind::sqlite);
    HelperProcess holder({"hold", place.where()});
    ASSERT_EQ(holder.line(), "holding");
    const Schema known{"helper", {{1, "tables", "applied already"}}};
    auto store = Store::open(
        {.where = place.where(), .schemas = {known}, .busy_timeout = std::chrono::milliseconds(50)});
    ASSERT_TRUE(store) << store.error().message;
    const auto update = [](Writer& w) -> Status {
        return w.run("UPDATE counter SET value = 7 WHERE id = 1").map([](std::int64_t) {});
    };
    auto refused = store->write(update);
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, ErrorCode::unavailable);
    EXPECT_THAT(refused.error().message, HasSubstr("another process"));
    // Reading goes on meanwhile.
    EXPECT_TRUE(store->read([](Reader& r) {
        return r.integer("SELECT value FROM counter").map([](auto n) { EXPECT_EQ(n, 0); });
    }));
    holder.tell_to_go_on();
    EXPECT_EQ(holder.wait(), 0);
    EXPECT_TRUE(store->write(update));
}

// A file-size limit looks to SQLite as a disk that has no more room.
TEST(SqliteProcesses, SayThatTheDiskIsFullAndKeepWhatTheyHad) {
    testing::Place place(Kind::sqlite);
    HelperProcess writer({"fill", place.where(), "600000"});
    std::int64_t acknowledged = 0;
    std::string line = writer.line();
    for (; !line.starts_with("error") && !line.empty(); line = writer.line()) ++acknowledged;
    EXPECT_GT(acknowledged, 10);
    EXPECT_THAT(line,
                HasSubstr("error " + std::to_string(static_cast<int>(ErrorCode::io)) + " the disk is full"));
    EXPECT_THAT(line, HasSubstr("rushlight.db"));
    EXPECT_EQ(writer.wait(), 1);
    Store store = testing::open(place, {{"helper", {{1, "tables", "applied already"}}}});
    EXPECT_TRUE(store.read([&](Reader& r) {
        return r.integer("SELECT count(*) FROM line").map([&](auto n) { EXPECT_EQ(n, acknowledged); });
    }));
    // With room again it goes on.
    EXPECT_TRUE(store.write(
        [](Writer& w) { return w.run("INSERT INTO line (number) VALUES (0)").map([](auto) {}); }));
}

// The same on a real small disk, where this user may make one (root outside of a container).
TEST(SqliteProcesses, SayThatASmallDiskIsFull) {
    testing::Place place(Kind::sqlite);
    if (::mount("tmpfs", place.where().c_str(), "tmpfs", 0, "size=1m") != 0) return;
    {
        HelperProcess writer({"fill", place.where(), "1000000000"});
        std::int64_t acknowledged = 0;
        std::string line = writer.line();
        for (; !line.starts_with("error") && !line.empty(); line = writer.line()) ++acknowledged;
        EXPECT_GT(acknowledged, 10);
        EXPECT_THAT(line, HasSubstr("the disk is full"));
        EXPECT_EQ(writer.wait(), 1);
        // Full as it is, it can be read.
        Store store = testing::open(place, {{"helper", {{1, "tables", "applied already"}}}});
        EXPECT_TRUE(store.read([&](Reader& r) {
            return r.integer("SELECT count(*) FROM line").map([&](auto n) { EXPECT_EQ(n, acknowledged); });
        }));
    }
    EXPECT_EQ(::umount(place.where().c_str()), 0);
}

}  // namespace
}  // namespace rushlight::store
