#include "queue/crew.h"

#include <algorithm>
#include <exception>

namespace rushlight::queue {
namespace {

using namespace std::chrono_literals;

constexpr auto kAfterTrouble = 500ms;  // before a store that failed is asked again
constexpr auto kShort = 20ms;          // jobs of which some may be in stock
constexpr int kStock = 3;              // of them for each thread, the running one included

std::map<std::string, Kind, std::less<>> by_name(std::vector<Kind> kinds) {
    std::map<std::string, Kind, std::less<>> map;
    for (Kind& kind : kinds) map.emplace(kind.name, std::move(kind));
    return map;
}

}  // namespace

Workers::Crew::Crew(store::Store& store, std::vector<Kind> kinds, Options options)
    : store_(store), place_(store), kinds_(by_name(std::move(kinds))), options_(std::move(options)) {}

Status Workers::Crew::join() {
    auto joined = store_.join();
    if (!joined) return pass(std::move(joined.error()));
    worker_ = *joined;
    last_beat_ = Steady::now();
    return {};
}

Status Workers::Crew::start() {
    if (auto joined = join(); !joined) return joined;
    if (options_.threads == 0) return {};
    auto watch = place_.watch(kTopic);
    if (!watch) return pass(std::move(watch.error()));
    threads_.emplace_back([this, own = std::move(*watch)]() mutable { listen(own); });
    for (int i = 0; i < options_.threads; ++i) threads_.emplace_back([this] { work(); });
    threads_.emplace_back([this] { lead(); });
    return {};
}

void Workers::Crew::stop() {
    stop_.request_stop();  // wakes everybody
    for (std::thread& thread : threads_) thread.join();
    threads_.clear();
    if (worker_ == 0) return;
    for (const Job& job : handed_)
        if (auto back = store_.put_back(job); !back) report(back.error());
    handed_.clear();
    if (auto counted = store_.beat(worker_, done_); !counted) report(counted.error());
    if (auto left = store_.leave(worker_, options_.clock.now()); !left) report(left.error());
    worker_ = 0;
}

Tally Workers::Crew::tally() const {
    const std::lock_guard lock(mutex_);
    return tally_;
}

void Workers::Crew::report(const Error& error) const {
    if (options_.report) options_.report(error);
}

void Workers::Crew::poke() {
    {
        const std::lock_guard lock(mutex_);
        poked_ = true;
    }
    moved_.notify_all();
}

void Workers::Crew::rest(std::chrono::microseconds longest) {
    std::unique_lock lock(mutex_);
    moved_.wait_for(lock, stop_.get_token(), std::clamp<std::chrono::microseconds>(longest, 0us, 1h),
                    [&] { return poked_; });
    poked_ = false;
}

void Workers::Crew::listen(store::Watch& watch) {
    while (!stop_.stop_requested())
        if (watch.wait_for_change(1min, stop_.get_token())) poke();
}

std::vector<Wanted> Workers::Crew::wanted() const {
    std::vector<Wanted> all;
    const std::lock_guard lock(mutex_);
    for (const auto& [name, kind] : kinds_) {
        const auto running = running_.find(name);
        const int busy = running == running_.end() ? 0 : running->second;
        const int most = kind.at_once > 0 ? kind.at_once - busy : INT32_MAX;
        if (most > 0) all.push_back({.kind = name, .most = most, .attempts = kind.attempts});
    }
    return all;
}

void Workers::Crew::hold(const Job& job, int change) {
    const std::lock_guard lock(mutex_);
    running_[job.kind] += change;
    if (change > 0) {
        held_.emplace(job.id, job.attempt);
    } else {
        held_.erase({job.id, job.attempt});
    }
}

// A sign of life every fifth of a lease, and a look at the others'.
Status Workers::Crew::live(Steady::time_point now) {
    if (now - last_beat_ < options_.lease / 5 && !seen_.empty()) return {};
    std::map<std::string, std::int64_t> done;
    {
        const std::lock_guard lock(mutex_);
        done.swap(done_);
    }
    auto alive = store_.beat(worker_, done);
    if (!alive) {
        const std::lock_guard lock(mutex_);
        for (const auto& [kind, count] : done) done_[kind] += count;
        return pass(std::move(alive.error()));
    }
    last_beat_ = now;
    if (!*alive)
        if (auto joined = join(); !joined) return joined;

    auto others = store_.neighbours();
    if (!others) return pass(std::move(others.error()));
    std::map<std::int64_t, Seen> seen;
    for (const Neighbour& other : *others) {
        const auto before = seen_.find(other.worker);
        Seen& mine = seen[other.worker] = {.beat = other.beat, .since = now};
        if (before != seen_.end() && before->second.beat == other.beat) mine.since = before->second.since;
        if (other.worker == worker_ || now - mine.since < options_.lease) continue;
        auto buried = store_.bury_worker(other, options_.clock.now());
        if (!buried) return pass(std::move(buried.error()));
        const std::lock_guard lock(mutex_);
        tally_.put_back += buried->value_or(0);
    }
    seen_ = std::move(seen);
    return {};
}

// After a lost answer: jobs that the store gave us and we never heard of.
Status Workers::Crew::let_go_of_unknown() {
    auto all = store_.held_by(worker_);
    if (!all) return pass(std::move(all.error()));
    for (const Job& job : *all) {
        {
            const std::lock_guard lock(mutex_);
            if (held_.contains({job.id, job.attempt})) continue;
        }
        if (auto back = store_.put_back(job); !back) return pass(std::move(back.error()));
    }
    doubtful_ = false;
    return {};
}

Result<std::vector<Job>> Workers::Crew::take(int limit) {
    if (doubtful_)
        if (auto sure = let_go_of_unknown(); !sure) return pass(std::move(sure.error()));
    auto taken = store_.take(worker_, wanted(), limit, options_.clock.now());
    if (taken && taken->jobs.empty() && taken->buried > 0) {  // there may be more behind what died
        {
            const std::lock_guard lock(mutex_);
            tally_.dead += taken->buried;
        }
        return take(limit);
    }
    if (!taken) {
        doubtful_ = true;
        return pass(std::move(taken.error()));
    }
    if (taken->lost) {
        if (auto joined = join(); !joined) return pass(std::move(joined.error()));
        return take(limit);
    }
    {
        const std::lock_guard lock(mutex_);
        tally_.dead += taken->buried;
    }
    for (const Job& job : taken->jobs) hold(job, +1);
    return std::move(taken->jobs);
}

// One job for each free hand; where there is plenty of short ones, some in stock, so that one transaction
// takes several. Long ones are not stocked: another process may have a free hand.
int Workers::Crew::room(bool plenty) const {
    const std::lock_guard lock(mutex_);
    const int held = static_cast<int>(held_.size());
    if (plenty && usual_ < kShort && held <= options_.threads) return kStock * options_.threads - held;
    return options_.threads - held;
}

void Workers::Crew::lead() {
    bool plenty = false;  // the last look gave all that was asked for
    while (!stop_.stop_requested()) {
        if (auto alive = live(Steady::now()); !alive) {
            report(alive.error());
            rest(kAfterTrouble);
            continue;
        }
        const int idle = room(plenty);
        const auto until_beat = std::chrono::duration_cast<std::chrono::microseconds>(
            last_beat_ + options_.lease / 5 - Steady::now());
        if (idle <= 0) {
            rest(std::max<std::chrono::microseconds>(until_beat, 1ms));
            continue;
        }
        std::chrono::microseconds wait = std::min<std::chrono::microseconds>(options_.look_every, until_beat);
        Status status;
        bool work = plenty;
        if (!work) {
            const Time now = options_.clock.now();
            auto outlook = store_.look(wanted(), now);
            if (outlook) {
                work = outlook->work;
                if (outlook->next_due) wait = std::min(wait, *outlook->next_due - now);
            } else {
                status = pass(std::move(outlook.error()));
            }
        }
        if (status && work) {
            auto jobs = take(idle);
            if (jobs) {
                plenty = std::ssize(*jobs) == idle;
                const bool some = !jobs->empty();
                {
                    const std::lock_guard lock(mutex_);
                    for (Job& job : *jobs) {
                        handed_.push_back(std::move(job));
                        handing_.notify_one();
                    }
                }
                if (some) continue;
            } else {
                status = pass(std::move(jobs.error()));
            }
        }
        plenty = false;
        if (!status) report(status.error());
        rest(status ? std::max<std::chrono::microseconds>(wait, 1ms) : kAfterTrouble);
    }
}

void Workers::Crew::work() {
    for (;;) {
        Job job;
        {
            std::unique_lock lock(mutex_);
            if (!handing_.wait(lock, stop_.get_token(), [&] { return !handed_.empty(); })) return;
            if (stop_.stop_requested()) return;
            job = std::move(handed_.front());
            handed_.pop_front();
        }
        run(job);
        poke();
    }
}

Result<std::size_t> Workers::Crew::run_due() {
    if (options_.threads != 0)
        return fail(ErrorCode::invalid, "run_due() is for workers without threads of their own");
    for (std::size_t count = 0;; ++count) {
        if (auto alive = live(Steady::now()); !alive) return pass(std::move(alive.error()));
        auto jobs = take(1);
        if (!jobs) return pass(std::move(jobs.error()));
        if (jobs->empty()) return count;
        run(jobs->front());
    }
}

void Workers::Crew::run(Job& job) {
    const Kind& kind = kinds_.find(job.kind)->second;
    job.stopping = stop_.get_token();
    const auto began = Steady::now();
    const Verdict verdict = call(kind, job);
    settle(kind, job, verdict);
    hold(job, -1);
    const std::lock_guard lock(mutex_);
    usual_ += (Steady::now() - began - usual_) / 8;
}

Verdict Workers::Crew::call(const Kind& kind, Job& job) {
    try {
        return kind.run(job);
    } catch (const std::exception& bug) {
        return Verdict::again(std::string("the handler threw: ") + bug.what());
    } catch (...) {
        return Verdict::again("the handler threw something that is no exception");
    }
}

// Where the store is out of reach the outcome is kept until it is stored, or, when a stop was asked for, left
// to the lease.
void Workers::Crew::settle(const Kind& kind, Job& job, const Verdict& verdict) {
    for (;;) {
        auto settled = settle_once(kind, job, verdict);
        if (settled) {
            const std::lock_guard lock(mutex_);
            if (!*settled) {
                ++tally_.lost;
            } else if (verdict.outcome() == Verdict::Outcome::done) {
                ++tally_.done;
                ++done_[kind.name];
            } else if (verdict.outcome() == Verdict::Outcome::give_up ||
                       (verdict.outcome() == Verdict::Outcome::again && job.attempt >= kind.attempts)) {
                ++tally_.dead;
            } else if (verdict.outcome() == Verdict::Outcome::again) {
                ++tally_.failed;
            }
            return;
        }
        report(settled.error());
        if (stop_.stop_requested() || options_.threads == 0) return;
        std::unique_lock lock(mutex_);
        moved_.wait_for(lock, stop_.get_token(), kAfterTrouble, [] { return false; });
    }
}

Result<bool> Workers::Crew::settle_once(const Kind& kind, Job& job, const Verdict& verdict) {
    const Time now = options_.clock.now();
    switch (verdict.outcome()) {
        case Verdict::Outcome::done:
            if (job.finishing) return true;  // in the handler's own transaction
            return store_.end(job);
        case Verdict::Outcome::give_up:
            return store_.bury(job, verdict.why(), now);
        case Verdict::Outcome::put_back:
            return store_.put_back(job);
        case Verdict::Outcome::again:
            if (job.attempt >= kind.attempts) return store_.bury(job, verdict.why(), now);
            const Time next =
                verdict.time().value_or(now + delay_after(kind, job.id, job.attempt, options_.seed));
            return store_.retry(job, next, verdict.why());
    }
    return false;
}

}  // namespace rushlight::queue
