#include "http/connection.h"
#include "http/listen.h"

#include <cerrno>
#include <deque>
#include <future>
#include <new>
#include <utility>

#include <boost/asio/post.hpp>
#include <sys/socket.h>

namespace rushlight::http {
namespace {

constexpr std::size_t kTurnedAwayKept = 128;
constexpr std::chrono::milliseconds kTurnedAwayFor{1'000};
constexpr std::chrono::milliseconds kAcceptPause{50};
constexpr int kAcceptedAtOnce = 64;

using Timer = asio::basic_waitable_timer<Steady, asio::wait_traits<Steady>, Executor>;

// Takes connections and deals them out to the loops. Lives on the first loop's thread.
class Acceptor {
  public:
    Acceptor(std::shared_ptr<Core> core, std::vector<std::unique_ptr<Loop>>& loops, Listening listening)
        : core_(std::move(core)),
          loops_(loops),
          socket_(loops.front()->io),
          pause_(loops.front()->io),
          is_v6_(listening.is_v6) {
        socket_.assign(protocol(), listening.socket.release());
    }

    void wait() {
        socket_.async_wait(asio::socket_base::wait_read, [this](Code code) {
            if (!code) accept();
        });
    }

    // Those who wait already are still let in.
    void stop() {
        while (take_one()) {
        }
        Code code;
        socket_.close(code);
        pause_.cancel();
        turned_away_.clear();
    }

  private:
    struct TurnedAway {
        Fd socket;
        Steady::time_point since;
    };

    asio::ip::tcp protocol() const { return is_v6_ ? asio::ip::tcp::v6() : asio::ip::tcp::v4(); }

    void accept() {
        try {
            for (int i = 0; i < kAcceptedAtOnce && take_one(); ++i) {
            }
        } catch (const std::bad_alloc&) {
            errno = ENOMEM;
        }
        if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
            pause_.expires_after(kAcceptPause);  // until somebody has left
            pause_.async_wait([this](Code code) {
                if (!code) wait();
            });
            return;
        }
        wait();
    }

    bool take_one() {
        const auto now = Steady::now();
        while (!turned_away_.empty() &&
               (now - turned_away_.front().since > kTurnedAwayFor || turned_away_.size() >= kTurnedAwayKept))
            turned_away_.pop_front();
        std::string peer;
        Fd fd = accept_from(socket_.native_handle(), peer);
        if (!fd) return errno == ECONNABORTED || errno == EINTR;
        if (core_->open.load() >= static_cast<std::uint64_t>(core_->options.limits.connections)) {
            turn_away(std::move(fd), now);
            return true;
        }
        count(core_->accepted);
        core_->connection_opened();
        Loop& loop = *loops_[next_++ % loops_.size()];
        Socket socket(loop.io, protocol(), fd.release());
        Code code;
        socket.non_blocking(true, code);
        socket.set_option(asio::ip::tcp::no_delay(true), code);
        auto connection = std::make_shared<Connection>(core_, loop, std::move(socket), std::move(peer));
        asio::post(loop.io, [connection = std::move(connection)] { connection->start(); });
        return true;
    }

    // Cheap, and without a connection's memory. It is closed a moment later, so that the answer is not lost.
    void turn_away(Fd fd, Steady::time_point now) {
        count(core_->turned_away);
        static constexpr std::string_view kAnswer =
            "HTTP/1.1 503 Service Unavailable\r\nRetry-After: 2\r\nContent-Length: 0\r\nConnection: "
            "close\r\n\r\n";
        if (send(fd.get(), kAnswer.data(), kAnswer.size(), MSG_NOSIGNAL) > 0) shutdown(fd.get(), SHUT_WR);
        turned_away_.push_back({std::move(fd), now});
    }

    std::shared_ptr<Core> core_;
    std::vector<std::unique_ptr<Loop>>& loops_;
    asio::basic_socket_acceptor<asio::ip::tcp, Executor> socket_;
    Timer pause_;
    const bool is_v6_;
    std::size_t next_ = 0;
    std::deque<TurnedAway> turned_away_;
};

template <class F>
void run_in(Loop& loop, F work) {
    std::promise<void> done;
    asio::post(loop.io, [&] {
        work();
        done.set_value();
    });
    done.get_future().wait();
}

}  // namespace

struct Server::State {
    State(std::shared_ptr<Core> shared, Listening listening)
        : core(std::move(shared)), address(listening.address), port(listening.port) {
        for (int i = 0; i < core->options.io_threads; ++i) loops.push_back(std::make_unique<Loop>(*core));
        acceptor = std::make_unique<Acceptor>(core, loops, std::move(listening));
        acceptor->wait();
        for (const auto& loop : loops) loop->run();
    }
    State(const State&) = delete;
    State& operator=(const State&) = delete;
    ~State() { stop(); }

    void stop() {
        const std::lock_guard lock(mutex);
        if (stopped) return;
        stopped = true;
        core->stopping = true;
        run_in(*loops.front(), [this] { acceptor->stop(); });
        for (const auto& loop : loops) run_in(*loop, [&] { loop->wind_down(); });
        if (!core->wait_until_closed(core->options.limits.stop)) {
            for (const auto& loop : loops) run_in(*loop, [&] { loop->cut_all(); });
            core->wait_until_closed(std::chrono::hours(1));
        }
        core->workers.stop();
        for (const auto& loop : loops) loop->finish();
        acceptor.reset();
    }

    const std::shared_ptr<Core> core;
    const std::string address;
    const std::uint16_t port;
    std::vector<std::unique_ptr<Loop>> loops;
    std::unique_ptr<Acceptor> acceptor;
    std::mutex mutex;
    bool stopped = false;
};

Server::Server(std::unique_ptr<State> state) : state_(std::move(state)) {}
Server::Server(Server&&) noexcept = default;
Server& Server::operator=(Server&&) noexcept = default;
Server::~Server() = default;

Result<Server> Server::start(Options options, Handler handler) {
    const Limits& limits = options.limits;
    if (!handler || options.io_threads < 1 || options.workers < 1 || limits.connections < 1 ||
        limits.queued < 0)
        return fail(ErrorCode::invalid,
                    "an HTTP server needs a handler, an io thread, a worker and room for a connection");
    auto trusted = Networks::parse(options.trusted_proxies);
    if (!trusted) return pass(trusted.error());
    auto listening = listen_on(options.listen);
    if (!listening) return pass(listening.error());
    auto core = std::make_shared<Core>(std::move(options), std::move(handler), std::move(*trusted));
    return Server(std::make_unique<State>(std::move(core), std::move(*listening)));
}

const std::string& Server::address() const { return state_->address; }
std::uint16_t Server::port() const { return state_->port; }
Counters Server::counters() const { return state_->core->counters(); }
void Server::stop() { state_->stop(); }

}  // namespace rushlight::http
