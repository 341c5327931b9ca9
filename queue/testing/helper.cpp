// A process that works on a queue until it is killed: queue_test_helper WHERE LEASE-IN-MILLISECONDS.
//
// Says "begin N" when a job's handler begins, and "end N" when its effect and its end were stored. A
// "fragile" job kills its own process.
#include "queue/queue.h"

#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <mutex>
#include <string>

#include <unistd.h>

namespace rushlight::queue {
namespace {

store::Schema effects() {
    return {"effect",
            {{1, "effects",
              "CREATE TABLE effect (id INTEGER PRIMARY KEY AUTOINCREMENT, job INTEGER NOT NULL, key TEXT NOT "
              "NULL) STRICT;"}}};
}

void say(const std::string& line) {
    static std::mutex mutex;
    const std::lock_guard lock(mutex);
    std::puts(line.c_str());
    std::fflush(stdout);
}

int run(const char* where, int lease) {
    auto store = store::Store::open({.where = where, .schemas = {schema(), effects()}});
    if (!store) {
        say("error " + store.error().message);
        return 1;
    }
    const auto work = [&](Job& job) -> Verdict {
        say("begin " + job.body);
        if (job.body == "fragile") ::kill(::getpid(), SIGKILL);
        auto status = store->write([&](store::Writer& w) -> Status {
            auto done =
                w.run("INSERT INTO effect (job, key) VALUES ($1, $2)", {std::stoll(job.body), job.key});
            if (!done) return pass(done.error());
            return finish(w, job);
        });
        if (status) say("end " + job.body);
        return status;
    };
    auto workers = Workers::start(*store,
                                  {{.name = "work",
                                    .run = work,
                                    .attempts = 3,
                                    .first_delay = std::chrono::milliseconds(1),
                                    .longest_delay = std::chrono::milliseconds(10)}},
                                  {.threads = 3,
                                   .lease = std::chrono::milliseconds(lease),
                                   .look_every = std::chrono::milliseconds(50),
                                   .report = [](const Error& error) { say("report " + error.message); }});
    if (!workers) {
        say("error " + workers.error().message);
        return 1;
    }
    say("ready");
    std::getchar();
    workers->stop();
    return 0;
}

}  // namespace
}  // namespace rushlight::queue

int main(int count, char** words) {
    return count < 3 ? 2 : rushlight::queue::run(words[1], std::atoi(words[2]));
}
