// http: an HTTP/1.1 server for programs and browsers. TLS is the proxy's in front (deploy/).
//
//   auto server = http::Server::start({.listen = "127.0.0.1:8080"}, [&](const http::RequestHead& head) {
//       if (head.path == "/livez") return http::Plan::inline_([](http::Request&, http::Responder answer) {
//           answer.send(http::Response::text(200, "alive\n"));
//       });
//       return http::Plan::refuse(http::problem(404, "there is no such page"));
//   });
//
// A request goes in two steps. Its head alone is shown to the Handler, which returns a Plan: refuse at once,
// or who takes the body (nobody, memory, a BodySink) and what runs then, where. So nothing is read that
// nobody wants. What runs gets a Responder, and answers then or later, from any thread; a Responder that dies
// unused answers 500.
//
// Order: one connection's requests are answered one after the other, pipelined or not.
// Bounds: connections, heads, bodies, queue and time all have limits (Limits), refused in words with 4xx/503
// before memory grows; Retry-After says when to come back. Clients that are slow to send or to read are cut.
// Errors made here (malformed heads, limits, time) are RFC 9457 problem details, or what Options::problem
// makes of them. Framing that two programs could read in two ways (request smuggling) is refused with 400,
// and the connection is closed. Threads: a Server's functions and a Responder may be called from any thread.
// The Handler and inline work run on the io threads: microseconds, never blocking. Worker work may block. An
// exception that leaves either is a bug, answered 500 and counted. Source: RFC 9110 (semantics), RFC 9112
// (HTTP/1.1), HTML Living Standard 9.2 (server-sent events). Boost.Beast reads heads and chunks, Boost.Asio
// the sockets; neither shows here.
#pragma once

