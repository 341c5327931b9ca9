// later: answers that wait for the disk, given by a few threads, so that those which read requests never wait
// and many commits become one.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

namespace rushlight::server {

// Thread-safe. Unbounded by itself: each task is a request that the HTTP server has let in.
class LaterPool {
  public:
    explicit LaterPool(int threads);
    ~LaterPool() { stop(); }
    LaterPool(const LaterPool&) = delete;
    LaterPool& operator=(const LaterPool&) = delete;

    void push(std::function<void()> task);
    // The same, but not behind so many that wait already: false then.
    bool push_unless(std::size_t waiting, std::function<void()> task);
    void stop();  // does what waits, then ends

  private:
    void run();

    std::mutex mutex_;
    std::condition_variable changed_;
    std::deque<std::function<void()>> waiting_;
    bool stopping_ = false;
    std::vector<std::thread> threads_;
};

}  // namespace rushlight::server
