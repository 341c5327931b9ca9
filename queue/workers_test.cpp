// Workers with threads: order under concurrency, limits, waking, stopping, a lost lease.
#include "queue/queue.h"
#include "queue/queue_store.h"
#include "queue/testing/manual_clock.h"
#include "store/testing/place.h"

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <latch>
#include <map>
#include <mutex>
#include <set>
#include <thread>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace rushlight::queue {
namespace {

using namespace std::chrono_literals;
using ::testing::ElementsAre;

// Something that threads count and others wait for.
class Counter {
  public:
    void add() {
        {
            const std::lock_guard lock(mutex_);
            ++count_;
        }
        changed_.notify_all();
    }
    bool wait_for(int count) {
        std::unique_lock lock(mutex_);
        return changed_.wait_for(lock, 60s, [&] { return count_ >= count; });
    }
    int count() const {
        const std::lock_guard lock(mutex_);
        return count_;
    }

  private:
    mutable std::mutex mutex_;
    std::condition_variable changed_;
    int count_ = 0;
};

class WorkersTest : public ::testing::TestWithParam<store::testing::Kind> {
  protected:
    store::testing::Place place{GetParam()};
    store::Store store = store::testing::open(place, {schema()});
    store::Store other = store::testing::open(place, {schema()});  // as another process would have it

