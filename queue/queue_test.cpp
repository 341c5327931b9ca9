// What the door promises, on both stores, with a clock that stands.
#include "queue/queue.h"

#include "queue/testing/manual_clock.h"
#include "store/testing/place.h"

#include <algorithm>
#include <functional>
#include <set>
#include <stdexcept>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace rushlight::queue {
namespace {

using namespace std::chrono_literals;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

class QueueTest : public ::testing::TestWithParam<store::testing::Kind> {
  protected:
    store::testing::Place place{GetParam()};
    store::Store store = store::testing::open(place, {schema(), effects()});
    testing::ManualClock clock;
    std::vector<std::string> ran;  // bodies in the order in which they were done

    static store::Schema effects() {
        return {"effect",
                {{1, "effects", "CREATE TABLE effect (id INTEGER PRIMARY KEY, what TEXT NOT NULL) STRICT;"}}};
    }

    JobId add(NewJob job) {
        JobId id;
        auto status = store.write([&](store::Writer& w) {
            return enqueue(w, job, clock.now()).map([&](JobId made) { id = made; });
        });
        EXPECT_TRUE(status) << status.error().message;
        return id;
    }
    Kind kind(std::string name = "work") {
        return {.name = std::move(name), .run = [this](Job& job) {
                    ran.push_back(job.body);
                    return Verdict::done();
                }};
    }
    Kind failing(std::function<Verdict(Job&)> run, int attempts = 3) {
        return {.name = "work",
                .run = std::move(run),
                .attempts = attempts,
                .first_delay = 10s,
                .longest_delay = 60s};
    }
    Workers workers(std::vector<Kind> kinds) {
        auto made = Workers::start(store, std::move(kinds), {.clock = clock, .threads = 0});
        EXPECT_TRUE(made) << made.error().message;
        return std::move(*made);
    }
    std::size_t run(Workers& workers) {
        auto count = workers.run_due();
        EXPECT_TRUE(count) << count.error().message;
        return count.value_or(0);
    }
    Count count(std::string_view name = "work") {
        Count found;
        EXPECT_TRUE(store.read([&](store::Reader& r) {
            return counts(r, clock.now()).map([&](const std::vector<Count>& all) {
                for (const Count& one : all)
                    if (one.kind == name) found = one;
            });
        }));
        return found;
    }
    std::vector<DeadLetter> dead(DeadQuery query = {}) {
        std::vector<DeadLetter> all;
        EXPECT_TRUE(store.read([&](store::Reader& r) {
            return dead_letters(r, query).map([&](std::vector<DeadLetter> found) { all = std::move(found); });
        }));
        return all;
    }
};
INSTANTIATE_TEST_SUITE_P(, QueueTest, store::testing::both(), store::testing::name_of);

TEST_P(QueueTest, RunsAJobOnceWithWhatItWasGiven) {
    const JobId id = add({.kind = "work", .body = R"({"n":1})", .key = "k"});
    Job seen;
    auto crew = workers({{.name = "work", .run = [&](Job& job) {
                              seen = job;
                              return Verdict::done();
                          }}});
    EXPECT_EQ(count().waiting, 1);
    EXPECT_EQ(run(crew), 1U);
    EXPECT_EQ(seen.id, id);
    EXPECT_EQ(seen.body, R"({"n":1})");
    EXPECT_EQ(seen.key, "k");
    EXPECT_EQ(seen.attempt, 1);
    EXPECT_EQ(seen.enqueued_at, clock.now());
    EXPECT_EQ(run(crew), 0U);
    crew.stop();
    EXPECT_EQ(count().waiting + count().running, 0);
    EXPECT_EQ(count().done, 1);
}

TEST_P(QueueTest, KnowsNothingOfAJobWhoseTransactionWasUndone) {
    EXPECT_FALSE(store.write([&](store::Writer& w) -> Status {
        if (auto made = enqueue(w, {.kind = "work", .body = "x"}, clock.now()); !made)
            return pass(made.error());
        return fail(ErrorCode::cancelled, "no");
    }));
    auto crew = workers({kind()});
    EXPECT_EQ(run(crew), 0U);
}

TEST_P(QueueTest, RefusesJobsBeyondItsLimits) {
    const std::string long_name(kMostName + 1, 'x');
    const std::string long_body(kMostBody + 1, 'x');
    for (const NewJob& job :
         {NewJob{.kind = "", .body = ""}, NewJob{.kind = long_name, .body = ""},
          NewJob{.kind = "work", .body = long_body}, NewJob{.kind = "work", .body = "", .key = long_name},
          NewJob{.kind = "work", .body = "", .unique = long_name},
          NewJob{.kind = "work", .body = "", .priority = 101}, NewJob{.kind = "work", .body = "\xff"}}) {
        auto status =
            store.write([&](store::Writer& w) { return enqueue(w, job, clock.now()).map([](JobId) {}); });
        ASSERT_FALSE(status);
        EXPECT_EQ(status.error().code, ErrorCode::invalid) << status.error().message;
    }
}

TEST_P(QueueTest, RunsTheHighestPriorityFirstAndEqualOnesInTheirOrder) {
    add({.kind = "work", .body = "a"});
    add({.kind = "work", .body = "b", .priority = -1});
    add({.kind = "other", .body = "c", .priority = 5});
    add({.kind = "work", .body = "d"});
    auto crew = workers({kind(), kind("other")});
    EXPECT_EQ(run(crew), 4U);
    EXPECT_THAT(ran, ElementsAre("c", "a", "d", "b"));
}

TEST_P(QueueTest, LeavesJobsOfOtherKindsAlone) {
    add({.kind = "strange", .body = "x", .priority = 9});
    add({.kind = "work", .body = "a"});
    auto crew = workers({kind()});
    EXPECT_EQ(run(crew), 1U);
    EXPECT_THAT(ran, ElementsAre("a"));
    EXPECT_EQ(count("strange").waiting, 1);
}

TEST_P(QueueTest, WaitsForAJobsTime) {
    add({.kind = "work", .body = "later", .not_before = clock.now() + 10s});
    add({.kind = "work", .body = "keyed later", .key = "k", .not_before = clock.now() + 20s});
    auto crew = workers({kind()});
    EXPECT_EQ(run(crew), 0U);
    EXPECT_FALSE(count().oldest_due);
    clock.advance(10s - 1us);
    EXPECT_EQ(run(crew), 0U);
    clock.advance(1us);
    EXPECT_EQ(run(crew), 1U);
    clock.advance(10s);
    EXPECT_EQ(count().oldest_due, clock.now());
    EXPECT_EQ(run(crew), 1U);
}

TEST_P(QueueTest, TriesAgainAfterABackOffThatGrows) {
    add({.kind = "work", .body = "x"});
    std::vector<Time> tries;
    auto crew = workers({failing(
        [&](Job&) {
            tries.push_back(clock.now());
            return Verdict::again("no luck");
        },
        6)});
    while (count().waiting > 0) {
        run(crew);
        clock.advance(100ms);
    }
    ASSERT_THAT(tries, SizeIs(6));
    for (std::size_t i = 1; i < tries.size(); ++i) {
        const auto whole = std::min<std::chrono::microseconds>(10s * (1 << (i - 1)), 60s);
        EXPECT_GE(tries[i] - tries[i - 1], whole / 2) << i;
        EXPECT_LE(tries[i] - tries[i - 1], whole + 100ms) << i;
    }
    ASSERT_THAT(dead(), SizeIs(1));
    EXPECT_EQ(dead()[0].why, "no luck");
    EXPECT_EQ(dead()[0].attempts, 6);
    EXPECT_EQ(crew.tally().failed, 5);
    EXPECT_EQ(crew.tally().dead, 1);
    EXPECT_EQ(count().dead, 1);
}

TEST_P(QueueTest, TriesAgainWhenTheOtherSideAsked) {
    add({.kind = "work", .body = "x"});
    int tries = 0;
    const Time asked = clock.now() + 1h;
    auto crew = workers({failing([&](Job&) {
        return ++tries == 1 ? Verdict::again_at(asked, "come back in an hour") : Verdict::done();
    })});
    run(crew);
    clock.set(asked + -1us);
    run(crew);
    EXPECT_EQ(tries, 1);
    clock.set(asked);
    run(crew);
    EXPECT_EQ(tries, 2);
}

TEST_P(QueueTest, TakesAnErrorAndAnExceptionAsAFailedTry) {
    add({.kind = "work", .body = "x"});
    int tries = 0;
    auto crew = workers({failing(
        [&](Job&) -> Verdict {
            if (++tries == 1) return Status(fail(ErrorCode::unavailable, "down\n\xff"));
            throw std::runtime_error("a bug");
        },
        2)});
    run(crew);
    clock.advance(1h);
    run(crew);
    ASSERT_THAT(dead(), SizeIs(1));
    EXPECT_THAT(dead()[0].why, HasSubstr("a bug"));
}

TEST_P(QueueTest, GivesUpAtOnceWhenToldTo) {
    add({.kind = "work", .body = "x"});
    auto crew = workers({failing([](Job&) { return Verdict::give_up("never"); })});
    run(crew);
    ASSERT_THAT(dead(), SizeIs(1));
    EXPECT_EQ(dead()[0].attempts, 1);
}

TEST_P(QueueTest, DoesNotCountATryThatWasPutBack) {
    add({.kind = "work", .body = "x"});
    std::vector<int> attempts;
    auto crew = workers({failing(
        [&](Job& job) {
            attempts.push_back(job.attempt);
            return attempts.size() < 3 ? Verdict::put_back() : Verdict::done();
        },
        1)});
    EXPECT_EQ(run(crew), 3U);
    EXPECT_THAT(attempts, ElementsAre(1, 1, 1));
}

TEST_P(QueueTest, KeepsTheOrderOfAKeyWhateverThePriorityAndLetsOthersOvertake) {
    add({.kind = "work", .body = "k1", .key = "k"});
    add({.kind = "work", .body = "k2", .key = "k", .priority = 50});
    add({.kind = "work", .body = "k3", .key = "k", .not_before = clock.now() + 10s});
    add({.kind = "work", .body = "k4", .key = "k"});
    add({.kind = "work", .body = "j1", .key = "j", .priority = 1});
    add({.kind = "work", .body = "free"});
    auto crew = workers({kind()});
    run(crew);
    EXPECT_THAT(ran, ElementsAre("j1", "k1", "k2", "free"));
    clock.advance(10s);
    run(crew);
    EXPECT_THAT(ran, ElementsAre("j1", "k1", "k2", "free", "k3", "k4"));
}

TEST_P(QueueTest, HoldsAKeyWhileItsFirstJobWaitsForItsNextTryAndLetsGoWhenItDies) {
    add({.kind = "work", .body = "bad", .key = "k"});
    add({.kind = "work", .body = "good", .key = "k"});
    auto crew = workers({failing(
        [&](Job& job) {
            ran.push_back(job.body);
            return job.body == "bad" ? Verdict::again("no") : Verdict::done();
        },
        2)});
    run(crew);
    EXPECT_THAT(ran, ElementsAre("bad"));
    clock.advance(1min);
    run(crew);
    EXPECT_THAT(ran, ElementsAre("bad", "bad", "good"));
    // Sent again it stands behind what came meanwhile.
    add({.kind = "work", .body = "newer", .key = "k"});
    ASSERT_TRUE(store.write(
        [&](store::Writer& w) { return resend(w, dead()[0].id, clock.now()).map([](JobId) {}); }));
    EXPECT_THAT(dead(), IsEmpty());
    ran.clear();
    run(crew);
    EXPECT_THAT(ran, ElementsAre("newer", "bad"));
}

TEST_P(QueueTest, TakesASecondJobOfAUniqueNameForTheFirstWhileThatWaits) {
    const JobId first = add({.kind = "work", .body = "1", .not_before = clock.now() + 10s, .unique = "u"});
    EXPECT_EQ(add({.kind = "work", .body = "2", .not_before = clock.now() + 20s, .unique = "u"}), first);
    EXPECT_NE(add({.kind = "work", .body = "3", .not_before = clock.now() + 10s, .unique = "v"}), first);
    auto crew = workers({kind()});
    EXPECT_EQ(run(crew), 0U);
    EXPECT_EQ(add({.kind = "work", .body = "4", .priority = 7, .unique = "u"}), first);  // sooner and higher
    run(crew);
    EXPECT_THAT(ran, ElementsAre("1"));
    EXPECT_NE(add({.kind = "work", .body = "5", .unique = "u"}), first);
}

TEST_P(QueueTest, MakesANewJobOfAUniqueNameWhileTheFirstRuns) {
    const JobId first = add({.kind = "work", .body = "1", .unique = "u"});
    std::vector<std::string> tries;
    JobId second;
    auto crew = workers({failing([&](Job& job) {
        tries.push_back(job.body + "/" + std::to_string(job.attempt));
        if (job.id == first && job.attempt == 1) {
            second = add({.kind = "work", .body = "2", .unique = "u"});
            return Verdict::again("no");  // the name is the other one's by now
        }
        return Verdict::done();
    })});
    run(crew);
    EXPECT_NE(second, first);
    clock.advance(1min);
    run(crew);
    EXPECT_THAT(tries, ElementsAre("1/1", "2/1", "1/2"));
}

TEST_P(QueueTest, KeepsAUniqueNameWhileItsJobWaitsForTheNextTry) {
    const JobId first = add({.kind = "work", .body = "1", .unique = "u"});
    int tries = 0;
    auto crew =
        workers({failing([&](Job&) { return ++tries == 1 ? Verdict::again("no") : Verdict::done(); })});
    run(crew);
    EXPECT_EQ(add({.kind = "work", .body = "2", .unique = "u"}), first);
    run(crew);
    EXPECT_EQ(tries, 1);  // and does not shorten the wait
    clock.advance(1min);
    run(crew);
    EXPECT_EQ(tries, 2);
}

TEST_P(QueueTest, EndsAJobTogetherWithItsEffect) {
    add({.kind = "work", .body = "effect"});
    auto crew = workers({failing([&](Job& job) -> Verdict {
        return store.write([&](store::Writer& w) -> Status {
            auto done = w.run("INSERT INTO effect (what) VALUES ($1)", {job.body});
            if (!done) return pass(done.error());
            if (auto ended = finish(w, job); !ended) return ended;
            return job.attempt == 1 ? Status(fail(ErrorCode::io, "the disk is full")) : Status();
        });
    })});
    run(crew);
    EXPECT_EQ(count().waiting, 1);  // both undone
    clock.advance(1min);
    run(crew);
    EXPECT_EQ(count().waiting + count().running, 0);
    EXPECT_TRUE(store.read([&](store::Reader& r) {
        return r.integer("SELECT count(*) FROM effect").map([](auto n) { EXPECT_EQ(n, 1); });
    }));
}

TEST_P(QueueTest, ListsSendsAndDropsDeadLetters) {
    std::vector<JobId> ids;
    for (const char* body : {"a", "b", "c", "d"})
        ids.push_back(
            add({.kind = body == std::string_view("d") ? "other" : "work", .body = body, .key = body}));
    auto give_up = [](Job&) { return Verdict::give_up("no"); };
    auto crew = workers({{.name = "work", .run = give_up}, {.name = "other", .run = give_up}});
    run(crew);
    const auto bodies = [](const std::vector<DeadLetter>& letters) {
        std::vector<std::string> all;
        for (const DeadLetter& one : letters) all.push_back(one.body);
        return all;
    };
    EXPECT_THAT(bodies(dead()), ElementsAre("d", "c", "b", "a"));
    EXPECT_THAT(bodies(dead({.kind = "work", .limit = 2})), ElementsAre("c", "b"));
    EXPECT_THAT(bodies(dead({.kind = "work", .below = ids[1], .limit = 2})), ElementsAre("a"));
    EXPECT_THAT(bodies(dead({.kind = "work", .key = "b"})), ElementsAre("b"));
    EXPECT_THAT(bodies(dead({.limit = 3, .oldest_first = true})), ElementsAre("a", "b", "c"));
    EXPECT_TRUE(store.write([&](store::Writer& w) { return drop(w, ids[0]); }));
    auto again = store.write([&](store::Writer& w) { return drop(w, ids[0]); });
    ASSERT_FALSE(again);
    EXPECT_EQ(again.error().code, ErrorCode::not_found);
    auto none =
        store.write([&](store::Writer& w) { return resend(w, ids[0], clock.now()).map([](JobId) {}); });
    ASSERT_FALSE(none);
    EXPECT_EQ(none.error().code, ErrorCode::not_found);
    EXPECT_TRUE(store.write([&](store::Writer& w) {
        return drop_dead_before(w, clock.now(), 1'000).map([](std::int64_t n) { EXPECT_EQ(n, 0); });
    }));
    EXPECT_TRUE(store.write([&](store::Writer& w) {
        return drop_dead_before(w, clock.now() + 1us, 2).map([](std::int64_t n) { EXPECT_EQ(n, 2); });
    }));
    EXPECT_THAT(dead(), SizeIs(1));
}

TEST_P(QueueTest, RefusesWorkersThatMeanNothing) {
    for (const Kind& kind :
         {Kind{.name = "", .run = [](Job&) { return Verdict::done(); }}, Kind{.name = "x", .run = {}},
          Kind{.name = "x", .run = [](Job&) { return Verdict::done(); }, .attempts = 0}}) {
        auto made = Workers::start(store, {kind}, {.clock = clock, .threads = 0});
        ASSERT_FALSE(made);
        EXPECT_EQ(made.error().code, ErrorCode::invalid);
    }
}

TEST(BackOff, IsTheSameForTheSameSeedAndStaysWithinItsBounds) {
    const Kind kind{.name = "x", .run = {}, .first_delay = 1s, .longest_delay = 1h};
    std::set<std::int64_t> different;
    for (int attempt = 1; attempt < 100; ++attempt) {
        const auto whole = attempt > 12 ? std::chrono::microseconds(1h)
                                        : std::chrono::microseconds(1s * (1 << (attempt - 1)));
        for (std::int64_t job = 1; job < 50; ++job) {
            const auto delay = delay_after(kind, {job}, attempt, 7);
            EXPECT_EQ(delay, delay_after(kind, {job}, attempt, 7));
            EXPECT_GE(delay, std::min<std::chrono::microseconds>(whole, 1h) / 2);
            EXPECT_LE(delay, std::min<std::chrono::microseconds>(whole, 1h));
            different.insert(delay.count());
        }
    }
    EXPECT_GT(different.size(), 4'800U);  // of 4,851
    EXPECT_EQ(delay_after({.name = "x", .run = {}, .first_delay = 0s}, {1}, 5, 7), 0s);
}

}  // namespace
}  // namespace rushlight::queue
