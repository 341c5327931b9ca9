#include "message/testing/receiver.h"

#include "base/text.h"

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <optional>
#include <stdexcept>

#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/time.h>

namespace rushlight::message::testing {
namespace {

void say(int connection, const std::string& text) {
    (void)!::send(connection, text.data(), text.size(), MSG_NOSIGNAL);
}

// What comes until `done`, or the end.
template <class Done>
std::string read_until(int connection, std::string text, const Done& done) {
    while (!done(text)) {
        char piece[4096];
        const ssize_t n = ::recv(connection, piece, sizeof piece, 0);
        if (n <= 0) break;
        text.append(piece, static_cast<std::size_t>(n));
    }
    return text;
}

}  // namespace

Receiver::Receiver() : listening_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    auto* raw = reinterpret_cast<sockaddr*>(&address);
    if (::bind(listening_.get(), raw, size) != 0 || ::listen(listening_.get(), 16) != 0 ||
        ::getsockname(listening_.get(), raw, &size) != 0)
        throw std::runtime_error("cannot listen on loopback");
    port_ = ntohs(address.sin_port);
    thread_ = std::thread([this] { serve(); });
}

Receiver::~Receiver() {
    ::shutdown(listening_.get(), SHUT_RDWR);
    thread_.join();
}

void Receiver::will(std::vector<Act> acts, Act afterwards) {
    const std::lock_guard lock(mutex_);
    acts_ = std::move(acts);
    afterwards_ = std::move(afterwards);
}

std::vector<Received> Receiver::received() const {
    const std::lock_guard lock(mutex_);
    return received_;
}

bool Receiver::wait_for(std::size_t requests) {
    std::unique_lock lock(mutex_);
    return came_.wait_for(lock, std::chrono::seconds(60), [&] { return received_.size() >= requests; });
}

void Receiver::serve() {
    for (;;) {
        const Fd connection(::accept4(listening_.get(), nullptr, nullptr, SOCK_CLOEXEC));
        if (!connection) return;
        const timeval patience{.tv_sec = 20, .tv_usec = 0};
        ::setsockopt(connection.get(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
        handle(connection.get());
    }
}

void Receiver::handle(int connection) {
    std::string text = read_until(
        connection, {}, [](const std::string& got) { return got.find("\r\n\r\n") != std::string::npos; });
    const std::size_t end = text.find("\r\n\r\n");
    if (end == std::string::npos) return;
    Received request;
    std::size_t length = 0;
    const std::string head = text.substr(0, end);
    for (const std::string_view line : split(head, '\n')) {
        const std::string_view bare = trim(line);
        const std::size_t colon = bare.find(':');
        if (request.line.empty()) {
            request.line = bare;
        } else if (colon != std::string_view::npos) {
            request.headers[lower(bare.substr(0, colon))] = trim(bare.substr(colon + 1));
        }
    }
    length = std::strtoul(request.headers["content-length"].c_str(), nullptr, 10);
    request.body = read_until(connection, text.substr(end + 4),
                              [&](const std::string& got) { return got.size() >= length; });
    Act act;
    {
        const std::lock_guard lock(mutex_);
        act = afterwards_;
        if (!acts_.empty()) {
            act = acts_.front();
            acts_.erase(acts_.begin());
        }
        received_.push_back(std::move(request));
    }
    came_.notify_all();
    perform(connection, act);
}

void Receiver::perform(int connection, const Act& act) const {
    const std::string start = "HTTP/1.1 " + std::to_string(act.status) + " Said\r\n" + act.headers;
    const auto head = [&](std::size_t length) {
        return start + "Content-Length: " + std::to_string(length) + "\r\nConnection: close\r\n\r\n";
    };
    switch (act.manner) {
        case Act::Manner::answer:
            return say(connection, head(act.body.size()) + act.body);
        case Act::Manner::hang_up:
            return;
        case Act::Manner::cut_in_head:
            return say(connection, "HTTP/1.1 2");
        case Act::Manner::cut_in_content:
            return say(connection, head(2 * act.body.size()) + act.body);
        case Act::Manner::babble:
            return say(connection, "I am a teapot, and I do not speak HTTP.\r\n\r\n");
        case Act::Manner::silence:
            (void)read_until(connection, {}, [](const std::string&) { return false; });
            return;
        case Act::Manner::endless:
            say(connection, start + "Connection: close\r\n\r\n");
            const std::string piece(64 << 10, 'x');
            while (::send(connection, piece.data(), piece.size(), MSG_NOSIGNAL) > 0) {
            }
    }
}

}  // namespace rushlight::message::testing
