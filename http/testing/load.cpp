#include "http/testing/load.h"

#include "base/fd.h"
#include "base/text.h"
#include "base/time.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <deque>

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sched.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>

namespace rushlight::http::testing {
namespace {

constexpr std::size_t kMicros = 200'000;

double seconds_of(clockid_t clock) {
    timespec now{};
    clock_gettime(clock, &now);
    return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) / 1e9;
}

struct Client {
    Fd fd;
    std::string out;  // what is still to be sent
    std::string in;
    Steady::time_point asked;
    bool busy = false;
};

// The length of the whole first answer in `in` and its status; 0 where it is not there yet.
std::size_t whole_answer(std::string_view in, int& status) {
    const auto end = in.find("\r\n\r\n");
    if (end == std::string_view::npos) return 0;
    status = in.size() > 12 ? static_cast<int>(parse_integer(in.substr(9, 3)).value_or(0)) : 0;
    constexpr std::string_view kName = "\r\nContent-Length: ";
    const auto at = in.substr(0, end).find(kName);
    std::size_t length = 0;
    if (at != std::string_view::npos) {
        const auto from = at + kName.size();
        length = static_cast<std::size_t>(std::max<std::int64_t>(
            0, parse_integer(in.substr(from, in.find('\r', from) - from)).value_or(0)));
    }
    return in.size() >= end + 4 + length ? end + 4 + length : 0;
}

class Generator {
  public:
    explicit Generator(const Load& load) : load_(load), clients_(static_cast<std::size_t>(load.connections)) {
        measured_.micros.assign(kMicros + 1, 0);
    }

    Result<Measured> run() {
        epoll_.reset(epoll_create1(EPOLL_CLOEXEC));
        for (std::size_t i = 0; i < clients_.size(); ++i)
            if (auto connected = connect(i); !connected) return pass(connected.error());
        const double cpu_before = thread_cpu_seconds();
        began_ = Steady::now();
        const auto last = began_ + load_.duration;
        if (load_.rate > 0) {
            for (std::size_t i = 0; i < clients_.size(); ++i) free_.push_back(i);
        } else {
            for (auto& client : clients_) ask(client, began_);
        }
        std::array<epoll_event, 256> events{};
        auto now = began_;
        while (is_going(now < last)) {
            const int wait = load_.rate > 0 && asking_ ? send_due(now) : 10;
            const int ready = epoll_wait(epoll_.get(), events.data(), static_cast<int>(events.size()), wait);
            now = Steady::now();
            for (int i = 0; i < ready; ++i) {
                const auto index = events[static_cast<std::size_t>(i)].data.u64;
                if (!go_on(index)) {
                    ++measured_.broken;
                    if (auto connected = connect(index); !connected) return pass(connected.error());
                    ask(clients_[index], now);
                }
            }
        }
        measured_.seconds = std::chrono::duration<double>(Steady::now() - began_).count();
        measured_.cpu_seconds = thread_cpu_seconds() - cpu_before;
        return std::move(measured_);
    }

  private:
    // Whether there is something to wait for; sets whether there is something to ask.
    bool is_going(bool in_time) {
        asking_ = in_time && (load_.most == 0 || measured_.answers < load_.most);
        return asking_ || (load_.to_the_end && std::ranges::any_of(clients_, &Client::busy));
    }

