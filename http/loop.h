// One io thread: its queue of ready work, its connections, and the tick that looks at their deadlines.
// Private.
#pragma once

#include "http/core.h"

#include <thread>
#include <unordered_set>
#include <utility>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/basic_stream_socket.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>

namespace rushlight::http {

namespace asio = boost::asio;
using Code = boost::system::error_code;
// With the executor's own type in them: no virtual call, no allocation for it.
using Executor = asio::io_context::executor_type;
using Socket = asio::basic_stream_socket<asio::ip::tcp, Executor>;
using UseAwaitable = asio::use_awaitable_t<Executor>;
template <class T>
using Awaitable = asio::awaitable<T, Executor>;

class Loop {
  public:
    explicit Loop(Core& core);
    ~Loop();  // joined
    Loop(const Loop&) = delete;
    Loop& operator=(const Loop&) = delete;

    void run();     // starts the thread
    void finish();  // returns when nothing is left to do

    // Within the thread.
    void add(Connection& connection) { connections_.insert(&connection); }
    void remove(Connection& connection) { connections_.erase(&connection); }
    void wind_down();
    void cut_all();
    std::string_view date();

    asio::io_context io{1};

  private:
    void tick();
    std::vector<std::shared_ptr<Connection>> all();

    Core& core_;
    std::optional<asio::executor_work_guard<Executor>> work_;
    asio::basic_waitable_timer<Steady, asio::wait_traits<Steady>, Executor> timer_;
    std::chrono::milliseconds interval_{0};
    std::unordered_set<Connection*> connections_;
    std::int64_t date_second_ = -1;
    std::string date_;
    std::thread thread_;
};

}  // namespace rushlight::http
