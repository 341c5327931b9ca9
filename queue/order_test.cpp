// The rules of order against a plain model: a list of jobs, searched from end to end.
#include "queue/queue_store.h"
#include "queue/testing/manual_clock.h"
#include "store/testing/place.h"

#include <algorithm>
#include <cstdlib>
#include <random>
#include <tuple>

#include <gtest/gtest.h>

namespace rushlight::queue {
namespace {

using namespace std::chrono_literals;

struct ModelJob {
    JobId id;
    std::string kind;
    std::string key;
    std::string unique;
    bool holds_name = false;
    int priority = 0;
    Time due;
    int attempt = 0;
    std::int64_t worker = 0;  // 0: waits
};

class Model {
  public:
    std::vector<ModelJob> jobs;  // the living ones, by number
    std::vector<ModelJob> dead;

    ModelJob* named(const std::string& unique) {
        for (ModelJob& job : jobs)
            if (!unique.empty() && job.unique == unique && job.holds_name) return &job;
        return nullptr;
    }
    ModelJob& at(JobId id) {
        return *std::ranges::find_if(jobs, [&](const ModelJob& job) { return job.id == id; });
    }
    void remove(JobId id) {
        std::erase_if(jobs, [&](const ModelJob& job) { return job.id == id; });
    }
    void bury(JobId id) {
        dead.push_back(at(id));
        remove(id);
    }
    void wait_again(ModelJob& job) {
        job.worker = 0;
        if (named(job.unique) == nullptr) job.holds_name = !job.unique.empty();
    }
    bool can_run(const ModelJob& job, Time now) const {
        if (job.worker != 0 || job.due > now) return false;
        return job.key.empty() || std::ranges::none_of(jobs, [&](const ModelJob& other) {
                   return other.key == job.key && other.id < job.id;
               });
    }
    std::vector<JobId> take(std::int64_t worker, const std::vector<Wanted>& wanted, int limit, Time now) {
        std::vector<std::pair<ModelJob, int>> best;  // with its kind's attempts
        for (const Wanted& kind : wanted) {
            std::vector<std::pair<ModelJob, int>> of_kind;
            for (const ModelJob& job : jobs)
                if (job.kind == kind.kind && can_run(job, now)) of_kind.emplace_back(job, kind.attempts);
            sort(of_kind);
            of_kind.resize(std::min(of_kind.size(), static_cast<std::size_t>(std::min(limit, kind.most))));
            best.insert(best.end(), of_kind.begin(), of_kind.end());
        }
        sort(best);
        std::vector<JobId> taken;
        for (const auto& [job, attempts] : best) {
            if (job.attempt >= attempts) {
                bury(job.id);
                continue;
            }
            if (std::ssize(taken) == limit) break;
            ModelJob& mine = at(job.id);
            mine.worker = worker;
            mine.holds_name = false;
            ++mine.attempt;
            taken.push_back(job.id);
        }
        return taken;
    }

  private:
    static void sort(std::vector<std::pair<ModelJob, int>>& list) {
        std::ranges::sort(list, [](const auto& a, const auto& b) {
            return std::tuple(-a.first.priority, a.first.id) < std::tuple(-b.first.priority, b.first.id);
        });
    }
};

class OrderTest : public ::testing::TestWithParam<store::testing::Kind> {
  protected:
    store::testing::Place place{GetParam()};
    store::Store store = store::testing::open(place, {schema()});
    QueueStore queue{store};
    testing::ManualClock clock;
    Model model;
    std::mt19937 random;

    int below(int most) { return static_cast<int>(random() % static_cast<unsigned>(most)); }
    std::string pick(std::initializer_list<const char*> names) {
        return *(names.begin() + below(static_cast<int>(names.size())));
    }
    template <class Work>
    void write(Work&& work) {
        const auto status = store.write(work, store::Durability::process);
        ASSERT_TRUE(status) << status.error().message;
    }

    void enqueue_one() {
        const std::string kind = pick({"a", "b", "c"});
        const std::string key = pick({"", "", "k", "l"});
        const std::string unique = pick({"", "", "", "u", "v"});
        const int priority = below(3) - 1;
        const Time not_before = below(3) == 0 ? clock.now() + std::chrono::seconds(below(20)) : Time{};
        JobId id;
        write([&](store::Writer& w) {
            return enqueue(w,
                           {.kind = kind,
                            .body = "body",
                            .key = key,
                            .priority = priority,
                            .not_before = not_before,
                            .unique = unique},
                           clock.now())
                .map([&](JobId made) { id = made; });
        });
        expect_enqueued(id, {.id = id,
                             .kind = kind,
                             .key = key,
                             .unique = unique,
                             .holds_name = !unique.empty(),
                             .priority = priority,
                             .due = std::max(not_before, clock.now())});
    }
    void expect_enqueued(JobId id, const ModelJob& job) {
        if (ModelJob* same = model.named(job.unique)) {
            EXPECT_EQ(id, same->id);
            same->priority = std::max(same->priority, job.priority);
            if (same->attempt == 0) same->due = std::min(same->due, job.due);
            return;
        }
        for (const ModelJob& other : model.jobs) EXPECT_LT(other.id, id);
        model.jobs.push_back(job);
    }

    std::vector<std::int64_t> workers;
    std::vector<Job> held;

