#include "http/listen.h"

#include "base/text.h"
#include "http/peer.h"

#include <cerrno>
#include <cstring>

#include <netinet/in.h>
#include <sys/socket.h>

namespace rushlight::http {
namespace {

constexpr int kBacklog = 4096;  // the kernel takes less where it is set so

struct Name {
    sockaddr_storage storage{};
    socklen_t size = sizeof(sockaddr_storage);
    sockaddr* get() { return reinterpret_cast<sockaddr*>(&storage); }

    Address address() const {
        Address address{};
        if (storage.ss_family == AF_INET6) {
            std::memcpy(address.data(), &reinterpret_cast<const sockaddr_in6*>(&storage)->sin6_addr, 16);
        } else {
            address[10] = address[11] = 0xff;
            std::memcpy(address.data() + 12, &reinterpret_cast<const sockaddr_in*>(&storage)->sin_addr, 4);
        }
        return address;
    }
    std::uint16_t port() const {
        return ntohs(storage.ss_family == AF_INET6
                         ? reinterpret_cast<const sockaddr_in6*>(&storage)->sin6_port
                         : reinterpret_cast<const sockaddr_in*>(&storage)->sin_port);
    }
};

Result<Name> parse_listen(const std::string& text) {
    const auto wrong = [&] {
        return fail(ErrorCode::invalid,
                    "cannot listen on '" + text + "': write ADDRESS:PORT, as 127.0.0.1:8080 or [::1]:8080");
    };
    const auto colon = text.rfind(':');
    if (colon == std::string::npos) return wrong();
    std::string_view host(text.data(), colon);
    const auto port = parse_integer(std::string_view(text).substr(colon + 1));
    if (!port || *port < 0 || *port > 65535) return wrong();
    const bool v6 = host.starts_with('[');
    if (v6) {
        if (!host.ends_with(']')) return wrong();
        host = host.substr(1, host.size() - 2);
    } else if (host == "localhost") {
        host = "127.0.0.1";
    }
    const auto address = parse_address(host);
    if (!address || (host.find(':') != std::string_view::npos) != v6) return wrong();

    Name name;
    if (v6) {
        auto* in6 = reinterpret_cast<sockaddr_in6*>(&name.storage);
        in6->sin6_family = AF_INET6;
        in6->sin6_port = htons(static_cast<std::uint16_t>(*port));
        std::memcpy(&in6->sin6_addr, address->data(), 16);
        name.size = sizeof(sockaddr_in6);
    } else {
        auto* in = reinterpret_cast<sockaddr_in*>(&name.storage);
        in->sin_family = AF_INET;
        in->sin_port = htons(static_cast<std::uint16_t>(*port));
        std::memcpy(&in->sin_addr, address->data() + 12, 4);
        name.size = sizeof(sockaddr_in);
    }
    return name;
}

tl::unexpected<Error> cannot_listen(const std::string& where, int error) {
    const std::string what = "cannot listen on " + where + ": ";
    switch (error) {
        case EADDRINUSE:
            return fail(ErrorCode::conflict,
                        what + "another program does already; stop it or choose another port");
        case EACCES:
            return fail(ErrorCode::denied, what + "ports below 1024 need a privilege; choose a higher one");
        case EADDRNOTAVAIL:
            return fail(ErrorCode::invalid, what + "this machine has no such address");
        case EAFNOSUPPORT:
            return fail(ErrorCode::invalid, what + "this machine speaks no IPv6");
        default:
            return fail_errno("cannot listen on " + where, error);
    }
}

}  // namespace

Result<Listening> listen_on(const std::string& address) {
    auto name = parse_listen(address);
    if (!name) return pass(name.error());
    Fd fd(socket(name->storage.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    if (!fd) return cannot_listen(address, errno);
    const int yes = 1;
    if (setsockopt(fd.get(), SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes) != 0 ||
        bind(fd.get(), name->get(), name->size) != 0 || listen(fd.get(), kBacklog) != 0)
        return cannot_listen(address, errno);
    Name given;
    if (getsockname(fd.get(), given.get(), &given.size) != 0) return cannot_listen(address, errno);
    const bool is_v6 = given.storage.ss_family == AF_INET6;
    const std::string host = to_string(given.address());
    const std::string port = std::to_string(given.port());
    return Listening{.socket = std::move(fd),
                     .address = is_v6 ? "[" + host + "]:" + port : host + ":" + port,
                     .port = given.port(),
                     .is_v6 = is_v6};
}

Fd accept_from(int listening, std::string& peer) {
    Name name;
    Fd fd(accept4(listening, name.get(), &name.size, SOCK_CLOEXEC | SOCK_NONBLOCK));
    if (!fd) {
        if (errno == EAGAIN) errno = 0;
        return fd;
    }
    peer = to_string(name.address());
    return fd;
}

}  // namespace rushlight::http