    Status connect(std::size_t index) {
        Client& client = clients_[index];
        client = {};
        client.fd.reset(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
        sockaddr_in name{};
        name.sin_family = AF_INET;
        name.sin_port = htons(load_.port);
        name.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        if (::connect(client.fd.get(), reinterpret_cast<const sockaddr*>(&name), sizeof name) != 0)
            return fail_errno("cannot connect to the server under load");
        const int yes = 1;
        setsockopt(client.fd.get(), IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
        epoll_event event{.events = EPOLLIN, .data = {.u64 = index}};
        epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, client.fd.get(), &event);
        return {};
    }

    void ask(Client& client, Steady::time_point due) {
        client.asked = due;
        client.busy = true;
        const auto request = load_.request(asked_++);
        const auto sent = send(client.fd.get(), request.data(), request.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
        const auto gone = sent > 0 ? static_cast<std::size_t>(sent) : 0;
        if (gone == request.size()) return;
        client.out = request.substr(gone);
        watch(client, EPOLLIN | EPOLLOUT);
    }

    // Open loop: all that are due by now, as far as connections are free; how long to wait at most.
    int send_due(Steady::time_point now) {
        const auto due = [&](std::uint64_t n) {
            return began_ + std::chrono::duration_cast<Steady::duration>(
                                std::chrono::duration<double>(static_cast<double>(n) / load_.rate));
        };
        while (!free_.empty() && due(asked_) <= now) {
            const auto index = free_.front();
            free_.pop_front();
            ask(clients_[index], due(asked_));
        }
        return free_.empty() || due(asked_) - now > std::chrono::milliseconds(1) ? 1 : 0;
    }

    bool go_on(std::size_t index) {
        Client& client = clients_[index];
        if (!client.out.empty()) {
            const auto sent =
                send(client.fd.get(), client.out.data(), client.out.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
            if (sent > 0) client.out.erase(0, static_cast<std::size_t>(sent));
            if (client.out.empty()) watch(client, EPOLLIN);
        }
        char bytes[16 * 1024];
        const auto got = recv(client.fd.get(), bytes, sizeof bytes, MSG_DONTWAIT);
        if (got < 0) return errno == EAGAIN;
        if (got == 0) return false;
        client.in.append(bytes, static_cast<std::size_t>(got));
        int status = 0;
        const auto length = whole_answer(client.in, status);
        if (length == 0) return true;
        client.in.erase(0, length);
        ++(status / 100 == 2 ? measured_.answers : measured_.others);
        const auto now = Steady::now();
        const auto took = std::chrono::duration_cast<std::chrono::microseconds>(now - client.asked).count();
        ++measured_.micros[std::min<std::size_t>(static_cast<std::size_t>(std::max<std::int64_t>(took, 0)),
                                                 kMicros)];
        client.busy = false;
        if (load_.rate > 0)
            free_.push_back(index);
        else if (asking_)
            ask(client, now);
        return true;
    }

    void watch(const Client& client, std::uint32_t what) {
        epoll_event event{.events = what,
                          .data = {.u64 = static_cast<std::uint64_t>(&client - clients_.data())}};
        epoll_ctl(epoll_.get(), EPOLL_CTL_MOD, client.fd.get(), &event);
    }

    const Load& load_;
    std::vector<Client> clients_;
    std::deque<std::size_t> free_;
    Fd epoll_;
    Steady::time_point began_;
    std::uint64_t asked_ = 0;
    bool asking_ = true;
    Measured measured_;
};

}  // namespace

double Measured::percentile(double share) const {
    std::uint64_t all = 0;
    for (const auto count : micros) all += count;
    const auto wanted = static_cast<std::uint64_t>(share * static_cast<double>(all));
    std::uint64_t seen = 0;
    for (std::size_t i = 0; i < micros.size(); ++i) {
        seen += micros[i];
        if (seen > wanted) return static_cast<double>(i);
    }
    return static_cast<double>(micros.size());
}

Result<Measured> run(const Load& load) { return Generator(load).run(); }

bool pin_to_core(int core) {
    cpu_set_t cores;
    CPU_ZERO(&cores);
    CPU_SET(static_cast<std::size_t>(core), &cores);
    return sched_setaffinity(0, sizeof cores, &cores) == 0;
}

double thread_cpu_seconds() { return seconds_of(CLOCK_THREAD_CPUTIME_ID); }
double process_cpu_seconds() { return seconds_of(CLOCK_PROCESS_CPUTIME_ID); }

}  // namespace rushlight::http::testing
