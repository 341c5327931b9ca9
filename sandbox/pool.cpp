// The pool: who may have a child when, and who starts the next one.
//
// One thread, the keeper, starts and reaps all children: it prepares the next one while others work, and
// since a child asks the kernel to be killed when the thread that started it ends, no child outlives us,
// not even one that loops for ever when we are killed.
#include "sandbox/pool.h"

#include <algorithm>
#include <iterator>
#include <optional>

namespace rushlight::sandbox {
namespace {
constexpr std::chrono::milliseconds kReapEvery{20};  // how often we look whether a killed child is gone
}

Pool::State::State(Options wanted) : options(std::move(wanted)), keeper([this] { keep(); }) {}

Pool::State::~State() {
    {
        std::lock_guard lock(mutex);
        stopping = true;
    }
    work.notify_all();
    keeper.join();
}

// ---- slots: how many children compute at once

void Pool::State::take_slot(bool may_wait) {
    std::unique_lock lock(mutex);
    const auto me = std::this_thread::get_id();
    const bool holds_one = std::find(active.begin(), active.end(), me) != active.end();
    if (!may_wait || holds_one || (active.size() < options.children && waiting.empty())) {
        active.push_back(me);
        return;
    }
    Waiter self{me, {}, false};
    waiting.push_back(&self);
    self.granted_now.wait(lock, [&] { return self.granted; });
}

void Pool::State::free_slot(std::thread::id owner) {
    std::lock_guard lock(mutex);
    if (const auto at = std::find(active.begin(), active.end(), owner); at != active.end()) active.erase(at);
    while (!waiting.empty() && active.size() < options.children) {
        Waiter* const next = waiting.front();
        waiting.pop_front();
        active.push_back(next->thread);
        next->granted = true;
        next->granted_now.notify_one();  // under the lock: the waiter's frame lives until we let go of it
    }
}

// ---- children

Result<std::unique_ptr<Process>> Pool::State::take_child(Submitter submitter) {
    std::unique_lock lock(mutex);
    for (auto at = idle.rbegin(); at != idle.rend(); ++at) {
        if ((*at)->submitter != submitter) continue;
        auto child = std::move(*at);
        idle.erase(std::next(at).base());
        if (child->quiet()) return child;
        retire(std::move(child));
        break;
    }
    if (fresh.empty()) {
        ++wanted;
        const auto before = attempts;  // one that began before we asked is no answer to us
        work.notify_one();
        arrived.wait(lock, [&] { return !fresh.empty() || failed_attempt > before; });
        --wanted;
        if (fresh.empty()) return pass(last_failure);
    }
    auto child = std::move(fresh.front());
    fresh.pop_front();
    work.notify_one();  // for the next one
    child->submitter = submitter;
    return child;
}

void Pool::State::give_back(std::unique_ptr<Process> child) {
    std::lock_guard lock(mutex);
    if (child->jobs >= options.limits.jobs) {
        retire(std::move(child));
        return;
    }
    idle.push_back(std::move(child));
    if (idle.size() > options.children) {
        retire(std::move(idle.front()));
        idle.pop_front();
    }
}

// With the lock held. Killing and reaping takes a while: the keeper does it.
void Pool::State::retire(std::unique_ptr<Process> child) {
    retired.push_back(std::move(child));
    work.notify_one();
}

// A spare for every second child is enough: one lives through `Limits::jobs` jobs, the next starts in the
// time of about one.
bool Pool::State::too_few() const {
    return fresh.size() < wanted || (spares_wanted && fresh.size() < wanted + (options.children + 1) / 2);
}

void Pool::State::keep() {
    std::unique_lock lock(mutex);
    std::vector<std::unique_ptr<Process>> dying;
    const auto something = [&] { return stopping || !retired.empty() || too_few(); };
    while (!stopping) {
        if (dying.empty()) {
            work.wait(lock, something);
        } else {
            work.wait_for(lock, kReapEvery, something);
        }
        std::move(retired.begin(), retired.end(), std::back_inserter(dying));
        retired.clear();
        const bool start = too_few() && !stopping;
        if (start) ++attempts;

        lock.unlock();
        std::optional<Result<std::unique_ptr<Process>>> started;
        if (start) started = Process::spawn(options);
        for (auto& process : dying) process->kill();
        std::erase_if(dying, [](auto& process) { return process->reaped(); });
        lock.lock();

        if (started && *started) {
            ++totals.started;
            fresh.push_back(std::move(**started));
        } else if (started) {
            failed_attempt = attempts;
            last_failure = started->error();
            spares_wanted = false;
        }
        if (started) arrived.notify_all();
    }
    // All at once, then one by one: they die in parallel.
    for (auto* group : {&fresh, &idle}) {
        for (auto& process : *group) process->kill();
    }
    for (auto& process : dying) process->kill();
    fresh.clear();
    idle.clear();
    retired.clear();
}

}  // namespace rushlight::sandbox
