// The threads of one process that work on the queue, and what they know of each other.
//
// One thread takes jobs for all (the foreman: it alone takes, so it knows what the store thinks this worker
// holds), one listens for announcements, the others run handlers.
#pragma once

#include "queue/queue_store.h"

#include <condition_variable>
#include <deque>
#include <map>
#include <mutex>
#include <set>
#include <thread>
#include <utility>

namespace rushlight::queue {

class Workers::Crew {
  public:
    Crew(store::Store& store, std::vector<Kind> kinds, Options options);
    ~Crew() { stop(); }

    Status join();
    Status start();
    void stop();
    Result<std::size_t> run_due();
    Tally tally() const;

  private:
    void lead();
    void listen(store::Watch& watch);
    void work();

    // What could be taken now, by the limits of each kind.
    std::vector<Wanted> wanted() const;
    int room(bool plenty) const;
    Result<std::vector<Job>> take(int limit);
    Status live(Steady::time_point now);
    Status let_go_of_unknown();
    void hold(const Job& job, int change);

    // Runs one job's handler and stores how it ended.
    void run(Job& job);
    Verdict call(const Kind& kind, Job& job);
    void settle(const Kind& kind, Job& job, const Verdict& verdict);
    Result<bool> settle_once(const Kind& kind, Job& job, const Verdict& verdict);

    void report(const Error& error) const;
    void poke();
    // Until poked, stopped, or the time is over.
    void rest(std::chrono::microseconds longest);

    QueueStore store_;
    store::Store& place_;
    const std::map<std::string, Kind, std::less<>> kinds_;
    const Options options_;
    std::stop_source stop_;

    // The foreman's own, or run_due()'s.
    std::int64_t worker_ = 0;
    bool doubtful_ = false;  // an answer was lost: the store may think we hold more than we know of
    Steady::time_point last_beat_;
    struct Seen {
        std::int64_t beat = 0;
        Steady::time_point since;
    };
    std::map<std::int64_t, Seen> seen_;  // the signs of life of all workers

    mutable std::mutex mutex_;
    std::condition_variable_any moved_;    // for the foreman, and who waits for the store
    std::condition_variable_any handing_;  // for the hands: one more job in handed_
    bool poked_ = false;
    std::deque<Job> handed_;                           // taken and not begun
    std::map<std::string, int, std::less<>> running_;  // of each kind, handed ones included
    std::set<std::pair<JobId, int>> held_;             // the same: number and attempt
    std::map<std::string, std::int64_t> done_;         // since the last sign of life
    Tally tally_;
    Steady::duration usual_{std::chrono::seconds(1)};  // how long a job takes here, the last ones most

    std::vector<std::thread> threads_;
};

}  // namespace rushlight::queue
