// One client's connection: reads requests, has them answered, writes the answers. Private.
//
// Everything runs on its loop's thread except what a Responder, a worker or an event's sender calls; those
// only post. Whoever still needs it holds it: after end() it is memory without a socket (the request's, which
// a worker may still read, too), and drops what it is given.
#pragma once

#include "http/body.h"
#include "http/events.h"
#include "http/loop.h"
#include "http/response.h"

#include <array>
#include <mutex>

#include <boost/asio/post.hpp>

namespace rushlight::http {

class Connection : public std::enable_shared_from_this<Connection> {
  public:
    Connection(std::shared_ptr<Core> core, Loop& loop, Socket socket, std::string peer);
    ~Connection();
    Connection(const Connection&) = delete;
    Connection& operator=(const Connection&) = delete;

    // On the loop's thread.
    void start();
    bool is_due(Steady::time_point now) const;
    void tick(Steady::time_point now);
    void wind_down();
    void cut();

    // From any thread.
    void answer(Response response);
    std::shared_ptr<EventStream> answer_with_events(EventOptions options);
    void forgotten();

  private:
    enum class Phase { idle, head, body, waiting, writing, events, leaving };
    using Wake = asio::async_result<UseAwaitable, void()>::handler_type;

    Awaitable<void> run();
    Awaitable<std::size_t> read_head();  // the head's length in in_; 0: there will be none
    Awaitable<bool> serve(std::size_t head_size);
    Awaitable<bool> read_body(const Plan& plan);
    Awaitable<bool> hand_over(const Plan& plan);
    // Not coroutines, and their arguments are views or named: g++ 12 destroys temporaries of an awaiting
    // expression twice where they are aggregates.
    Awaitable<bool> refuse(int status, std::string_view words);
    Awaitable<bool> refuse(const Fault& fault) { return refuse(fault.status, fault.words); }
    Awaitable<bool> refuse_too_busy();
    Awaitable<bool> refuse_too_long(std::uint64_t limit);
    Awaitable<bool> write_answer();
    Awaitable<bool> write_source(std::shared_ptr<BodySource> source, Framing framing);
    Awaitable<bool> write(std::string_view first, std::string_view second = {});
    std::size_t write_now(std::string_view first, std::string_view second);
    Awaitable<void> write_events();
    Awaitable<void> leave();
    Awaitable<std::size_t> read_some(char* to, std::size_t room);  // 0: the end, an error, or a deadline
    Awaitable<void> sleep();

    bool dispatch(Plan& plan);
    void consume();
    void wake();
    void take_events();
    template <class F>
    bool post(F&& work);  // false after end()
    void watch_for_leaving();
    void set_phase(Phase phase, Steady::time_point deadline);
    // For a body or an answer of which `bytes` have moved since `began`.
    Steady::time_point paced_deadline(Steady::time_point began, std::uint64_t bytes) const;
    bool charge(std::uint64_t bytes);
    void find_peer();
    void reset_request();
    void end();

    // The input not yet used: [begin, end) of data.
    struct Input {
        std::unique_ptr<char[]> data;
        std::size_t capacity = 0, begin = 0, end = 0;
        std::string_view view() const { return {data.get() + begin, end - begin}; }
        void make_room(std::size_t bytes);  // behind end; moves the bytes
    };

    const std::shared_ptr<Core> core_;
    Loop& loop_;  // until end()
    std::optional<Socket> socket_;
    const std::string own_peer_;
    std::string forwarded_peer_;

    Input in_;       // heads, and what came with them
    Input scratch_;  // more of a body
    Body body_;
    Request request_;
    std::string piece_;  // of a streamed body
    std::uint64_t charged_ = 0;
    std::size_t in_used_ = 0;  // of in_, by the request under way
    bool head_known_ = false;
    std::array<char, 16> id_{};
    std::uint32_t tag_ = 0;
    bool keep_ = true;
    bool body_read_ = true;
    bool at_once_ = false;  // leaves without waiting for the client to take the last answer

    Phase phase_ = Phase::idle;
    Steady::time_point deadline_ = Steady::time_point::max();
    bool expired_ = false;
    bool cut_ = false;
    bool winding_down_ = false;
    std::optional<Wake> sleeper_;

    std::optional<Response> response_;
    std::shared_ptr<EventQueue> events_;
    std::optional<Status> piece_taken_;
    std::optional<Result<std::size_t>> source_read_;
    Steady::time_point heartbeat_due_ = Steady::time_point::max();
    bool client_left_ = false;

    std::string out_;
    Steady::time_point began_;
    std::uint64_t sent_ = 0;

    std::mutex mutex_;
    bool ended_ = false;  // under the mutex
};

template <class F>
bool Connection::post(F&& work) {
    const std::lock_guard lock(mutex_);
    if (ended_) return false;
    asio::post(loop_.io.get_executor(), std::forward<F>(work));
    return true;
}

}  // namespace rushlight::http
