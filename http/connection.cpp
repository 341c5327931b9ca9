#include "http/connection.h"

#include "base/text.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <exception>

#include <boost/asio/buffer.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/redirect_error.hpp>

namespace rushlight::http {
namespace {

constexpr std::size_t kFirstRead = 4 * 1024;         // most heads are shorter
constexpr std::size_t kScratch = 64 * 1024;          // one read of a body
constexpr std::size_t kPiece = 256 * 1024;           // what a sink gets at once
constexpr std::size_t kKept = 64 * 1024;             // buffers above this are not kept for the next request
constexpr std::chrono::milliseconds kLinger{1'000};  // for a client that has yet to read its last answer …
constexpr std::chrono::milliseconds kLongLinger{5'000};  // … and still sends
constexpr std::string_view kContinue = "HTTP/1.1 100 Continue\r\n\r\n";

// The connection whose inline work this thread runs: its answer needs no post.
thread_local const Connection* t_running = nullptr;

class Running {
  public:
    explicit Running(const Connection* connection) { t_running = connection; }
    ~Running() { t_running = nullptr; }
    Running(const Running&) = delete;
    Running& operator=(const Running&) = delete;
};

Status take_piece(BodySink& sink, std::string_view piece) {
    try {
        return sink.take(bytes_of(piece));
    } catch (const std::exception& bug) {
        return fail(ErrorCode::io, bug.what());
    }
}

Status finish_body(BodySink& sink, std::string_view piece) {
    if (!piece.empty())
        if (auto taken = take_piece(sink, piece); !taken) return taken;
    try {
        return sink.finish();
    } catch (const std::exception& bug) {
        return fail(ErrorCode::io, bug.what());
    }
}

}  // namespace

Connection::Connection(std::shared_ptr<Core> core, Loop& loop, Socket socket, std::string peer)
    : core_(std::move(core)), loop_(loop), socket_(std::move(socket)), own_peer_(std::move(peer)) {}

Connection::~Connection() { core_->give_memory(charged_); }

void Connection::start() {
    loop_.add(*this);
    asio::co_spawn(
        loop_.io.get_executor(), [self = shared_from_this()]() -> Awaitable<void> { co_await self->run(); },
        asio::detached);
}

Awaitable<void> Connection::run() {
    try {
        bool more = true;
        while (more) {
            const std::size_t head_size = co_await read_head();
            if (head_size == 0) break;
            more = co_await serve(head_size);
            if (more) consume();
        }
        co_await leave();
    } catch (const std::exception&) {  // ours, or out of memory: this connection ends, the others go on
        count(core_->failed);
    }
    end();
}

Awaitable<std::size_t> Connection::read_head() {
    const Limits& limits = core_->options.limits;
    reset_request();
    bool head_begun = false;
    std::size_t scanned = 0;
    for (;;) {
        while (scanned == 0 && in_.view().starts_with("\r\n")) in_.begin += 2;  // RFC 9112 2.2
        const auto seen = in_.view();
        if (!seen.empty()) {
            const char first = seen.front();
            if (first < 'A' || first > 'Z') {  // no method begins so; a TLS greeting does not, either
                if (!(seen == "\r")) {
                    co_await refuse(400, "the request does not begin with a method");
                    co_return 0;
                }
            }
            const auto end = seen.find("\r\n\r\n", scanned < 3 ? 0 : scanned - 3);
            if (end != std::string_view::npos && end + 4 <= limits.head_bytes) co_return end + 4;
            scanned = seen.size();
            if (end != std::string_view::npos || scanned >= limits.head_bytes) {
                const bool in_first_line =
                    seen.substr(0, limits.head_bytes).find('\n') == std::string_view::npos;
                const std::string most = std::to_string(limits.head_bytes) + " bytes";
                const Fault fault = in_first_line
                                        ? Fault{414, "the target of the request is longer than " + most}
                                        : Fault{431, "the head of the request is longer than " + most};
                co_await refuse(fault);
                co_return 0;
            }
            if (!head_begun) {
                head_begun = true;
                set_phase(Phase::head, Steady::now() + limits.head_time);
            }
        } else {
            if (winding_down_ && began_ != Steady::time_point{}) co_return 0;
            set_phase(Phase::idle,
                      Steady::now() + (began_ == Steady::time_point{} ? limits.head_time : limits.idle));
        }
        in_.make_room(std::min(kFirstRead, limits.head_bytes));
        std::size_t got = co_await read_some(in_.data.get() + in_.end, in_.capacity - in_.end);
        if (got == 0 && winding_down_ && expired_ && !cut_) {  // what arrived before we stopped still counts
            Code code;
            got = socket_->read_some(asio::buffer(in_.data.get() + in_.end, in_.capacity - in_.end), code);
        }
        if (got == 0) {
            if (expired_ && !in_.view().empty() && !cut_)
                co_await refuse(408, "the head of the request did not come in time");
            else
                at_once_ = true;  // nothing is under way
            co_return 0;
        }
        in_.end += got;
    }
}

Awaitable<bool> Connection::serve(std::size_t head_size) {
    began_ = Steady::now();
    set_phase(Phase::waiting, Steady::time_point::max());
    in_used_ = head_size;
    {
        HeadParser parser(request_.head, core_->options.limits);
        const auto fault = parser.read(in_.view().substr(0, head_size));
        if (fault) co_return co_await refuse(*fault);
        keep_ = parser.keep_alive();
    }
    head_known_ = true;
    count(core_->requests);
    RequestHead& head = request_.head;
    head.peer = own_peer_;
    head.id = {id_.data(), id_.size()};
    if (!core_->trusted.empty()) find_peer();
    body_ = Body(head, core_->options.limits);
    const bool has_body = head.has_body();
    body_read_ = !has_body;

    Plan plan;
    try {
        plan = core_->handler(head);
    } catch (...) {
        count(core_->failed);
        plan.refusal = core_->make_problem(500, "something went wrong here");
    }
    tag_ = plan.tag;
    if (!plan.refusal && !plan.run) plan.refusal = core_->make_problem(500, "nobody answers this request");
    if (plan.refusal) {
        response_ = std::move(plan.refusal);
    } else {
        if (plan.lane == Plan::Lane::worker && core_->workers.full()) co_return co_await refuse_too_busy();
        if (has_body && !co_await read_body(plan)) co_return false;
        if (!dispatch(plan)) co_return co_await refuse_too_busy();
        while (!response_ && !events_ && !cut_) co_await sleep();
        if (cut_) co_return false;
    }
    if (events_) {
        co_await write_events();
        co_return false;
    }
    co_return co_await write_answer();
}

// Behind an answer: what came in behind the request is the next one's beginning.
void Connection::consume() {
    in_.begin += in_used_;
    const auto rest = scratch_.view();
    if (rest.empty()) return;
    in_.make_room(rest.size());
    std::memcpy(in_.data.get() + in_.end, rest.data(), rest.size());
    in_.end += rest.size();
}

Awaitable<bool> Connection::read_body(const Plan& plan) {
    const RequestHead& head = request_.head;
    const std::uint64_t limit = plan.body_limit;
    if (limit == 0 || head.content_length.value_or(0) > limit) co_return co_await refuse_too_long(limit);
    const auto expectation = head.header("Expect");
    if (!expectation.empty() && head.minor_version >= 1) {
        if (!equals_ignoring_case(expectation, "100-continue"))
            co_return co_await refuse(417, "of expectations only 100-continue is known here");
        if (in_.view().size() == in_used_ && !co_await write(kContinue)) co_return false;
    }

    std::string& body = plan.sink ? piece_ : request_.body;
    std::optional<Fault> fault;
    std::string_view ready = in_.view().substr(in_used_);
    bool in_scratch = false;
    auto began = Steady::now();
    for (;;) {
        const std::size_t used = body_.read(ready, body, limit, fault);
        if (fault) co_return co_await refuse(*fault);
        (in_scratch ? scratch_.begin : in_used_) += used;
        if (!charge(body.capacity() + scratch_.capacity)) co_return co_await refuse_too_busy();
        if (body_.done()) break;
        if (plan.sink && body.size() >= kPiece) {
            const auto handed = Steady::now();
            if (!co_await hand_over(plan)) co_return false;
            began += Steady::now() - handed;  // our time, not the client's
        }
        if (!in_scratch) {
            const std::uint64_t left = head.content_length ? *head.content_length - body_.bytes() : kScratch;
            scratch_.make_room(std::clamp<std::size_t>(left, kFirstRead, kScratch));
            in_scratch = true;
        }
        scratch_.begin = scratch_.end = 0;  // what came is used up
        set_phase(Phase::body, paced_deadline(began, body_.bytes()));
        const std::size_t got =
            co_await read_some(scratch_.data.get() + scratch_.end, scratch_.capacity - scratch_.end);
        if (got == 0) {
            if (expired_ && !cut_)
                co_return co_await refuse(408, "the body of the request did not come in time");
            count(core_->cut);
            co_return false;
        }
        scratch_.end += got;
        ready = scratch_.view();
    }
    body_read_ = true;
    set_phase(Phase::waiting, Steady::time_point::max());
    co_return true;
}

// One piece of a streamed body to its sink. False: it is over, and answered where that can be.
Awaitable<bool> Connection::hand_over(const Plan& plan) {
    set_phase(Phase::waiting, Steady::time_point::max());
    piece_taken_.reset();
    if (plan.lane == Plan::Lane::inline_) {
        piece_taken_ = take_piece(*plan.sink, piece_);
    } else {
        const bool queued = core_->workers.go_on([self = shared_from_this(), sink = plan.sink] {
            auto taken = take_piece(*sink, self->piece_);
            self->post([self, taken = std::move(taken)]() mutable {
                self->piece_taken_ = std::move(taken);
                self->wake();
            });
        });
        if (!queued) co_return false;
        while (!piece_taken_ && !cut_) co_await sleep();
        if (cut_) co_return false;
    }
    if (!*piece_taken_) {
        response_ = core_->make_problem(piece_taken_->error());
        co_return co_await write_answer();
    }
    piece_.clear();
    co_return true;
}

// Starts the plan's work; false where there is no room in the queue.
bool Connection::dispatch(Plan& plan) {
    if (plan.lane == Plan::Lane::inline_) {
        const Running running(this);
        Responder responder(shared_from_this());
        try {
            if (plan.sink) {
                if (auto finished = finish_body(*plan.sink, piece_); !finished) {
                    responder.send(core_->make_problem(finished.error()));
                    return true;
                }
            }
            plan.run(request_, std::move(responder));
        } catch (...) {
            count(core_->failed);
        }
        return true;
    }
    return core_->workers.submit(
        [self = shared_from_this(), sink = std::move(plan.sink), run = std::move(plan.run)] {
            Responder responder(self);
            try {
                if (sink) {
                    if (auto finished = finish_body(*sink, self->piece_); !finished) {
                        responder.send(self->core_->make_problem(finished.error()));
                        return;
                    }
                }
                run(self->request_, std::move(responder));
            } catch (...) {
                count(self->core_->failed);
            }
        });
}

Awaitable<bool> Connection::refuse(int status, std::string_view words) {
    switch (status) {
        case 408:
            count(core_->timed_out);
            break;
        case 413:
            break;
        case 503:
            count(core_->too_busy);
            break;
        default:
            count(core_->malformed);
            break;
    }
    if (status != 503 || !body_read_) keep_ = false;
    response_ = core_->make_problem(status, words);
    return write_answer();
}

Awaitable<bool> Connection::refuse_too_busy() {
    return refuse(503, "too much to do at the moment; come back in a second");
}

Awaitable<bool> Connection::refuse_too_long(std::uint64_t limit) {
    if (limit == 0) return refuse(413, "this request takes no body");
    return refuse(413, "the body is longer than " + std::to_string(limit) + " bytes");
}

Awaitable<std::size_t> Connection::read_some(char* to, std::size_t room) {
    expired_ = false;
    Code code;
    const std::size_t got =
        co_await socket_->async_read_some(asio::buffer(to, room), asio::redirect_error(UseAwaitable(), code));
    count(core_->bytes_in, got);
    if (got > 0)
        expired_ = false;
    else if (!expired_)
        at_once_ = true;
    co_return got;
}

Awaitable<void> Connection::leave() {
    if (cut_ || at_once_ || !socket_) co_return;
    // A close with bytes unread would reset the connection, and take the answer away from under the client.
    Code code;
    socket_->shutdown(asio::ip::tcp::socket::shutdown_send, code);
    std::array<char, 4096> ignored{};
    const auto last = Steady::now() + (winding_down_ ? kLinger : kLongLinger);
    std::size_t got = 1;
    while (got > 0 && !cut_) {
        set_phase(Phase::leaving, std::min(Steady::now() + kLinger, last));
        if (Steady::now() >= last) break;
        got = co_await read_some(ignored.data(), ignored.size());
    }
}

void Connection::end() {
    if (events_) events_->end();
    loop_.remove(*this);
    sleeper_.reset();
    {
        const std::lock_guard lock(mutex_);
        ended_ = true;
    }
    Code code;
    socket_->close(code);
    socket_.reset();
    core_->connection_closed();
}

bool Connection::is_due(Steady::time_point now) const { return now >= deadline_ || now >= heartbeat_due_; }

void Connection::tick(Steady::time_point now) {
    if (!socket_) return;
    if (now >= deadline_) {
        if (phase_ == Phase::writing) return cut();
        expired_ = true;
        deadline_ = Steady::time_point::max();
        Code code;
        socket_->cancel(code);
    }
    if (now >= heartbeat_due_) wake();
}

void Connection::wind_down() {
    winding_down_ = true;
    if (!socket_) return;
    if (events_) events_->close();
    if (phase_ == Phase::idle || phase_ == Phase::leaving) {
        deadline_ = phase_ == Phase::leaving ? std::min(deadline_, Steady::now() + kLinger) : deadline_;
        if (phase_ == Phase::idle) {
            expired_ = true;
            Code code;
            socket_->cancel(code);
        }
    }
}

void Connection::cut() {
    if (cut_ || !socket_) return;
    cut_ = true;
    Code code;
    socket_->set_option(asio::socket_base::linger(true, 0),
                        code);  // nothing waits in the kernel for it, either
    socket_->close(code);
    wake();
}

void Connection::answer(Response response) {
    if (t_running == this) {
        response_ = std::move(response);
        return;
    }
    post([self = shared_from_this(), response = std::move(response)]() mutable {
        self->response_ = std::move(response);
        self->wake();
    });
}

std::shared_ptr<EventStream> Connection::answer_with_events(EventOptions options) {
    auto queue = std::make_shared<EventQueue>(std::move(options), [weak = weak_from_this()] {
        if (auto self = weak.lock()) self->post([self] { self->take_events(); });
    });
    if (t_running == this) {
        events_ = queue;
    } else if (!post([self = shared_from_this(), queue] {
                   self->events_ = queue;
                   self->wake();
               })) {
        queue->end();
    }
    return queue;
}

void Connection::take_events() {
    if (events_ && events_->overflowed())
        cut();  // in the middle of writing, too
    else
        wake();
}

void Connection::forgotten() {
    if (std::uncaught_exceptions() == 0) count(core_->failed);
    answer(core_->make_problem(500, "something went wrong here"));
}

Awaitable<void> Connection::sleep() {
    UseAwaitable token;
    return asio::async_initiate<UseAwaitable, void()>(
        [this](auto&& handler) { sleeper_.emplace(std::forward<decltype(handler)>(handler)); }, token);
}

void Connection::wake() {
    if (!sleeper_) return;
    Wake handler = std::move(*sleeper_);
    sleeper_.reset();
    handler();
}

void Connection::set_phase(Phase phase, Steady::time_point deadline) {
    phase_ = phase;
    deadline_ = deadline;
}

Steady::time_point Connection::paced_deadline(Steady::time_point began, std::uint64_t bytes) const {
    const Limits& limits = core_->options.limits;
    const auto paced =
        std::chrono::milliseconds(bytes * 1000 / std::max<std::uint64_t>(limits.bytes_per_second, 1));
    return std::min(Steady::now() + limits.stall, began + limits.grace + paced);
}

bool Connection::charge(std::uint64_t bytes) {
    if (bytes > charged_) {
        if (!core_->take_memory(bytes - charged_)) return false;
    } else {
        core_->give_memory(charged_ - bytes);
    }
    charged_ = bytes;
    return true;
}

void Connection::find_peer() {
    const auto own = parse_address(own_peer_);
    if (!own || !core_->trusted.contain(*own)) return;
    std::string hops;
    for (const auto& [name, value] : request_.head.headers) {
        if (!equals_ignoring_case(name, "x-forwarded-for")) continue;
        if (!hops.empty()) hops += ',';
        hops += value;
    }
    forwarded_peer_ = forwarded_peer(core_->trusted, own_peer_, hops);
    request_.head.peer = forwarded_peer_;
}

void Connection::reset_request() {
    auto headers = std::move(request_.head.headers);
    headers.clear();
    request_ = {};
    request_.head.headers = std::move(headers);
    scratch_ = {};
    if (piece_.capacity() > 0) piece_ = {};
    if (out_.capacity() > kKept) out_ = {};
    if (in_.begin == in_.end) {
        in_.begin = in_.end = 0;
        if (in_.capacity > kKept) in_ = {};
    }
    charge(0);
    in_used_ = 0;
    body_ = {};
    head_known_ = false;
    id_ = core_->next_id();
    tag_ = 0;
    body_read_ = true;
    keep_ = true;
    sent_ = 0;
}

void Connection::Input::make_room(std::size_t bytes) {
    if (capacity - end >= std::min(bytes, std::size_t{512}) && capacity >= bytes) return;
    const std::size_t held = end - begin;
    if (capacity - held >= bytes) {
        std::memmove(data.get(), data.get() + begin, held);
    } else {
        const std::size_t wanted = held + std::max(bytes, capacity);
        auto larger = std::unique_ptr<char[]>(new char[wanted]);
        if (held > 0) std::memcpy(larger.get(), data.get() + begin, held);
        data = std::move(larger);
        capacity = wanted;
    }
    begin = 0;
    end = held;
}

Responder& Responder::operator=(Responder&& other) noexcept {
    if (this != &other) {
        if (connection_) std::exchange(connection_, nullptr)->forgotten();
        connection_ = std::move(other.connection_);
    }
    return *this;
}

Responder::~Responder() {
    if (connection_) connection_->forgotten();
}

void Responder::send(Response response) {
    if (const auto connection = std::exchange(connection_, nullptr)) connection->answer(std::move(response));
}

std::shared_ptr<EventStream> Responder::events(EventOptions options) {
    const auto connection = std::exchange(connection_, nullptr);
    return connection ? connection->answer_with_events(std::move(options)) : nullptr;
}

}  // namespace rushlight::http
