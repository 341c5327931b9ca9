#include "scan/work_queue.h"

#include <utility>

namespace rushlight::scan {

bool WorkQueue::push_file(FileTask task) {
    std::unique_lock lock(mutex_);
    for_producer_.wait(lock, [&] { return stopped_ || files_.size() < kMaxFiles; });
    if (stopped_) return false;
    files_.push_back(std::move(task));
    for_workers_.notify_one();
    return true;
}

std::optional<MemberTask> WorkQueue::push_member(MemberTask task) {
    const std::lock_guard lock(mutex_);
    const bool fits = members_.size() < kMaxMembers && member_bytes_ + task.content.size() <= kMaxMemberBytes;
    if (stopped_ || !fits) return task;
    member_bytes_ += task.content.size();
    members_.push_back(std::move(task));
    for_workers_.notify_one();
    return std::nullopt;
}

void WorkQueue::close() {
    const std::lock_guard lock(mutex_);
    closed_ = true;
    for_workers_.notify_all();
}

void WorkQueue::stop() {
    std::deque<FileTask> files;  // dropped outside the lock: a ticket's end may call back
    std::deque<MemberTask> members;
    const std::lock_guard lock(mutex_);
    stopped_ = true;
    files.swap(files_);
    members.swap(members_);
    for_workers_.notify_all();
    for_producer_.notify_all();
}

std::optional<Task> WorkQueue::take() {
    std::unique_lock lock(mutex_);
    for_workers_.wait(
        lock, [&] { return stopped_ || !members_.empty() || !files_.empty() || (closed_ && working_ == 0); });
    if (stopped_ || (members_.empty() && files_.empty())) return std::nullopt;
    ++working_;
    if (!members_.empty()) {
        MemberTask task = std::move(members_.front());
        members_.pop_front();
        member_bytes_ -= task.content.size();
        return task;
    }
    FileTask task = std::move(files_.front());
    files_.pop_front();
    for_producer_.notify_one();
    return task;
}

void WorkQueue::finished() {
    const std::lock_guard lock(mutex_);
    --working_;
    if (closed_ && working_ == 0) for_workers_.notify_all();
}

}  // namespace rushlight::scan
