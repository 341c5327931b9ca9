#include "server/later.h"

#include <utility>

namespace rushlight::server {

LaterPool::LaterPool(int threads) {
    for (int i = 0; i < threads; ++i) threads_.emplace_back([this] { run(); });
}

void LaterPool::push(std::function<void()> task) {
    {
        const std::scoped_lock lock(mutex_);
        waiting_.push_back(std::move(task));
    }
    changed_.notify_one();
}

bool LaterPool::push_unless(std::size_t waiting, std::function<void()> task) {
    {
        const std::scoped_lock lock(mutex_);
        if (stopping_ || waiting_.size() >= waiting) return false;
        waiting_.push_back(std::move(task));
    }
    changed_.notify_one();
    return true;
}

void LaterPool::stop() {
    {
        const std::scoped_lock lock(mutex_);
        stopping_ = true;
    }
    changed_.notify_all();
    for (std::thread& thread : threads_) {
        if (thread.joinable()) thread.join();
    }
}

void LaterPool::run() {
    std::unique_lock lock(mutex_);
    for (;;) {
        changed_.wait(lock, [&] { return stopping_ || !waiting_.empty(); });
        if (waiting_.empty()) return;
        auto task = std::move(waiting_.front());
        waiting_.pop_front();
        lock.unlock();
        task();
        lock.lock();
    }
}

}  // namespace rushlight::server
