// Taking work off a shared table, and being woken for it.
#include "store/store.h"
#include "store/testing/place.h"

#include <chrono>
#include <mutex>
#include <set>
#include <thread>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace rushlight::store {
namespace {

using namespace std::chrono_literals;
using ::testing::ElementsAre;

class ClaimTest : public ::testing::TestWithParam<testing::Kind> {
  protected:
    testing::Place place{GetParam()};
    Store store = testing::open(place, {schema()});
    Store other = testing::open(place, {schema()});  // as another process would see it

    static Schema schema() {
        return {"task",
                {{1, "tasks", "CREATE TABLE task (id INTEGER PRIMARY KEY, taken INTEGER NOT NULL) STRICT;"}}};
    }
    void add(int count) {
        ASSERT_TRUE(store.write([&](Writer& w) -> Status {
            for (int i = 0; i < count; ++i)
                if (auto done = w.run("INSERT INTO task (taken) VALUES (0)"); !done)
                    return pass(done.error());
            w.announce("task");
            return {};
        }));
    }
    static Status take(Claimer& c, int limit, std::vector<std::int64_t>& taken) {
        taken.clear();
        auto found = c.each_free("SELECT id FROM task WHERE taken = 0 ORDER BY id LIMIT $1", {limit},
                                 [&](const Row& row) { taken.push_back(row.integer(0)); });
        if (!found) return found;
        for (const std::int64_t id : taken)
            if (auto done = c.run("UPDATE task SET taken = taken + 1 WHERE id = $1", {id}); !done)
                return pass(done.error());
        return {};
    }
};
INSTANTIATE_TEST_SUITE_P(, ClaimTest, testing::both(), testing::name_of);

TEST_P(ClaimTest, GivesEachRowToOneOfMany) {
    add(400);
    std::vector<std::jthread> threads;
    std::mutex mutex;
    std::multiset<std::int64_t> all;
    for (Store* each : {&store, &store, &other, &other})
        threads.emplace_back([&, each] {
            for (;;) {
                std::vector<std::int64_t> taken;
                const auto status = each->claim([&](Claimer& c) { return take(c, 3, taken); });
                ASSERT_TRUE(status) << status.error().message;
                // Rows that others hold are passed over, so an empty answer means that all are taken.
                if (taken.empty()) return;
                const std::lock_guard lock(mutex);
                all.insert(taken.begin(), taken.end());
            }
        });
    threads.clear();
    EXPECT_EQ(all.size(), 400U);
    EXPECT_EQ(std::set(all.begin(), all.end()).size(), 400U);
}

TEST_P(ClaimTest, TakesNothingWhereItFails) {
    add(2);
    std::vector<std::int64_t> taken;
    const auto status = store.claim([&](Claimer& c) -> Status {
        if (auto done = take(c, 2, taken); !done) return done;
        c.announce("task");
        return fail(ErrorCode::cancelled, "changed my mind");
    });
    ASSERT_FALSE(status);
    ASSERT_TRUE(other.claim([&](Claimer& c) { return take(c, 5, taken); }));
    EXPECT_THAT(taken, ElementsAre(1, 2));
}

TEST(PostgresClaim, DoesNotWaitForAnotherThatHoldsRows) {
    testing::Place place(testing::Kind::postgres);
    Store store = testing::open(
        place, {{"task", {{1, "tasks", "CREATE TABLE task (id INTEGER PRIMARY KEY) STRICT;"}}}});
    ASSERT_TRUE(store.write(
        [](Writer& w) { return w.run("INSERT INTO task (id) VALUES (1), (2), (3)").map([](auto) {}); }));
    const auto first_free = [](Claimer& c, std::int64_t& id) {
        return c.each_free("SELECT id FROM task ORDER BY id LIMIT 1", {},
                           [&](const Row& row) { id = row.integer(0); });
    };
    std::int64_t outer = 0;
    std::int64_t inner = 0;
    const auto status = store.claim([&](Claimer& c) -> Status {
        if (auto done = first_free(c, outer); !done) return done;
        std::thread beside(
            [&] { EXPECT_TRUE(store.claim([&](Claimer& another) { return first_free(another, inner); })); });
        beside.join();
        return {};
    });
    ASSERT_TRUE(status) << status.error().message;
    EXPECT_EQ(outer, 1);
    EXPECT_EQ(inner, 2);
}

TEST_P(ClaimTest, WakesWhoeverWatchesInThisAndOtherProcesses) {
    for (Store* watching : {&store, &other}) {
        auto watch = watching->watch("task");
        ASSERT_TRUE(watch) << watch.error().message;
        std::thread beside([&] { add(1); });
        EXPECT_TRUE(watch->wait_for_change(60s, {}));
        beside.join();
    }
}

TEST_P(ClaimTest, MissesNothingBetweenTwoWaits) {
    auto watch = other.watch("task");
    ASSERT_TRUE(watch);
    add(1);
    EXPECT_TRUE(watch->wait_for_change(60s, {}));
    add(1);
    EXPECT_TRUE(watch->wait_for_change(60s, {}));
}

TEST_P(ClaimTest, StopsWaitingWhenAskedTo) {
    auto watch = store.watch("task");
    ASSERT_TRUE(watch);
    std::stop_source stop;
    std::thread beside([&] { stop.request_stop(); });
    EXPECT_FALSE(watch->wait_for_change(60s, stop.get_token()));
    EXPECT_FALSE(watch->wait_for_change(60s, stop.get_token()));
    beside.join();
    // Another wait is not stopped by it.
    EXPECT_FALSE(watch->wait_for_change(1ms, {}));
    add(1);
    EXPECT_TRUE(watch->wait_for_change(60s, {}));
}

TEST_P(ClaimTest, AnnouncesNothingThatWasUndone) {
    auto watch = store.watch("task");
    ASSERT_TRUE(watch);
    const auto undone = store.write([](Writer& w) -> Status {
        if (auto done = w.run("INSERT INTO task (taken) VALUES (0)"); !done) return pass(done.error());
        w.announce("task");
        return fail(ErrorCode::cancelled, "no");
    });
    ASSERT_FALSE(undone);
    EXPECT_FALSE(watch->wait_for_change(1ms, {}));
}

TEST(PostgresWatch, ComesBackAfterItsConnectionWasCut) {
    testing::Place place(testing::Kind::postgres);
    Store store = testing::open(place, {});
    auto watch = store.watch("task");
    ASSERT_TRUE(watch);
    ASSERT_TRUE(store.read([](Reader& r) {
        return r.each("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE 'LISTEN%'", {},
                      [](const Row&) {});
    }));
    EXPECT_TRUE(watch->wait_for_change(60s, {}));  // something may have been missed
    const auto announce = [](Writer& w) -> Status {
        w.announce("task");
        return w.integer("SELECT 1").map([](auto) {});
    };
    ASSERT_TRUE(store.write(announce));
    EXPECT_TRUE(watch->wait_for_change(60s, {}));
}

}  // namespace
}  // namespace rushlight::store
