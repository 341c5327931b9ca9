// Checks that are answered later.

#include "base/random.h"
#include "check/service.h"
#include "check/state.h"

#include <algorithm>
#include <exception>
#include <utility>

#include <nlohmann/json.hpp>

namespace rushlight::check {

namespace {

// What is thrown (no memory left, mostly) ends one check and not the process.
template <class F>
Status guarded(F&& todo) {
    try {
        return todo();
    } catch (const std::exception& thrown) {
        return fail(ErrorCode::unavailable, thrown.what());
    }
}

}  // namespace

LaterQueue::LaterQueue(Work work, Lost lost, Pauses pauses)
    : work_(std::move(work)),
      lost_(std::move(lost)),
      pauses_(std::move(pauses)),
      thread_([this] { run(); }) {}

bool LaterQueue::has_room() const {
    const std::scoped_lock lock(mutex_);
    return !stopping_ && waiting_.size() < kMostLater;
}

void LaterQueue::push(Waiting waiting) {
    {
        const std::scoped_lock lock(mutex_);
        waiting_.push_back(std::move(waiting));
    }
    changed_.notify_all();
}

bool LaterQueue::idle() const {
    const std::scoped_lock lock(mutex_);
    return waiting_.empty() && !busy_;
}

void LaterQueue::stop() {
    {
        const std::scoped_lock lock(mutex_);
        stopping_ = true;
    }
    changed_.notify_all();
    if (thread_.joinable()) thread_.join();
}

void LaterQueue::run() {
    std::unique_lock lock(mutex_);
    for (;;) {
        changed_.wait(lock, [&] { return stopping_ || !waiting_.empty(); });
        if (waiting_.empty()) return;
        const auto first = std::ranges::min_element(waiting_, {}, &Waiting::not_before);
        if (const auto when = first->not_before; !stopping_ && when > Steady::now()) {
            changed_.wait_until(lock, when);
            continue;
        }
        Waiting next = std::move(*first);
        waiting_.erase(first);
        busy_ = true;
        const bool stopped = stopping_;
        lock.unlock();
        const bool over = take_turn(next, stopped);
        lock.lock();
        busy_ = false;
        if (!over) waiting_.push_back(std::move(next));
    }
}

// Where even its loss cannot be stored, tick() finds it: nobody says any more that it is alive.
bool LaterQueue::take_turn(Waiting& waiting, bool stopped) {
    const Status done = stopped ? fail(ErrorCode::cancelled, "the server was stopped before its turn came")
                                : guarded([&] { return work_(waiting); });
    if (done) return true;
    if (!stopped && waiting.tries < pauses_.size()) {
        waiting.not_before = Steady::now() + pauses_[waiting.tries++];
        return false;
    }
    (void)guarded([&] { return lost_(waiting, done.error()); });
    return true;
}

Status Service::State::end_lost(std::string_view id, const Asked& asked, std::string_view why) {
    Outcome outcome;
    outcome.decision = Decision::unreadable;
    outcome.problem = Problem{Reason::crashed, "not checked: " + std::string(why) + "; send it again"};
    Reply reply = reply_for(std::move(outcome), std::string(id));
    // Nobody looked, or somebody did and what was found could not be stored: whatever the policy lets through
    // that cannot be read, this has to wait.
    reply.verdict.action = std::max(reply.verdict.action, Action::hold);
    reply.verdict.why = "it was not checked";
    return settle({&reply, 1}, asked, {.finished_later = id});
}

Result<std::string> Service::check_later(Content content, Asked asked, std::shared_ptr<void> keep) {
    if (!state_->later->has_room())
        return fail(ErrorCode::limit, "too many checks wait for their turn: ask again a little later");
    std::string id = new_id("ck_");
    const Status saved = state_->store.save_later(
        {.id = id, .by = asked.by, .at = state_->parts.clock.now(), .answer = {}}, state_->process);
    if (!saved) return pass(saved.error());
    state_->later->push({id, std::move(content), std::move(asked), std::move(keep)});
    return id;
}

Result<std::optional<Later>> Service::later(std::string_view id) {
    auto found = state_->store.later(id);
    if (!found) return pass(found.error());
    if (!found->has_value()) return std::nullopt;
    CheckStore::Later& row = **found;
    return Later{.id = std::move(row.id),
                 .by = std::move(row.by),
                 .at = row.at,
                 .done = !row.answer.empty(),
                 .answer = std::move(row.answer)};
}

}  // namespace rushlight::check
