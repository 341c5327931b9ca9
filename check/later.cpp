// Checks that are answered later.

#include "base/random.h"
#include "check/service.h"
#include "check/state.h"

#include <utility>

#include <nlohmann/json.hpp>

namespace rushlight::check {

LaterQueue::LaterQueue(Work work, Work lost)
    : work_(std::move(work)), lost_(std::move(lost)), thread_([this] { run(); }) {}

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
        Waiting next = std::move(waiting_.front());
        waiting_.pop_front();
        busy_ = true;
        const Work& todo = stopping_ ? lost_ : work_;
        lock.unlock();
        todo(next);
        lock.lock();
        busy_ = false;
    }
}

Status Service::State::end_lost(std::string_view id, const Asked& asked, std::string_view why) {
    Outcome outcome;
    outcome.decision = Decision::unreadable;
    outcome.problem = Problem{Reason::crashed, "not checked: " + std::string(why) + "; send it again"};
    Reply reply = reply_for(std::move(outcome), std::string(id));
    return settle({&reply, 1}, asked, {.finished_later = id});
}

Result<std::string> Service::check_later(Content content, Asked asked) {
    if (!state_->later->has_room())
        return fail(ErrorCode::limit, "too many checks wait for their turn: ask again a little later");
    std::string id = new_id("ck_");
    const Status saved = state_->store.save_later(
        {.id = id, .by = asked.by, .at = state_->parts.clock.now(), .answer = {}}, state_->process);
    if (!saved) return pass(saved.error());
    state_->later->push({id, std::move(content), std::move(asked)});
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
