// Answered items on their way from the workers to the one who stores and shows them. Bounded: workers wait
// while storing can't keep up.
#pragma once

#include "scan/scan.h"

#include <chrono>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <string>
#include <vector>

namespace rushlight::scan {

struct Answered {
    Item item{};
    std::string absolute_name{};
    bool repeatable = false;        // the same bytes would get the same answer again
    bool keep_fingerprint = false;  // it was made just now, and is worth keeping
};

class Results {
  public:
    // Waits while there are too many; drops the result where close() was called.
    void push(Answered answered) {
        std::unique_lock lock(mutex_);
        changed_.wait(lock, [&] { return closed_ || queue_.size() < kMax; });
        if (closed_) return;
        queue_.push_back(std::move(answered));
        changed_.notify_all();
    }
    // No more will come (or no more are wanted).
    void close() {
        const std::lock_guard lock(mutex_);
        closed_ = true;
        changed_.notify_all();
    }
    // All there are, after waiting at most `patience` for the first; `open` is false once nothing can come
    // any more.
    std::vector<Answered> take(std::chrono::milliseconds patience, bool& open) {
        std::unique_lock lock(mutex_);
        changed_.wait_for(lock, patience, [&] { return closed_ || !queue_.empty(); });
        std::vector<Answered> taken(std::make_move_iterator(queue_.begin()),
                                    std::make_move_iterator(queue_.end()));
        queue_.clear();
        open = !closed_;
        changed_.notify_all();
        return taken;
    }

  private:
    static constexpr std::size_t kMax = 512;

    std::mutex mutex_;
    std::condition_variable changed_;
    std::deque<Answered> queue_;
    bool closed_ = false;
};

}  // namespace rushlight::scan
