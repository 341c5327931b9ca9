// What durable work costs: jobs a second enqueued and run on both stores, beside one-row commits of the same
// store.
//
//   queue_bench [--json] [--jobs N] [--where FOLDER]
//
// `ratio` is to the yardstick named beside it, from the same run. The PostgreSQL here does not wait for its
// disk.
#include "queue/queue.h"
#include "store/testing/postgres.h"

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <filesystem>
#include <functional>
#include <map>
#include <mutex>
#include <stdexcept>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

namespace rushlight::queue {
namespace {

using store::Durability;
using store::Store;
using store::Writer;

void must(const Status& status) {
    if (!status) throw std::runtime_error(status.error().message);
}

double seconds(const std::function<void()>& work) {
    const auto began = Steady::now();
    work();
    return std::chrono::duration<double>(Steady::now() - began).count();
}

class Report {
  public:
    explicit Report(bool json) : json_(json) {
        if (!json_) std::printf("%-58s %12s %8s  %s\n", "workload", "value", "ratio", "to");
    }
    void rate(const std::string& name, double rate, const std::string& yardstick = {}) {
        rates_[name] = rate;
        const double ratio = yardstick.empty() ? 0 : rate / rates_.at(yardstick);
        if (json_) {
            std::printf(R"({"bench":"queue","workload":"%s","rate":%.0f)", name.c_str(), rate);
            if (ratio > 0) std::printf(R"(,"yardstick":"%s","ratio":%.3f)", yardstick.c_str(), ratio);
            std::printf("}\n");
        } else if (ratio > 0) {
            std::printf("%-58s %10.0f/s %8.2f  %s\n", name.c_str(), rate, ratio, yardstick.c_str());
        } else {
            std::printf("%-58s %10.0f/s\n", name.c_str(), rate);
        }
        std::fflush(stdout);
    }
    void milliseconds(const std::string& name, double value) {
        if (json_) {
            std::printf(R"({"bench":"queue","workload":"%s","ms":%.3f})"
                        "\n",
                        name.c_str(), value);
        } else {
            std::printf("%-58s %10.2fms\n", name.c_str(), value);
        }
        std::fflush(stdout);
    }

  private:
    bool json_;
    std::map<std::string, double> rates_;
};

// `each` writes by each of so many threads; how many a second.
double writes(Store& store, int threads, int each, Durability durability,
              const std::function<Status(Writer&, int)>& work) {
    const double time = seconds([&] {
        std::vector<std::jthread> all;
        for (int t = 0; t < threads; ++t)
            all.emplace_back([&, t] {
                for (int i = 0; i < each; ++i)
                    must(store.write([&](Writer& w) { return work(w, t * each + i); }, durability));
            });
    });
    return threads * each / time;
}

Status commit_row(Writer& w, int i) {
    return w.run("INSERT INTO bench_row (body) VALUES ($1)", {std::to_string(i)}).map([](auto) {});
}

Status enqueue_one(Writer& w, std::string_view key = {}) {
    return enqueue(w, {.kind = "work", .body = R"({"endpoint":7,"event":"check.done"})", .key = key},
                   system_clock().now())
        .map([](JobId) {});
}

class Done {
  public:
    explicit Done(int wanted) : left_(wanted) {}
    void one() {
        const std::lock_guard lock(mutex_);
        if (--left_ == 0) all_.notify_all();
    }
    void wait() {
        std::unique_lock lock(mutex_);
        all_.wait(lock, [&] { return left_ <= 0; });
    }

