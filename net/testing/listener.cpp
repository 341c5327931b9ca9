#include "net/testing/listener.h"

#include <algorithm>
#include <array>
#include <csignal>
#include <stdexcept>

#include <arpa/inet.h>
#include <openssl/ssl.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

namespace rushlight::net::testing {

namespace {

// OpenSSL writes to a peer that has gone without MSG_NOSIGNAL. Only in our own threads: a client that needs
// this shall be found out.
void keep_broken_pipes_quiet() {
    sigset_t pipe;
    sigemptyset(&pipe);
    sigaddset(&pipe, SIGPIPE);
    ::pthread_sigmask(SIG_BLOCK, &pipe, nullptr);
}

}  // namespace

sockaddr_in loopback(const std::string& address, std::uint16_t port) {
    sockaddr_in to{};
    to.sin_family = AF_INET;
    to.sin_port = htons(port);
    if (::inet_pton(AF_INET, address.c_str(), &to.sin_addr) != 1 || !address.starts_with("127.")) {
        throw std::runtime_error("tests listen on loopback only, not on " + address);
    }
    return to;
}

// ----- Connection

Connection::Connection(int fd, ssl_ctx_st* tls) : fd_(fd) {
    if (!tls) return;
    tls_ = ::SSL_new(tls);
    ::SSL_set_fd(tls_, fd_);
    ready_ = ::SSL_accept(tls_) == 1;
}

Connection::~Connection() {
    if (!tls_) return;
    if (ready_) ::SSL_shutdown(tls_);
    ::SSL_free(tls_);
}

bool Connection::fill() {
    std::array<char, 16'384> chunk{};
    const auto size = tls_ ? static_cast<ssize_t>(::SSL_read(tls_, chunk.data(), chunk.size()))
                           : ::recv(fd_, chunk.data(), chunk.size(), 0);
    if (size <= 0) return false;
    buffer_.append(chunk.data(), static_cast<std::size_t>(size));
    return true;
}

std::optional<std::string> Connection::read_until(std::string_view mark) {
    for (;;) {
        const std::size_t at = buffer_.find(mark);
        if (at != std::string::npos) return read_exactly(at + mark.size());
        if (buffer_.size() > 1 << 20 || !fill()) return std::nullopt;
    }
}

std::optional<std::string> Connection::read_exactly(std::size_t bytes) {
    while (buffer_.size() < bytes) {
        if (!fill()) return std::nullopt;
    }
    std::string text = buffer_.substr(0, bytes);
    buffer_.erase(0, bytes);
    return text;
}

bool Connection::write(std::string_view text) {
    while (!text.empty()) {
        const auto size =
            tls_ ? static_cast<ssize_t>(::SSL_write(tls_, text.data(), static_cast<int>(text.size())))
                 : ::send(fd_, text.data(), text.size(), MSG_NOSIGNAL);
        if (size <= 0) return false;
        text.remove_prefix(static_cast<std::size_t>(size));
    }
    return true;
}

void Connection::wait_for_end() {
    while (fill()) buffer_.clear();
}

// ----- Listener

Listener::Listener(Serve serve, const std::string& address, std::uint16_t port, ssl_ctx_st* tls)
    : serve_(std::move(serve)),
      address_(address),
      tls_(tls),
      socket_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in to = loopback(address, port);
    const int yes = 1;
    ::setsockopt(socket_.get(), SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
    socklen_t size = sizeof to;
    if (::bind(socket_.get(), reinterpret_cast<sockaddr*>(&to), size) != 0 ||
        ::listen(socket_.get(), 64) != 0 ||
        ::getsockname(socket_.get(), reinterpret_cast<sockaddr*>(&to), &size) != 0) {
        throw std::runtime_error("cannot listen on " + address + ':' + std::to_string(port));
    }
    port_ = ntohs(to.sin_port);
    accepting_ = std::thread([this] { accept_all(); });
}

Listener::~Listener() {
    {
        const std::lock_guard lock(mutex_);
        stopping_ = true;
        for (const int fd : open_) ::shutdown(fd, SHUT_RDWR);
    }
    ::shutdown(socket_.get(), SHUT_RDWR);  // ends accept()
    accepting_.join();
    for (std::thread& thread : serving_) thread.join();
}

void Listener::accept_all() {
    for (;;) {
        sockaddr_in peer{};
        socklen_t size = sizeof peer;
        Fd fd(::accept4(socket_.get(), reinterpret_cast<sockaddr*>(&peer), &size, SOCK_CLOEXEC));
        const std::lock_guard lock(mutex_);
        if (stopping_ || !fd) return;
        peers_.push_back(ntohs(peer.sin_port));
        accepted_.notify_all();
        const auto place = open_.insert(open_.end(), fd.get());
        serving_.emplace_back([this, place, fd = std::move(fd)] {
            keep_broken_pipes_quiet();
            {
                Connection connection(fd.get(), tls_);
                if (connection.ready()) serve_(connection);
            }
            const std::lock_guard closing(mutex_);
            open_.erase(place);
        });
    }
}

int Listener::connections() {
    const Fd probe(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_in to = loopback(address_, port_);
    socklen_t size = sizeof to;
    if (::connect(probe.get(), reinterpret_cast<sockaddr*>(&to), size) != 0 ||
        ::getsockname(probe.get(), reinterpret_cast<sockaddr*>(&to), &size) != 0) {
        throw std::runtime_error("the listener is gone");
    }
    // Connections are accepted in the order in which they came.
    std::unique_lock lock(mutex_);
    const std::uint16_t port = ntohs(to.sin_port);
    accepted_.wait(lock, [&] { return std::ranges::find(peers_, port) != peers_.end(); });
    const auto before = std::ranges::find(peers_, port) - peers_.begin();
    return static_cast<int>(before) - own_++;
}

}  // namespace rushlight::net::testing
