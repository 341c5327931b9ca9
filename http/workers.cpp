#include "http/workers.h"

#include <utility>

namespace rushlight::http {

Workers::Workers(int threads, int most_queued) : most_queued_(static_cast<std::size_t>(most_queued)) {
    for (int i = 0; i < threads; ++i) threads_.emplace_back([this] { work(); });
}

bool Workers::full() const {
    const std::lock_guard lock(mutex_);
    return waiting_.size() >= most_queued_;
}

bool Workers::submit(Task task) {
    {
        const std::lock_guard lock(mutex_);
        if (stopping_ || waiting_.size() >= most_queued_) return false;
        waiting_.push_back(std::move(task));
    }
    wake_.notify_one();
    return true;
}

bool Workers::go_on(Task task) {
    {
        const std::lock_guard lock(mutex_);
        if (stopping_) return false;
        urgent_.push_back(std::move(task));
    }
    wake_.notify_one();
    return true;
}

void Workers::stop() {
    std::deque<Task> dropped;
    std::deque<Task> dropped_too;
    {
        const std::lock_guard lock(mutex_);
        stopping_ = true;
        dropped.swap(waiting_);
        dropped_too.swap(urgent_);
    }
    wake_.notify_all();
    for (auto& thread : threads_)
        if (thread.joinable()) thread.join();
}

Workers::Load Workers::load() const {
    const std::lock_guard lock(mutex_);
    return {waiting_.size() + urgent_.size(), running_};
}

void Workers::work() {
    std::unique_lock lock(mutex_);
    for (;;) {
        wake_.wait(lock, [this] { return stopping_ || !urgent_.empty() || !waiting_.empty(); });
        if (stopping_) return;
        auto& queue = urgent_.empty() ? waiting_ : urgent_;
        Task task = std::move(queue.front());
        queue.pop_front();
        ++running_;
        lock.unlock();
        task();
        task = nullptr;
        lock.lock();
        --running_;
    }
}

}  // namespace rushlight::http
