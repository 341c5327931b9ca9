// What this room's tests share: servers that echo, wait, collect.
#pragma once

#include "http/http.h"
#include "http/testing/raw_client.h"

#include <condition_variable>
#include <mutex>
#include <stdexcept>

namespace rushlight::http {

// Answers with what it was asked: method, path, query, body.
inline void echo(Request& request, Responder answer) {
    std::string text(request.head.method_name);
    text += ' ';
    text += request.head.path;
    if (!request.head.query.empty()) text += " ? " + std::string(request.head.query);
    text += " [" + request.body + "]";
    answer.send(Response::text(200, std::move(text)));
}

inline Plan plan_echo(const RequestHead&) { return Plan::inline_(echo, 1024 * 1024); }

inline Server started(Handler handler, Options options = {}) {
    options.listen = "127.0.0.1:0";
    auto server = Server::start(std::move(options), std::move(handler));
    if (!server) throw std::runtime_error(server.error().message);
    return std::move(*server);
}

// A gate that handlers wait at until the test opens it.
class Gate {
  public:
    void open() {
        const std::lock_guard lock(mutex_);
        open_ = true;
        changed_.notify_all();
    }
    void pass() {
        std::unique_lock lock(mutex_);
        ++waiting_;
        changed_.notify_all();
        changed_.wait(lock, [&] { return open_; });
    }
    bool wait_for(int waiting) {
        std::unique_lock lock(mutex_);
        return changed_.wait_for(lock, std::chrono::seconds(20), [&] { return waiting_ >= waiting; });
    }

  private:
    std::mutex mutex_;
    std::condition_variable changed_;
    int waiting_ = 0;
    bool open_ = false;
};

}  // namespace rushlight::http
