// The pool that runs what may block. Private.
//
// Requests wait in one bounded queue; the bodies of requests that were let in already go before them, and are
// never refused (each connection has at most one piece under way, so they are bounded too).
#pragma once

#include <condition_variable>
#include <cstddef>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

namespace rushlight::http {

class Workers {
  public:
    using Task = std::function<void()>;

    Workers(int threads, int most_queued);
    ~Workers() { stop(); }
    Workers(const Workers&) = delete;
    Workers& operator=(const Workers&) = delete;

    bool full() const;
    bool submit(Task task);  // false where the queue is full, or stop() was called
    bool go_on(Task task);   // for a request that runs already; false only after stop()
    // Drops what waits, waits for what runs. Twice is once.
    void stop();

    struct Load {
        std::size_t queued = 0, running = 0;
    };
    Load load() const;

  private:
    void work();

    const std::size_t most_queued_;
    mutable std::mutex mutex_;
    std::condition_variable wake_;
    std::deque<Task> waiting_, urgent_;
    std::size_t running_ = 0;
    bool stopping_ = false;
    std::vector<std::thread> threads_;
};

}  // namespace rushlight::http
