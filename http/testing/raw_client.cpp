#include "http/testing/raw_client.h"

#include "base/text.h"

#include <cerrno>
#include <charconv>
#include <thread>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>

namespace rushlight::http::testing {

std::string Reply::header(std::string_view name) const {
    for (const auto& [key, value] : headers)
        if (equals_ignoring_case(key, name)) return value;
    return {};
}

RawClient::RawClient(std::uint16_t port, std::chrono::milliseconds patience, int receive_buffer)
    : patience_(patience) {
    fd_.reset(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    if (receive_buffer > 0)
        setsockopt(fd_.get(), SOL_SOCKET, SO_RCVBUF, &receive_buffer, sizeof receive_buffer);
    const timeval most{.tv_sec = patience.count() / 1000,
                       .tv_usec = static_cast<suseconds_t>(patience.count() % 1000 * 1000)};
    setsockopt(fd_.get(), SOL_SOCKET, SO_SNDTIMEO, &most, sizeof most);
    sockaddr_in name{};
    name.sin_family = AF_INET;
    name.sin_port = htons(port);
    name.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (connect(fd_.get(), reinterpret_cast<const sockaddr*>(&name), sizeof name) != 0) fd_.reset();
}

bool RawClient::send(std::string_view bytes) {
    while (!bytes.empty()) {
        const auto sent = ::send(fd_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
        if (sent < 0 && errno == EINTR) continue;
        if (sent <= 0) return false;
        bytes.remove_prefix(static_cast<std::size_t>(sent));
    }
    return true;
}

void RawClient::shutdown_write() { shutdown(fd_.get(), SHUT_WR); }

void RawClient::reset() {
    const linger now{.l_onoff = 1, .l_linger = 0};
    setsockopt(fd_.get(), SOL_SOCKET, SO_LINGER, &now, sizeof now);
    fd_.reset();
}

bool RawClient::more() {
    if (!fd_) return false;  // refused; poll() would wait for it
    pollfd waiting{.fd = fd_.get(), .events = POLLIN, .revents = 0};
    if (poll(&waiting, 1, static_cast<int>(patience_.count())) <= 0) return false;
    char bytes[16 * 1024];
    const auto got = recv(fd_.get(), bytes, sizeof bytes, 0);
    if (got <= 0) return false;
    in_.append(bytes, static_cast<std::size_t>(got));
    return true;
}

std::optional<Reply> RawClient::reply(bool to_head) {
    std::size_t end = 0;
    while ((end = in_.find("\r\n\r\n")) == std::string::npos)
        if (!more()) return std::nullopt;
    Reply reply;
    const std::string head = in_.substr(0, end);
    in_.erase(0, end + 4);
    bool first = true;
    for (auto line : split(head, '\n')) {
        if (line.ends_with('\r')) line.remove_suffix(1);
        if (std::exchange(first, false)) {
            const auto status = line.size() >= 12 ? parse_integer(line.substr(9, 3)) : std::nullopt;
            if (!line.starts_with("HTTP/1.1 ") || !status) return std::nullopt;
            reply.status = static_cast<int>(*status);
            continue;
        }
        const auto colon = line.find(':');
        if (colon == std::string_view::npos) return std::nullopt;
        reply.headers.emplace_back(line.substr(0, colon), trim(line.substr(colon + 1)));
    }
    if (to_head || reply.status < 200 || reply.status == 204 || reply.status == 304) return reply;
    if (reply.header("Transfer-Encoding") == "chunked") {
        for (;;) {
            while ((end = in_.find("\r\n")) == std::string::npos)
                if (!more()) return std::nullopt;
            std::size_t size = 0;
            if (std::from_chars(in_.data(), in_.data() + end, size, 16).ptr != in_.data() + end)
                return std::nullopt;
            while (in_.size() < end + 2 + size + 2)
                if (!more()) return std::nullopt;
            reply.body.append(in_, end + 2, size);
            if (in_.compare(end + 2 + size, 2, "\r\n") != 0) return std::nullopt;
            in_.erase(0, end + 2 + size + 2);
            if (size == 0) return reply;
        }
    }
    if (const auto length = parse_integer(reply.header("Content-Length"))) {
        while (in_.size() < static_cast<std::size_t>(*length))
            if (!more()) return std::nullopt;
        reply.body = in_.substr(0, static_cast<std::size_t>(*length));
        in_.erase(0, static_cast<std::size_t>(*length));
        return reply;
    }
    while (more()) {
    }
    reply.body = std::exchange(in_, {});
    return reply;
}

std::string RawClient::read_until(std::string_view until) {
    std::size_t at = 0;
    while ((at = in_.find(until)) == std::string::npos)
        if (!more()) return std::exchange(in_, {});
    std::string text = in_.substr(0, at + until.size());
    in_.erase(0, at + until.size());
    return text;
}

bool RawClient::closed() {
    if (!in_.empty()) return false;
    pollfd waiting{.fd = fd_.get(), .events = POLLIN, .revents = 0};
    if (poll(&waiting, 1, static_cast<int>(patience_.count())) <= 0) return false;
    char byte = 0;
    return recv(fd_.get(), &byte, 1, 0) <= 0;
}

std::string get(std::string_view path, std::string_view headers) {
    std::string text = "GET ";
    text += path;
    text += " HTTP/1.1\r\nHost: x\r\n";
    text += headers;
    text += "\r\n";
    return text;
}

std::string post(std::string_view path, std::string_view body, std::string_view headers) {
    std::string text = "POST ";
    text += path;
    text += " HTTP/1.1\r\nHost: x\r\nContent-Length: " + std::to_string(body.size()) + "\r\n";
    text += headers;
    text += "\r\n";
    text += body;
    return text;
}

void breathe() { std::this_thread::sleep_for(std::chrono::milliseconds(1)); }

}  // namespace rushlight::http::testing