  private:
    std::mutex mutex_;
    std::condition_variable all_;
    int left_;
};

// Jobs that lie there are done; `with_effect`: each with a row of its own in the transaction that ends it.
double drain(Store& store, int jobs, int threads, bool with_effect) {
    Done done(jobs);
    const auto run = [&](Job& job) -> Verdict {
        Status status;
        if (with_effect)
            status = store.write([&](Writer& w) -> Status {
                if (auto row = commit_row(w, 0); !row) return row;
                return finish(w, job);
            });
        if (status) done.one();
        return status;
    };
    const double time = seconds([&] {
        auto workers = Workers::start(store, {{.name = "work", .run = run}}, {.threads = threads});
        if (!workers) throw std::runtime_error(workers.error().message);
        done.wait();
        workers->stop();
    });
    return jobs / time;
}

void fill(Store& store, int jobs, int keys) {
    for (int begin = 0; begin < jobs; begin += 1'000)
        must(store.write([&](Writer& w) -> Status {
            for (int i = begin; i < std::min(begin + 1'000, jobs); ++i)
                if (auto made = enqueue_one(w, keys == 0 ? "" : "key" + std::to_string(i % keys)); !made)
                    return made;
            return {};
        }));
}

void measure(Report& report, const std::string& name, const std::string& where, int jobs) {
    auto opened = Store::open(
        {.where = where,
         .schemas = {schema(),
                     {"bench",
                      {{1, "row",
                        "CREATE TABLE bench_row (id INTEGER PRIMARY KEY, body TEXT NOT NULL) STRICT;"}}}},
         .readers = 16});
    if (!opened) throw std::runtime_error(opened.error().message);
    Store& store = *opened;
    const std::string quick = name + ", one-row commits, 1 thread, process";
    const std::string durable = name + ", one-row commits, 8 threads, power_cut";
    report.rate(quick, writes(store, 1, jobs / 4, Durability::process, commit_row));
    report.rate(durable, writes(store, 8, jobs / 80, Durability::power_cut, commit_row));

    const auto one = [](Writer& w, int) { return enqueue_one(w); };
    const auto keyed = [](Writer& w, int i) { return enqueue_one(w, "key" + std::to_string(i % 50)); };
    report.rate(name + ", enqueue, 8 threads, power_cut",
                writes(store, 8, jobs / 80, Durability::power_cut, one), durable);
    report.rate(name + ", enqueue with a key of 50, 8 threads, power_cut",
                writes(store, 8, jobs / 80, Durability::power_cut, keyed), durable);
    drain(store, jobs / 80 * 16, 4, false);

    report.rate(name + ", enqueue, 1,000 a transaction", jobs / seconds([&] { fill(store, jobs, 0); }),
                quick);
    report.rate(name + ", run, 4 threads", drain(store, jobs, 4, false), quick);
    fill(store, jobs, 50);
    report.rate(name + ", run with 50 keys, 4 threads", drain(store, jobs, 4, false), quick);
    fill(store, jobs / 4, 0);
    report.rate(name + ", run with an effect, power_cut, 16 threads", drain(store, jobs / 4, 16, true),
                durable);

    // From enqueue() until the handler begins, one at a time, in another process's place.
    auto other = Store::open({.where = where, .schemas = {schema(), {"bench", {{1, "row", ""}}}}});
    if (!other) throw std::runtime_error(other.error().message);
    for (Store* enqueuer : {&store, &*other}) {
        std::atomic<std::int64_t> began = 0;
        std::mutex mutex;
        std::condition_variable came;
        const auto run = [&](Job&) {
            began = Steady::now().time_since_epoch().count();
            const std::lock_guard lock(mutex);
            came.notify_all();
            return Verdict::done();
        };
        auto workers = Workers::start(store, {{.name = "work", .run = run}}, {});
        if (!workers) throw std::runtime_error(workers.error().message);
        std::vector<double> times;
        for (int i = 0; i < 200; ++i) {
            std::this_thread::sleep_for(std::chrono::milliseconds(5 + i % 30));  // until they rest
            began = 0;
            must(enqueuer->write([](Writer& w) { return enqueue_one(w); }, Durability::process));
            const std::int64_t committed = Steady::now().time_since_epoch().count();
            std::unique_lock lock(mutex);
            came.wait(lock, [&] { return began != 0; });
            times.push_back(std::max<double>(0, static_cast<double>(began - committed) / 1e6));
        }
        std::ranges::sort(times);
        const std::string who = enqueuer == &store ? ", the same process" : ", another process";
        report.milliseconds(name + ", committed to begun, p50" + who, times[100]);
        report.milliseconds(name + ", committed to begun, p99" + who, times[198]);
    }
}

int run(int count, char** words) {
    bool json = false;
    int jobs = 20'000;
    std::string where = std::filesystem::temp_directory_path().string();
    for (int i = 1; i < count; ++i) {
        const std::string_view word = words[i];
        if (word == "--json") json = true;
        if (word == "--jobs" && i + 1 < count) jobs = std::max(800, std::atoi(words[++i]));
        if (word == "--where" && i + 1 < count) where = words[++i];
    }
    std::string folder = where + "/rushlight-bench-XXXXXX";
    if (::mkdtemp(folder.data()) == nullptr) throw std::runtime_error("cannot make " + folder);
    Report report(json);
    measure(report, "sqlite", folder, jobs);
    std::filesystem::remove_all(folder);
    auto& server = store::testing::PostgresServer::shared();
    measure(report, "postgresql", server.address(server.create_database()), jobs);
    return 0;
}

}  // namespace
}  // namespace rushlight::queue

int main(int count, char** words) {
    try {
        return rushlight::queue::run(count, words);
    } catch (const std::exception& error) {
        std::fprintf(stderr, "queue_bench: %s\n", error.what());
        return 1;
    }
}
