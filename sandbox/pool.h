// The pool's inside, shared by pool.cpp (children and turns) and job.cpp (what a caller does with one).
#pragma once

#include "sandbox/process.h"

#include <condition_variable>
#include <deque>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

namespace rushlight::sandbox {

struct Pool::State {
    explicit State(Options wanted);
    ~State();  // no job may be left

    // A slot is held while a child computes for a job: from start or send to the answer. Waits in turn for a
    // free one where it may, unless the calling thread holds one already (it would wait for itself).
    void take_slot(bool may_wait);
    void free_slot(std::thread::id owner);

    Result<std::unique_ptr<Process>> take_child(Submitter submitter);
    void give_back(std::unique_ptr<Process> child);
    void retire(std::unique_ptr<Process> child);  // call with the lock held

    const Options options;

    std::mutex mutex;
    Counts totals;
    std::uint64_t lent = 0;  // jobs that exist
    std::condition_variable all_returned;

    struct Waiter {
        std::thread::id thread;
        std::condition_variable granted_now;
        bool granted = false;
    };
    std::vector<std::thread::id> active;  // one for each slot held
    std::deque<Waiter*> waiting;          // first come, first served

    std::deque<std::unique_ptr<Process>> fresh;  // started, for anybody
    std::deque<std::unique_ptr<Process>> idle;  // each for its own submitter; the front was used least lately
    std::vector<std::unique_ptr<Process>> retired;
    std::size_t wanted = 0;            // threads waiting for a fresh one
    std::uint64_t attempts = 0;        // to start a child, so far; the newest may still be under way
    std::uint64_t failed_attempt = 0;  // the newest that failed
    Error last_failure;
    bool spares_wanted = false;  // from the first job on; not after a failure, until the next job
    bool stopping = false;
    std::condition_variable arrived;  // a fresh child, or a failure to start one
    std::condition_variable work;     // for the keeper

  private:
    void keep();
    bool too_few() const;

    std::thread keeper;  // last: it uses all of the above
};

struct Job::State {
    std::shared_ptr<Pool::State> pool;
    std::unique_ptr<Process> child;  // none once it has failed
    std::thread::id slot_owner;
    bool has_slot = false;
    bool half_done = false;
    std::chrono::steady_clock::time_point deadline;
    Problem failure;

    ~State();
    void take_slot();
    void free_slot();
    Problem give_up(const wire::Broken& broken);
};

}  // namespace rushlight::sandbox
