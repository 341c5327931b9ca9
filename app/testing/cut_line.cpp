#include "app/testing/cut_line.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <stdexcept>

#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

namespace rushlight::app::testing {
namespace {

constexpr const char* kSocket = "/.s.PGSQL.5432";

sockaddr_un name_of(const std::string& path) {
    sockaddr_un name{};
    name.sun_family = AF_UNIX;
    if (path.size() >= sizeof name.sun_path) throw std::runtime_error("a socket's path is too long");
    std::memcpy(name.sun_path, path.c_str(), path.size() + 1);
    return name;
}

Fd connect_to(const std::string& path) {
    const sockaddr_un name = name_of(path);
    Fd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    if (::connect(fd.get(), reinterpret_cast<const sockaddr*>(&name), sizeof name) != 0) return {};
    return fd;
}

// What came on one goes out on the other; false at the end.
bool hand_on(int from, int to) {
    std::array<char, 64 * 1024> buffer{};
    const ssize_t got = ::recv(from, buffer.data(), buffer.size(), MSG_DONTWAIT);
    if (got < 0) return errno == EAGAIN || errno == EINTR;
    if (got == 0) return false;
    for (ssize_t sent = 0; sent < got;) {
        const ssize_t n =
            ::send(to, buffer.data() + sent, static_cast<std::size_t>(got - sent), MSG_NOSIGNAL);
        if (n <= 0) return false;
        sent += n;
    }
    return true;
}

}  // namespace

CutLine::CutLine(const std::string& address) {
    const auto at = address.find("host=");
    if (at == std::string::npos) throw std::runtime_error("an address without a folder: " + address);
    real_ = address.substr(at + 5) + kSocket;
    socket_ = folder_.path() + kSocket;
    ours_ = address.substr(0, at + 5) + folder_.path();
    listen();
    thread_ = std::thread([this] { serve(); });
}

CutLine::~CutLine() {
    ended_ = true;
    thread_.join();
}

void CutLine::listen() {
    const sockaddr_un name = name_of(socket_);
    Fd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    ::unlink(socket_.c_str());
    if (::bind(fd.get(), reinterpret_cast<const sockaddr*>(&name), sizeof name) != 0 ||
        ::listen(fd.get(), 64) != 0)
        throw std::runtime_error("cannot listen on " + socket_);
    listening_ = std::move(fd);
}

void CutLine::cut() {
    const std::scoped_lock lock(mutex_);
    ::unlink(socket_.c_str());
    listening_.reset();
    pairs_.clear();
}

void CutLine::mend() {
    const std::scoped_lock lock(mutex_);
    listen();
}

void CutLine::serve() {
    while (!ended_) {
        std::vector<pollfd> waiting;
        {
            const std::scoped_lock lock(mutex_);
            if (listening_) waiting.push_back({listening_.get(), POLLIN, 0});
            for (const Pair& pair : pairs_) {
                waiting.push_back({pair.from.get(), POLLIN, 0});
                waiting.push_back({pair.to.get(), POLLIN, 0});
            }
        }
        ::poll(waiting.data(), waiting.size(), 5);
        const std::scoped_lock lock(mutex_);
        if (listening_) {
            pollfd knock{listening_.get(), POLLIN, 0};
            if (::poll(&knock, 1, 0) == 1) {
                Fd from(::accept4(listening_.get(), nullptr, nullptr, SOCK_CLOEXEC));
                Fd to = connect_to(real_);
                if (from && to) pairs_.push_back({std::move(from), std::move(to)});
            }
        }
        std::erase_if(pairs_, [](const Pair& pair) {
            return !hand_on(pair.from.get(), pair.to.get()) || !hand_on(pair.to.get(), pair.from.get());
        });
    }
}

}  // namespace rushlight::app::testing
