// The queue between a sender of events and its connection. Private; no Asio.
#pragma once

#include "http/http.h"

#include <mutex>

namespace rushlight::http {

class EventQueue final : public EventStream {
  public:
    // `wake` tells the connection that there is something to take; called without the lock.
    EventQueue(EventOptions options, std::function<void()> wake);

    bool send(std::string_view id, std::string_view event, std::string_view data) override;
    void close() override;
    bool is_open() const override;
    void when_closed(std::function<void()> call) override;

    // For the connection.
    enum class State { open, closing, cut };
    State take(std::string& out);  // appends what waits
    bool overflowed() const;
    void end();  // the connection is over
    const EventOptions& options() const { return options_; }

  private:
    const EventOptions options_;
    const std::function<void()> wake_;
    mutable std::mutex mutex_;
    std::string waiting_;
    State state_ = State::open;
    bool woken_ = false;
    bool ended_ = false;
    std::function<void()> when_closed_;
};

}  // namespace rushlight::http