    static void add(store::Store& store, const NewJob& job) {
        const auto status = store.write(
            [&](store::Writer& w) { return enqueue(w, job, system_clock().now()).map([](JobId) {}); },
            store::Durability::process);
        ASSERT_TRUE(status) << status.error().message;
    }
    static Workers start(store::Store& store, std::vector<Kind> kinds, Options options = {}) {
        auto made = Workers::start(store, std::move(kinds), std::move(options));
        EXPECT_TRUE(made) << made.error().message;
        return std::move(*made);
    }
};
INSTANTIATE_TEST_SUITE_P(, WorkersTest, store::testing::both(), store::testing::name_of);

TEST_P(WorkersTest, RunJobsOfAKeyOneAfterTheOtherInOrderThoughManyEnqueueAndWork) {
    constexpr int kEach = 60;
    constexpr int kThreads = 4;
    std::mutex mutex;
    std::map<std::string, std::vector<JobId>> order;
    std::set<std::string> running;
    bool together = false;
    Counter done;
    const auto run = [&](Job& job) {
        {
            const std::lock_guard lock(mutex);
            if (!job.key.empty()) {
                together = together || !running.insert(job.key).second;
                if (job.attempt == 1) order[job.key].push_back(job.id);
            }
        }
        std::this_thread::yield();
        {
            const std::lock_guard lock(mutex);
            running.erase(job.key);
        }
        if (job.id.value % 10 == 0 && job.attempt == 1) return Verdict::again("the first time always");
        done.add();
        return Verdict::done();
    };
    const Kind kind{.name = "work", .run = run, .first_delay = 1ms, .longest_delay = 10ms};
    auto crew = start(store, {kind});
    auto second_crew = start(other, {kind});
    {
        std::vector<std::jthread> enqueuers;
        for (int t = 0; t < kThreads; ++t)
            enqueuers.emplace_back([&, t] {
                for (int i = 0; i < kEach; ++i)
                    add(t % 2 == 0 ? store : other, {.kind = "work",
                                                     .body = "x",
                                                     .key = i % 4 == 0   ? ""
                                                            : i % 2 == 0 ? "even"
                                                                         : "odd"});
            });
    }
    EXPECT_TRUE(done.wait_for(kEach * kThreads));
    crew.stop();
    second_crew.stop();
    EXPECT_EQ(done.count(), kEach * kThreads);
    EXPECT_FALSE(together);
    for (const auto& [key, ids] : order) EXPECT_TRUE(std::ranges::is_sorted(ids)) << key;
    EXPECT_EQ(order["odd"].size(), static_cast<std::size_t>(kThreads * kEach / 2));
}

TEST_P(WorkersTest, HearOfAJobThatAnotherProcessEnqueues) {
    Counter done;
    auto crew = start(store,
                      {{.name = "work",
                        .run =
                            [&](Job&) {
                                done.add();
                                return Verdict::done();
                            }}},
                      {.look_every = 1h});
    add(other, {.kind = "work", .body = "x"});
    EXPECT_TRUE(done.wait_for(1));
    add(other, {.kind = "work", .body = "x"});
    EXPECT_TRUE(done.wait_for(2));
}

TEST_P(WorkersTest, RunNoMoreOfAKindAtOnceThanItAllows) {
    std::atomic<int> now = 0;
    std::atomic<int> most = 0;
    Counter done;
    const auto run = [&](Job&) {
        const int mine = ++now;
        int seen = most.load();
        while (seen < mine && !most.compare_exchange_weak(seen, mine)) {
        }
        std::this_thread::yield();
        --now;
        done.add();
        return Verdict::done();
    };
    for (int i = 0; i < 40; ++i) add(store, {.kind = "work", .body = "x"});
    auto crew = start(store, {{.name = "work", .run = run, .at_once = 2}}, {.threads = 6});
    EXPECT_TRUE(done.wait_for(40));
    EXPECT_LE(most.load(), 2);
}

TEST_P(WorkersTest, LetRunningJobsEndAndBeginNoNewOnesWhenStopped) {
    Counter begun;
    std::latch go(1);
    std::atomic<int> ended = 0;
    const auto run = [&](Job&) {
        begun.add();
        go.wait();
        ++ended;
        return Verdict::done();
    };
    for (int i = 0; i < 10; ++i) add(store, {.kind = "work", .body = "x"});
    auto crew = start(store, {{.name = "work", .run = run}}, {.threads = 3});
    ASSERT_TRUE(begun.wait_for(3));
    std::jthread stopping([&] { crew.stop(); });
    go.count_down();
    stopping.join();
    EXPECT_EQ(ended.load(), begun.count());
    // What was not begun is there for others at once, and counts no try.
    std::vector<int> attempts;
    auto next = start(other,
                      {{.name = "work",
                        .run =
                            [&](Job& job) {
                                attempts.push_back(job.attempt);
                                return Verdict::done();
                            }}},
                      {.threads = 0});
    EXPECT_EQ(next.run_due().value_or(0), static_cast<std::size_t>(10 - ended.load()));
    for (const int attempt : attempts) EXPECT_EQ(attempt, 1);
}

TEST_P(WorkersTest, TellALongHandlerThatTheyStop) {
    add(store, {.kind = "work", .body = "x"});
    Counter begun;
    auto crew = start(store, {{.name = "work", .run = [&](Job& job) {
                                   begun.add();
                                   std::mutex mutex;
                                   std::condition_variable_any never;
                                   std::unique_lock lock(mutex);
                                   never.wait(lock, job.stopping, [] { return false; });
                                   return Verdict::put_back();
                               }}});
    ASSERT_TRUE(begun.wait_for(1));
    crew.stop();
    auto next = start(other,
                      {{.name = "work",
                        .run =
                            [](Job& job) {
                                EXPECT_EQ(job.attempt, 1);
                                return Verdict::done();
                            }}},
                      {.threads = 0});
    EXPECT_EQ(next.run_due().value_or(0), 1U);
}

// A worker that stood still for longer than its lease: its job was given to another, and what it stores then
// is undone.
TEST_P(WorkersTest, LetNothingThroughFromAWorkerThatLostItsLease) {
    add(store, {.kind = "work", .body = "x"});
    QueueStore queue(other);
    std::vector<int> effects;
    std::vector<std::string> words;
    auto crew = start(store,
                      {{.name = "work",
                        .run = [&](Job& job) -> Verdict {
                            if (job.body == "y") return Verdict::done();
                            // Meanwhile somebody else finds it silent, and does the job.
                            for (const Neighbour& one : queue.neighbours().value_or(std::vector<Neighbour>{}))
                                EXPECT_TRUE(queue.bury_worker(one, {}).value_or(std::nullopt).has_value());
                            auto second = start(other,
                                                {{.name = "work",
                                                  .run = [&](Job& again) -> Verdict {
                                                      EXPECT_EQ(again.attempt, 2);
                                                      effects.push_back(2);
                                                      return Verdict::done();
                                                  }}},
                                                {.threads = 0});
                            EXPECT_EQ(second.run_due().value_or(0), 1U);
                            add(other, {.kind = "work", .body = "y"});
                            auto status = store.write([&](store::Writer& w) { return finish(w, job); });
                            if (!status) words.push_back(status.error().message);
                            EXPECT_FALSE(status);
                            return status;
                        }}},
                      {.threads = 0});
    const auto count = crew.run_due();
    EXPECT_THAT(effects, ElementsAre(2));
    EXPECT_EQ(words.size(), 1U);
    EXPECT_EQ(crew.tally().lost, 1);
    EXPECT_EQ(count.value_or(0), 2U);  // it went on as a new worker
}

TEST(PostgresWorkers, GoOnWhenTheServerCutEveryConnection) {
    store::testing::Place place(store::testing::Kind::postgres);
    store::Store store = store::testing::open(place, {schema()});
    store::testing::Place elsewhere(store::testing::Kind::postgres);
    store::Store operating = store::testing::open(elsewhere, {});
    Counter done;
    const auto run = [&](Job&) {
        done.add();
        return Verdict::done();
    };
    auto crew = Workers::start(store, {{.name = "work", .run = run}}, {.look_every = 50ms});
    ASSERT_TRUE(crew);
    int added = 0;
    for (int round = 0; round < 3; ++round) {
        for (int i = 0; i < 20; ++i) {
            const auto made = store.write([&](store::Writer& w) {
                return enqueue(w, {.kind = "work", .body = "x"}, system_clock().now()).map([](JobId) {});
            });
            if (made) ++added;
        }
        ASSERT_TRUE(operating.read([](store::Reader& r) {
            return r.each(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname <> current_database() "
                "AND backend_type = 'client backend'",
                {}, [](const store::Row&) {});
        }));
    }
    EXPECT_TRUE(done.wait_for(added));  // some of them perhaps twice
}

}  // namespace
}  // namespace rushlight::queue