    void take_some() {
        std::vector<Wanted> wanted;
        for (const char* kind : {"a", "b", "c"})
            if (below(4) > 0) wanted.push_back({.kind = kind, .most = 1 + below(3), .attempts = 3});
        const int limit = 1 + below(4);
        const std::int64_t worker = workers[static_cast<std::size_t>(below(std::ssize(workers)))];
        const auto expected = model.take(worker, wanted, limit, clock.now());
        auto taken = queue.take(worker, wanted, limit, clock.now());
        ASSERT_TRUE(taken) << taken.error().message;
        std::vector<JobId> ids;
        for (Job& job : taken->jobs) {
            ids.push_back(job.id);
            held.push_back(std::move(job));
        }
        ASSERT_EQ(ids, expected);
    }

    void end_one() {
        if (held.empty()) return;
        const auto at = held.begin() + below(std::ssize(held));
        Job job = *at;
        held.erase(at);
        const auto mine = std::ranges::find_if(model.jobs, [&](const ModelJob& one) {
            return one.id == job.id && one.worker == job.worker && one.attempt == job.attempt;
        });
        const bool ours = mine != model.jobs.end();
        Result<bool> stored = false;
        const Time due = clock.now() + std::chrono::seconds(below(10));
        switch (below(4)) {
            case 0:
                stored = queue.retry(job, due, "no luck");
                if (ours) {
                    mine->due = due;
                    model.wait_again(*mine);
                }
                break;
            case 1:
                stored = queue.bury(job, "no hope", clock.now());
                if (ours) model.bury(job.id);
                break;
            case 2:
                stored = queue.put_back(job);
                if (ours) {
                    --mine->attempt;
                    model.wait_again(*mine);
                }
                break;
            default:
                stored = queue.end(job);
                if (ours) model.remove(job.id);
        }
        ASSERT_TRUE(stored) << stored.error().message;
        ASSERT_EQ(*stored, ours);
    }

    void kill_a_worker() {
        const auto at = workers.begin() + below(std::ssize(workers));
        auto all = queue.neighbours();
        ASSERT_TRUE(all);
        const auto victim =
            std::ranges::find_if(*all, [&](const Neighbour& one) { return one.worker == *at; });
        ASSERT_NE(victim, all->end());
        auto buried = queue.bury_worker(*victim, clock.now());
        ASSERT_TRUE(buried) << buried.error().message;
        ASSERT_TRUE(buried->has_value());
        std::int64_t back = 0;
        std::chrono::seconds wait{0};
        for (ModelJob& job : model.jobs)
            if (job.worker == *at) {
                job.due = clock.now();
                if (job.attempt > 1) job.due = clock.now() + wait++;
                model.wait_again(job);
                ++back;
            }
        EXPECT_EQ(**buried, back);
        // What it still holds is worth nothing now: end_one() will find that out.
        auto joined = queue.join();
        ASSERT_TRUE(joined);
        *at = *joined;
    }

    void resend_one() {
        if (model.dead.empty()) return;
        const auto at = model.dead.begin() + below(std::ssize(model.dead));
        ModelJob job = *at;
        model.dead.erase(at);
        JobId id;
        write([&](store::Writer& w) {
            return resend(w, job.id, clock.now()).map([&](JobId made) { id = made; });
        });
        job.id = id;
        job.attempt = 0;
        job.worker = 0;
        job.due = clock.now();
        job.holds_name = !job.unique.empty();
        expect_enqueued(id, job);
    }

    void compare_counts() {
        std::int64_t waiting = 0;
        std::int64_t running = 0;
        std::int64_t dead = 0;
        ASSERT_TRUE(store.read([&](store::Reader& r) {
            return counts(r, clock.now()).map([&](const std::vector<Count>& all) {
                for (const Count& one : all) {
                    waiting += one.waiting;
                    running += one.running;
                    dead += one.dead;
                }
            });
        }));
        EXPECT_EQ(running,
                  std::ranges::count_if(model.jobs, [](const ModelJob& job) { return job.worker != 0; }));
        EXPECT_EQ(waiting + running, std::ssize(model.jobs));
        EXPECT_EQ(dead, std::ssize(model.dead));
    }
};
INSTANTIATE_TEST_SUITE_P(, OrderTest, store::testing::both(), store::testing::name_of);

TEST_P(OrderTest, IsThatOfThePlainModel) {
    for (int i = 0; i < 3; ++i) workers.push_back(queue.join().value_or(0));
    const int steps = std::getenv("RUSHLIGHT_SOAK") != nullptr ? 50'000 : 2'500;
    random.seed(20'261'124);
    for (int step = 0; step < steps && !HasFatalFailure(); ++step) {
        SCOPED_TRACE(step);
        const int what = below(100);
        if (what < 30) {
            enqueue_one();
        } else if (what < 60) {
            take_some();
        } else if (what < 88) {
            end_one();
        } else if (what < 94) {
            clock.advance(std::chrono::seconds(below(5)));
        } else if (what < 96) {
            kill_a_worker();
        } else {
            resend_one();
        }
        if (step % 50 == 0) compare_counts();
    }
    // At the end everything can be done: nothing stands still for ever.
    while (!held.empty() && !HasFatalFailure()) end_one();
    for (int round = 0; !model.jobs.empty() && round < 5'000 && !HasFatalFailure(); ++round) {
        clock.advance(1min);
        take_some();
        while (!held.empty() && !HasFatalFailure()) end_one();
    }
    EXPECT_TRUE(model.jobs.empty());
    compare_counts();
}

}  // namespace
}  // namespace rushlight::queue
