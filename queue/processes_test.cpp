// Several processes on one queue, killed at any moment.
#include "queue/queue.h"
#include "store/testing/place.h"
#include "store/testing/process.h"

#include <csignal>
#include <cstdlib>
#include <map>
#include <random>
#include <set>
#include <thread>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace rushlight::queue {
namespace {

using store::testing::HelperProcess;
using ::testing::HasSubstr;
using ::testing::SizeIs;

class QueueProcessesTest : public ::testing::TestWithParam<store::testing::Kind> {
  protected:
    store::testing::Place place{GetParam()};
    store::Store store = store::testing::open(
        place,
        {schema(),
         {"effect",
          {{1, "effects",
            "CREATE TABLE effect (id INTEGER PRIMARY KEY AUTOINCREMENT, job INTEGER NOT NULL, key TEXT NOT "
            "NULL) STRICT;"}}}});

    std::unique_ptr<HelperProcess> start(int lease = 1'500) {
        auto helper = std::make_unique<HelperProcess>(
            std::vector<std::string>{place.where(), std::to_string(lease)}, "queue_test_helper");
        EXPECT_EQ(helper->line(), "ready");
        return helper;
    }
    void add(const std::vector<std::pair<std::string, std::string>>& bodies_and_keys) {
        const auto status = store.write([&](store::Writer& w) -> Status {
            for (const auto& [body, key] : bodies_and_keys)
                if (auto made = enqueue(w, {.kind = "work", .body = body, .key = key}, system_clock().now());
                    !made)
                    return pass(made.error());
            return {};
        });
        ASSERT_TRUE(status) << status.error().message;
    }
    Count count() {
        Count found;
        EXPECT_TRUE(store.read([&](store::Reader& r) {
            return counts(r, system_clock().now()).map([&](const std::vector<Count>& all) {
                for (const Count& one : all) found = one;
            });
        }));
        return found;
    }
    void wait_until_all_is_done() {
        for (Count now = count(); now.waiting + now.running > 0; now = count())
            std::this_thread::sleep_for(std::chrono::milliseconds(10));
    }
};
INSTANTIATE_TEST_SUITE_P(, QueueProcessesTest, store::testing::both(), store::testing::name_of);

TEST_P(QueueProcessesTest, LoseNothingAndDoNothingTwiceWhenKilledAtRandomPoints) {
    const int kills = std::getenv("RUSHLIGHT_SOAK") != nullptr ? 200 : 10;
    const int each = 80;
    const int jobs = each * kills;
    std::mt19937 random(7);
    std::vector<std::unique_ptr<HelperProcess>> helpers;
    helpers.push_back(start());
    helpers.push_back(start());
    int in_mid_job = 0;
    for (int i = 0; i < kills; ++i) {
        std::vector<std::pair<std::string, std::string>> some;
        for (int job = i * each; job < (i + 1) * each; ++job)
            some.emplace_back(std::to_string(job), job % 3 == 0 ? "" : "key" + std::to_string(job % 7));
        add(some);
        // Wherever it is then: at a handler's begin, within its commit, while it takes more.
        std::this_thread::sleep_for(std::chrono::microseconds(random() % 30'000));
        auto& victim = helpers[random() % helpers.size()];
        victim->kill();
        std::set<std::string> begun;
        for (const std::string& line : victim->rest()) {
            ASSERT_FALSE(line.starts_with("error")) << line;
            if (line.starts_with("begin ")) begun.insert(line.substr(6));
            if (line.starts_with("end ")) begun.erase(line.substr(4));
        }
        in_mid_job += begun.empty() ? 0 : 1;
        EXPECT_EQ(victim->wait(), 128 + SIGKILL);
        victim = start();
    }
    EXPECT_GT(in_mid_job, 0);
    // The pipes hold what the helpers say meanwhile: they are read, so that nobody waits for us.
    std::vector<std::jthread> readers;
    for (auto& helper : helpers) readers.emplace_back([&helper] { (void)helper->rest(); });
    wait_until_all_is_done();
    for (auto& helper : helpers) helper->tell_to_go_on();
    readers.clear();
    for (auto& helper : helpers) EXPECT_EQ(helper->wait(), 0);

    std::map<std::int64_t, int> times;
    std::map<std::string, std::int64_t> last;
    ASSERT_TRUE(store.read([&](store::Reader& r) {
        return r.each("SELECT job, key FROM effect ORDER BY id", {}, [&](const store::Row& row) {
            ++times[row.integer(0)];
            const std::string key(row.text(1));
            if (key.empty()) return;
            const auto [before, first] = last.try_emplace(key, -1);
            EXPECT_LT(before->second, row.integer(0)) << key;
            before->second = row.integer(0);
        });
    }));
    const Count end = count();
    // A job that died with its process three times is a dead letter: told, not lost.
    EXPECT_EQ(std::ssize(times) + end.dead, jobs);
    EXPECT_LE(end.dead, kills / 3);
    for (const auto& [job, count] : times) EXPECT_EQ(count, 1) << job;
}

TEST_P(QueueProcessesTest, PutAJobThatKillsItsProcessWithTheDeadLetters) {
    add({{"fragile", ""}, {"1", ""}});
    for (int round = 0; round < 3; ++round) {
        auto helper = start(500);
        std::string line = helper->line();
        while (line != "begin fragile" && !line.empty()) line = helper->line();
        EXPECT_EQ(line, "begin fragile");
        EXPECT_EQ(helper->wait(), 128 + SIGKILL);
    }
    auto last = start(500);
    wait_until_all_is_done();
    EXPECT_EQ(count().dead, 1);
    ASSERT_TRUE(store.read([&](store::Reader& r) {
        return dead_letters(r, {}).map([&](const std::vector<DeadLetter>& letters) {
            ASSERT_THAT(letters, SizeIs(1));
            EXPECT_THAT(letters[0].why, HasSubstr("started 3 times"));
        });
    }));
    last->tell_to_go_on();
    (void)last->rest();
    EXPECT_EQ(last->wait(), 0);
}

}  // namespace
}  // namespace rushlight::queue
