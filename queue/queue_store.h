// The tables of queue and every change of a job's state. docs/formats/queue.md has the states.
#pragma once

#include "queue/queue.h"

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace rushlight::queue {

inline constexpr std::string_view kTopic = "queue";  // announced when there may be something to take

// One kind that a worker would take jobs of.
struct Wanted {
    std::string kind;
    int most = 0;      // so many at once
    int attempts = 0;  // those that were started as often become dead letters instead
};

struct Taken {
    std::vector<Job> jobs;
    std::int64_t buried = 0;  // had had all their attempts
    bool lost = false;        // the worker counts as dead and got nothing: it has to join again
};

// What an idle worker wants to know.
struct Outlook {
    bool work = false;               // take() may give something
    std::optional<Time> next_due{};  // otherwise: when the next job's time comes
};

struct Neighbour {
    std::int64_t worker = 0;
    std::int64_t beat = 0;
};

// What a worker does; each call is a transaction of its own.
class QueueStore {
  public:
    explicit QueueStore(store::Store& store) : store_(&store) {}

    Result<std::int64_t> join();
    // A sign of life, and what was done since the last: false where the worker counts as dead.
    Result<bool> beat(std::int64_t worker, const std::map<std::string, std::int64_t>& done);
    Result<std::vector<Neighbour>> neighbours();
    // Ends a worker that still has this beat; puts its jobs back. How many; nullopt where it lives.
    Result<std::optional<std::int64_t>> bury_worker(const Neighbour& silent, Time now);
    // The worker's own end.
    Status leave(std::int64_t worker, Time now);

    Result<Outlook> look(const std::vector<Wanted>& wanted, Time now);
    // The best `limit` of the wanted kinds that can run now.
    Result<Taken> take(std::int64_t worker, const std::vector<Wanted>& wanted, int limit, Time now);
    // What the store says is in the hands of this worker: more than it knows of where an answer was lost.
    Result<std::vector<Job>> held_by(std::int64_t worker);

    // Each answers whether the job was still this worker's.
    Result<bool> end(Job& job);
    Result<bool> retry(const Job& job, Time due, std::string_view why);
    Result<bool> bury(const Job& job, std::string_view why, Time now);
    Result<bool> put_back(const Job& job);

  private:
    store::Store* store_;
};

}  // namespace rushlight::queue
