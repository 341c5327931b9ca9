#include "net/testing/socks_server.h"

#include "net/net.h"

#include <algorithm>
#include <array>

#include <poll.h>
#include <sys/socket.h>

namespace rushlight::net::testing {
namespace {

bool forward(int from, int to) {
    std::array<char, 16'384> chunk{};
    const auto size = ::recv(from, chunk.data(), chunk.size(), 0);
    return size > 0 && ::send(to, chunk.data(), static_cast<std::size_t>(size), MSG_NOSIGNAL) == size;
}

}  // namespace

SocksServer::SocksServer(std::uint16_t leads_to)
    : leads_to_(leads_to), listener_([this](Connection& c) { serve(c); }) {}

std::vector<std::string> SocksServer::asked() const {
    const std::lock_guard lock(mutex_);
    return asked_;
}

void SocksServer::serve(Connection& connection) {
    const auto greeting = connection.read_exactly(2);
    if (!greeting || !connection.read_exactly(static_cast<unsigned char>((*greeting)[1]))) return;
    connection.write({"\x05\x00", 2});
    const auto head = connection.read_exactly(4);
    if (!head) return;
    std::string host;
    const char kind = (*head)[3];
    if (kind == 3) {  // a name
        const auto length = connection.read_exactly(1);
        if (!length) return;
        host = connection.read_exactly(static_cast<unsigned char>((*length)[0])).value_or("");
    } else {
        Address address;
        address.v6 = kind == 4;
        const auto bytes = connection.read_exactly(address.v6 ? 16 : 4);
        if (!bytes) return;
        std::ranges::copy(*bytes, address.bytes.begin());
        host = address.text();
    }
    const auto port = connection.read_exactly(2);
    if (!port) return;
    const int number = static_cast<unsigned char>((*port)[0]) << 8 | static_cast<unsigned char>((*port)[1]);
    {
        const std::lock_guard lock(mutex_);
        asked_.push_back(host + ':' + std::to_string(number));
    }
    const Fd target(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    const sockaddr_in to = loopback("127.0.0.1", leads_to_);
    if (::connect(target.get(), reinterpret_cast<const sockaddr*>(&to), sizeof to) != 0) return;
    connection.write({"\x05\x00\x00\x01\x00\x00\x00\x00\x00\x00", 10});
    for (;;) {
        std::array<pollfd, 2> fds{{{connection.fd(), POLLIN, 0}, {target.get(), POLLIN, 0}}};
        ::poll(fds.data(), fds.size(), -1);
        if (fds[0].revents != 0 && !forward(connection.fd(), target.get())) return;
        if (fds[1].revents != 0 && !forward(target.get(), connection.fd())) return;
    }
}

}  // namespace rushlight::net::testing