#include "base/bytes.h"
#include "base/result.h"
#include "base/time.h"

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace rushlight::http {

class Connection;  // private
class Core;        // private

enum class Method : std::uint8_t { get, head, post, put, patch, delete_, options, other };
std::string_view to_string(Method method);
Method parse_method(std::string_view name);  // `other` for every other token; case matters

struct Header {
    std::string_view name, value;  // as sent; the value without white space around it
};

// What came before the body. Views are valid as long as the Request they belong to.
struct RequestHead {
    Method method = Method::other;
    std::string_view method_name;
    std::string_view path;   // from "/" to "?", still percent-encoded; "*" is possible with OPTIONS only
    std::string_view query;  // behind "?", still encoded; empty where there is none
    int minor_version = 1;   // of HTTP/1.x
    std::string_view id;     // of this request, made here: the answer's X-Request-Id
    std::vector<Header> headers;
    // Who asked: the connection's address, or, where that is a trusted proxy's, the last hop it vouches for.
    std::string_view peer;
    bool chunked = false;                           // a body of unknown length follows
    std::optional<std::uint64_t> content_length{};  // as announced

    // The first header of that name (any case); empty where there is none. Host, Content-Length, Content-Type
    // and Authorization never come twice: such a request is refused.
    std::string_view header(std::string_view name) const;
    bool has_body() const { return chunked || content_length.value_or(0) > 0; }
};

struct Request {
    RequestHead head;
    std::string body;  // where the plan keeps it in memory
};

// A body made while it is sent. Runs on a worker; one call at a time.
class BodySource {
  public:
    virtual ~BodySource() = default;
    // Fills the start of `out`; how much. 0 is the end. A failure cuts the connection: the client sees that
    // the answer is not whole.
    virtual Result<std::size_t> read(std::span<std::byte> out) = 0;
};

struct Response {
    int status = 200;
    // Content-Length, Transfer-Encoding, Connection and Date are the server's. A header with a line break or
    // NUL in it is a bug, and answers 500 instead.
    std::vector<std::pair<std::string, std::string>> headers{};
    std::string body{};
    std::shared_ptr<const std::string>
        shared{};                          // instead of `body`: the same bytes for many answers, never copied
    std::shared_ptr<BodySource> source{};  // instead of both
    std::string note{};                    // why, for Answered; never sent

    static Response text(int status, std::string body);
    static Response json(int status, std::string body);
    static Response empty(int status);
    Response&& with(std::string name, std::string value) &&;
    void set(std::string_view name, std::string value);  // replaces
};

// RFC 9457: {"type","title","status","detail"}, and when it is sent "instance", which names the request's id.
// `type` is a stable name for programs; "about:blank" stands for the status's own. `extra` is appended as
// further members: `"errors":[…]`, without braces.
Response problem(int status, std::string_view detail, std::string_view type = "about:blank",
                 std::string_view extra = {});
std::string_view reason_phrase(int status);  // "Not Found"; "" for a number that has no name

// Server-sent events to one client. Thread-safe. Holding one keeps nothing open: the client may leave at any
// time.
class EventStream {
  public:
    virtual ~EventStream() = default;
    // False where the client has left or was cut: more waits for it than its queue may hold. It will come
    // back by itself, with the id of the last event it saw in the header Last-Event-ID. Line breaks in `id`
    // and `event` are left out; `data` may have several lines.
    virtual bool send(std::string_view id, std::string_view event, std::string_view data) = 0;
    virtual void close() = 0;  // what was sent before still goes out
    virtual bool is_open() const = 0;
    // Called once, on an io thread, when the client has left or was cut, or after close(); at once where that
    // has happened already.
    virtual void when_closed(std::function<void()> call) = 0;
};
struct EventOptions {
    std::size_t queue_bytes = 256 * 1024;
    std::chrono::milliseconds heartbeat{15'000};  // a comment where nothing was sent for so long
    std::chrono::milliseconds retry{2'000};       // how soon the client may come back
    std::vector<std::pair<std::string, std::string>> headers{};
};

// The right to answer one request, exactly once.
class Responder {
  public:
    Responder() = default;
    Responder(Responder&&) noexcept = default;
    Responder& operator=(Responder&& other) noexcept;
    ~Responder();  // unanswered: 500

    // The Request is gone after either.
    void send(Response response);
    std::shared_ptr<EventStream> events(EventOptions options = {});

    // False after an answer, or moved from.
    explicit operator bool() const { return connection_ != nullptr; }

  private:
    friend class Connection;
    explicit Responder(std::shared_ptr<Connection> connection) : connection_(std::move(connection)) {}
    std::shared_ptr<Connection> connection_;
};

// Takes a body piece by piece; the client is read no faster than this returns. Calls come one at a time, on
// the plan's lane. Destroyed with the plan: what was not finished was cut, and is to be thrown away.
class BodySink {
  public:
    virtual ~BodySink() = default;
    // An error ends the request: `limit` answers 413, `invalid` 400, `unavailable` 503, `denied` 403, others
    // 500, with the message as the detail (500 keeps it to itself).
    virtual Status take(Bytes piece) = 0;
    virtual Status finish() = 0;  // the body is whole; what runs next is Plan::run
};

// What shall be done with a request. `run` may move the Request's body away; the Request lives until the
// answer.
struct Plan {
    using Run = std::function<void(Request&, Responder)>;
    enum class Lane : std::uint8_t {
        inline_,  // on the io thread: microseconds
        worker,   // on the pool
    };
    std::optional<Response> refusal{};
    Lane lane = Lane::inline_;
    std::uint32_t tag = 0;             // the program's own number for it, for Answered
    std::uint64_t body_limit = 0;      // more answers 413; 0: no body may come
    std::shared_ptr<BodySink> sink{};  // where there is none the body is kept in memory
    Run run{};

    static Plan refuse(Response response);
    static Plan inline_(Run run, std::uint64_t body_limit = 0);
    static Plan worker(Run run, std::uint64_t body_limit = 0);
    static Plan streamed(std::shared_ptr<BodySink> sink, std::uint64_t body_limit, Run run);
};
using Handler = std::function<Plan(const RequestHead&)>;

// What one client, or all together, may use. Refused beyond: connections, queued requests and bytes with 503
// and Retry-After; heads with 431 and 414; bodies with 413; time with 408, or by cutting.
struct Limits {
    int connections = 10'000;
    int queued = 1'024;                            // requests that wait for a worker
    std::uint64_t body_bytes = 256 * 1024 * 1024;  // of all requests, in memory at one time
    std::size_t head_bytes = 16 * 1024;
    std::size_t headers = 100;
    std::size_t target_bytes = 8 * 1024;
    std::chrono::milliseconds idle{75'000};       // between two requests
    std::chrono::milliseconds head_time{10'000};  // from a head's first byte to its last
    std::chrono::milliseconds stall{20'000};      // without a byte of a body read, or of an answer taken
    std::chrono::milliseconds grace{30'000};      // a body or an answer may take this and, on top of it, …
    std::uint64_t bytes_per_second = 4'096;       // … its bytes at this pace
    std::chrono::milliseconds stop{10'000};       // how long stop() lets running requests end
};

// What is made of a request for a log or a metric. Called on an io thread when the answer is out (or was
// cut).
struct Answered {
    const RequestHead* head = nullptr;  // nullptr where the head could not be read; not valid after the call
    std::string_view id, note;          // the request's; the answer's; not valid after the call
    std::uint32_t tag = 0;              // its plan's
    int status = 0;
    std::uint64_t body_bytes_in = 0, bytes_out = 0;
    std::chrono::microseconds took{0};
    bool whole = false;  // false: the client left or was cut before all was sent
};

struct Options {
    std::string listen = "127.0.0.1:8080";  // ADDRESS:PORT, [ADDRESS]:PORT for IPv6; port 0: any free one
    int io_threads = 1;
    int workers = 2;
    Limits limits{};
    // Addresses and networks ("10.0.0.0/8") whose X-Forwarded-For is believed. Nobody's by default.
    std::vector<std::string> trusted_proxies{};
    std::function<Response(int status, std::string_view detail)> problem{};  // for errors made here
    std::function<void(const Answered&)> observe{};
    const Clock* clock = &system_clock();  // for Date; outlives the server
};

// Totals since the start; those marked now are of this moment.
struct Counters {
    std::uint64_t connections = 0;                // now
    std::uint64_t accepted = 0, turned_away = 0;  // turned away: too many connections
    std::uint64_t requests = 0;                   // heads read
    std::uint64_t malformed = 0;                  // refused heads and bodies (400, 414, 417, 431, 501, 505)
    std::uint64_t answers[6] = {};                // by first digit, answers[2] are 2xx
    std::uint64_t too_busy = 0;                   // 503 for a full queue or full memory
    std::uint64_t timed_out = 0;                  // slow to send
    std::uint64_t cut = 0;                        // left, or was cut, before the answer was out
    std::uint64_t failed = 0;                     // handlers that threw or forgot to answer
    std::uint64_t queued = 0, running = 0;        // now: waiting for a worker, on one
    std::uint64_t body_bytes = 0;                 // now, in memory
    std::uint64_t event_streams = 0;              // now
    std::uint64_t bytes_in = 0, bytes_out = 0;
};

class Server {
  public:
    // Listens and answers when this returns. `invalid`: the address makes no sense or is not this machine's;
    // `conflict`: another program has the port; `denied`: it needs a privilege.
    static Result<Server> start(Options options, Handler handler);
    Server(Server&&) noexcept;
    Server& operator=(Server&&) noexcept;
    ~Server();  // stops

    const std::string& address() const;  // "127.0.0.1:40123", with the port that was given
    std::uint16_t port() const;
    Counters counters() const;

    // Takes no new connections, closes idle ones and event streams, lets running requests end for
    // Limits::stop, and returns when nothing of it runs any more. An answer that a handler gave before is
    // sent whole, unless its client does not take it in that time. Worker work still running is waited for.
    // Not from a handler.
    void stop();

  private:
    struct State;
    explicit Server(std::unique_ptr<State> state);
    std::unique_ptr<State> state_;
};

}  // namespace rushlight::http
