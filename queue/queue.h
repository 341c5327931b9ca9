// queue: durable work. A job is a row of the store, written in the transaction that has the reason for it,
// and it is there until a handler has finished it or it lies with the dead letters.
//
//   store.write([&](Writer& w) { return enqueue(w, {.kind = "mail.send", .body = json}, clock.now()); });
//
//   auto workers = Workers::start(store, {{.name = "mail.send", .run = [&](Job& job) -> Verdict {
//       return store.write([&](Writer& w) -> Status {   // the effect and the job's end are one
//           if (auto sent = note_sent(w, job.body); !sent) return sent;
//           return finish(w, job);
//       });
//   }}}, {.clock = clock});
//
// Once or more: a handler may run more than once for a job (its process was killed, its machine stood still,
// its last commit was lost with the network), never twice with success: so what it does outside of the store
// must be idempotent, and what it writes into the store goes into one transaction with finish(), which lets
// nothing through when the job was given to somebody else meanwhile. A handler that returns done() without
// having called finish() has its job ended for it, in a transaction of its own.
//
// Order: the highest priority first, then the lowest number. Jobs of one key run one after the other in the
// order of their numbers, which is the order in which their enqueuers committed, whatever their priority; a
// job that waits for its time or its next try makes its key wait; other keys overtake. A dead letter lets go
// of its key: one bad job does not stop the others for ever. Sent again, it is a new job at the key's end.
//
// Leases: the jobs that a process took are its own as long as it gives a sign of life, every fifth of
// Options::lease. Others put them back when they have seen none for a whole lease by their own steady clock,
// so a clock that jumps takes no job away from the living. A job that was started `attempts` times and never
// ended is a dead letter too: it may be what kills its process; from the second time on such jobs come back
// one a second, so that it does not take others along.
//
// Threads: everything may be called from any thread; handlers run on several at once. Errors as the store's;
// `invalid` for a job that breaks a limit below, `conflict` from finish(). Times by Options::clock.
//
// The method: rows with states, taken by SELECT … FOR UPDATE SKIP LOCKED where there are several writers
// (PostgreSQL's manual, SELECT, "The Locking Clause"); jittered exponential back-off. Tables and states:
// docs/formats/queue.md.
#pragma once

#include "base/result.h"
#include "base/time.h"
#include "store/store.h"

#include <chrono>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

namespace rushlight::queue {

store::Schema schema();

struct JobId {
    std::int64_t value = 0;  // from 1; rises in the order of enqueueing within a key
    auto operator<=>(const JobId&) const = default;
};

inline constexpr std::size_t kMostBody = std::size_t{1} << 20;  // bytes
inline constexpr std::size_t kMostName = 200;                   // bytes of a kind, a key, a unique name
inline constexpr int kHighestPriority = 100;
inline constexpr int kLowestPriority = -100;

struct NewJob {
    std::string_view kind;         // which handler: "message.deliver"
    std::string_view body;         // for the handler; UTF-8, JSON by custom
    std::string_view key = {};     // what has to happen in order; empty: nothing
    int priority = 0;              // the highest first
    Time not_before = {};          // not earlier than this
    std::string_view unique = {};  // a name; see enqueue()
};

// Within the caller's transaction: rolled back with it, and visible to workers when it commits.
// While a job of the same unique name waits (for its time, its turn or its next try), this is that job: it
// keeps its body and key, takes the higher priority, and the earlier time unless it waits for its next try.
// Once it runs, a new job is made: what was changed since is not missed.
Result<JobId> enqueue(store::Writer& writer, const NewJob& job, Time now);

// A job in the hands of a handler.
struct Job {
    JobId id{};
    std::string kind{};
    std::string body{};
    std::string key{};
    int attempt = 0;  // 1 the first time
    Time enqueued_at{};
    std::stop_token stopping{};  // the worker wants to end: a long handler may return put_back()

    std::int64_t worker = 0;  // whose it is; with `attempt` what finish() holds against the store
    bool finishing = false;   // finish() was called
};

// Ends the job in the caller's transaction. `conflict` where it is no longer this worker's: then everything
// in this transaction is undone, since another does it, or has done it.
Status finish(store::Writer& writer, Job& job);

// How a try ended.
class Verdict {
  public:
    enum class Outcome { done, again, give_up, put_back };

    static Verdict done() { return {Outcome::done, {}}; }
    static Verdict again(std::string why) { return {Outcome::again, std::move(why)}; }  // after the back-off
    static Verdict again_at(Time time, std::string why) {  // as the other side asked
        Verdict verdict(Outcome::again, std::move(why));
        verdict.time_ = time;
        return verdict;
    }
    static Verdict give_up(std::string why) {
        return {Outcome::give_up, std::move(why)};
    }  // a dead letter now
    static Verdict put_back() { return {Outcome::put_back, {}}; }  // not tried: does not count as an attempt
    // An error is tried again.
    // NOLINTNEXTLINE(google-explicit-constructor): a handler ends with `return store.write(…)`
    Verdict(Status status)
        : outcome_(status ? Outcome::done : Outcome::again),
          why_(status ? std::string() : std::move(status.error().message)) {}

    Outcome outcome() const { return outcome_; }
    const std::string& why() const { return why_; }
    std::optional<Time> time() const { return time_; }

  private:
    Verdict(Outcome outcome, std::string why) : outcome_(outcome), why_(std::move(why)) {}

    Outcome outcome_;
    std::string why_;
    std::optional<Time> time_{};
};

// What jobs of one kind need.
struct Kind {
    std::string name;
    // An exception that leaves it is a bug of ours and counts as again(its words).
    std::function<Verdict(Job&)> run;
    int attempts = 20;  // then it is a dead letter
    // The n-th try is followed by first_delay * 2^(n-1), at most longest_delay, of which a random share
    // between a half and the whole.
    std::chrono::microseconds first_delay = std::chrono::seconds(1);
    std::chrono::microseconds longest_delay = std::chrono::hours(1);
    int at_once = 0;  // at most so many of these run in this process; 0: as many as there are threads
};

// The pause after the given attempt (from 1); the same for the same seed, job and attempt.
std::chrono::microseconds delay_after(const Kind& kind, JobId job, int attempt, std::uint64_t seed);

struct Options {
    const Clock& clock = system_clock();
    int threads = 4;
    std::uint64_t seed = 0;                         // of the jitter
    std::chrono::milliseconds lease{20'000};        // more than the store's busy timeout
    std::chrono::milliseconds look_every{1'000};    // where no announcement comes
    std::function<void(const Error&)> report = {};  // a store that could not be reached, for the log
};

// What this process has done since it started.
struct Tally {
    std::int64_t done = 0;
    std::int64_t failed = 0;  // tries that are followed by another
    std::int64_t dead = 0;
    std::int64_t lost = 0;      // tries whose job had been given to another worker meanwhile
    std::int64_t put_back = 0;  // jobs of other workers that ended without a word
};

// Takes jobs of its kinds and runs them, as one of any number of processes on a store.
class Workers {
  public:
    // `invalid` where a kind has no name, no handler or a limit that means nothing.
    static Result<Workers> start(store::Store& store, std::vector<Kind> kinds, Options options);
    Workers(Workers&&) noexcept;
    Workers& operator=(Workers&&) noexcept;
    ~Workers();  // stop()

    // Takes no new jobs, waits for the running ones to end, and puts back what was taken and not begun.
    void stop();
    // With Options::threads = 0 nothing runs by itself, and this runs in the caller's thread what is due by
    // the clock, one after the other, until nothing is: for tests and for a command that works once.
    Result<std::size_t> run_due();
    Tally tally() const;

  private:
    class Crew;
    explicit Workers(std::unique_ptr<Crew> crew);

    std::unique_ptr<Crew> crew_;
};

// For metrics and people: one entry a kind of which there is, or was, a job.
struct Count {
    std::string kind{};
    std::int64_t waiting = 0;  // for its time, its turn or a free hand
    std::int64_t running = 0;
    std::int64_t dead = 0;
    std::int64_t done = 0;  // ever; done jobs are deleted, and a killed process's last ones not counted
    std::optional<Time> oldest_due{};  // of the waiting ones whose time has come
};
Result<std::vector<Count>> counts(store::Reader& reader, Time now);

struct DeadLetter {
    JobId id{};
    std::string kind{};
    std::string body{};
    std::string key{};
    int attempts = 0;
    Time enqueued_at{};
    Time died_at{};
    std::string why{};
};
struct DeadQuery {
    std::string_view kind = {};  // empty: all
    std::string_view key = {};   // empty: all
    JobId below = {};            // only lower numbers: the last one of the page before; 0: from the newest
    int limit = 50;              // 1 to 1,000
    bool oldest_first = false;
};
// The highest number first, unless asked otherwise.
Result<std::vector<DeadLetter>> dead_letters(store::Reader& reader, const DeadQuery& query);
// As a new job, due now; `not_found` where there is no such dead letter (any more).
Result<JobId> resend(store::Writer& writer, JobId dead, Time now);
Status drop(store::Writer& writer, JobId dead);
// Retention: drops up to `limit` of those that died earlier; returns how many.
Result<std::int64_t> drop_dead_before(store::Writer& writer, Time time, int limit = 1'000);

}  // namespace rushlight::queue
