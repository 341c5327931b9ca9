#include "net/testing/dns_server.h"

#include "base/text.h"
#include "net/net.h"
#include "net/testing/listener.h"

#include <algorithm>
#include <array>
#include <stdexcept>

#include <sys/socket.h>
#include <unistd.h>

namespace rushlight::net::testing {
namespace {

constexpr int kA = 1;
constexpr int kCname = 5;
constexpr int kAaaa = 28;
constexpr std::size_t kMostCounted = 10'000;  // names and types; then the counts begin anew

void put16(std::string& out, int value) {
    out += static_cast<char>(value >> 8);
    out += static_cast<char>(value);
}

// RFC 1035, section 3.1
std::string encoded(std::string_view name) {
    std::string out;
    for (const std::string_view label : split(name, '.')) {
        if (label.empty()) continue;
        out += static_cast<char>(label.size());
        out += label;
    }
    return out + '\0';
}

void put_record(std::string& out, std::string_view name, int type, std::string_view data) {
    out += encoded(name);
    put16(out, type);
    put16(out, 1);              // IN
    out.append("\0\0\0\0", 4);  // for no time at all
    put16(out, static_cast<int>(data.size()));
    out += data;
}

}  // namespace

DnsServer::DnsServer(std::uint16_t port) : socket_(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in to = loopback("127.0.0.1", port);
    socklen_t size = sizeof to;
    if (::bind(socket_.get(), reinterpret_cast<sockaddr*>(&to), size) != 0 ||
        ::getsockname(socket_.get(), reinterpret_cast<sockaddr*>(&to), &size) != 0) {
        throw std::runtime_error("the DNS server can't listen");
    }
    port_ = ntohs(to.sin_port);
    thread_ = std::thread([this] { serve(); });
}

DnsServer::~DnsServer() {
    // A datagram wakes it, so that it sees that it shall end.
    ends_ = true;
    const Fd bell(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    const sockaddr_in to = loopback("127.0.0.1", port_);
    ::sendto(bell.get(), "", 0, 0, reinterpret_cast<const sockaddr*>(&to), sizeof to);
    thread_.join();
}

void DnsServer::set(const std::string& name, std::vector<DnsAnswer> answers) {
    const std::lock_guard lock(mutex_);
    answers_[name] = std::move(answers);
}

int DnsServer::lookups(const std::string& name) const {
    const std::lock_guard lock(mutex_);
    const auto it = asked_.find({name, kA});
    return it == asked_.end() ? 0 : it->second;
}

void DnsServer::serve() {
    std::array<char, 4096> buffer{};
    for (;;) {
        sockaddr_in peer{};
        socklen_t size = sizeof peer;
        const ssize_t got = ::recvfrom(socket_.get(), buffer.data(), buffer.size(), 0,
                                       reinterpret_cast<sockaddr*>(&peer), &size);
        if (ends_) return;
        if (got <= 0) continue;  // anybody may send an empty one
        const std::string reply = answer({buffer.data(), static_cast<std::size_t>(got)});
        if (reply.empty()) continue;
        ::sendto(socket_.get(), reply.data(), reply.size(), 0, reinterpret_cast<sockaddr*>(&peer), size);
    }
}

std::string DnsServer::answer(std::string_view query) {
    std::string name;
    std::size_t at = 12;
    while (at < query.size() && query[at] != 0) {
        const auto length = static_cast<unsigned char>(query[at]);
        if (at + 1 + length >= query.size()) return {};
        name += (name.empty() ? "" : ".") + lower(query.substr(at + 1, length));
        at += 1U + length;
    }
    if (at + 5 > query.size()) return {};
    const int type =
        static_cast<unsigned char>(query[at + 1]) << 8 | static_cast<unsigned char>(query[at + 2]);

    DnsAnswer chosen{.code = 3};
    {
        const std::lock_guard lock(mutex_);
        if (asked_.size() >= kMostCounted && !asked_.contains({name, type})) asked_.clear();
        const int times = asked_[{name, type}]++;
        if (const auto it = answers_.find(name); it != answers_.end()) {
            chosen =
                it->second[std::min<std::size_t>(static_cast<std::size_t>(times), it->second.size() - 1)];
        }
    }
    if (chosen.silent) return {};

    std::string records;
    int count = 0;
    std::string owner = name;
    for (const std::string& alias : chosen.aliases) {
        put_record(records, owner, kCname, encoded(alias));
        owner = alias;
        ++count;
    }
    for (const std::string& text : chosen.addresses) {
        const auto address = Address::parse(text).value();
        if (type != (address.v6 ? kAaaa : kA)) continue;
        put_record(records, owner, type,
                   {reinterpret_cast<const char*>(address.bytes.data()), address.v6 ? 16u : 4u});
        ++count;
    }
    std::string reply(query.substr(0, 2));
    put16(reply, 0x8180 | chosen.code);  // a response, recursion available
    put16(reply, 1);
    put16(reply, count);
    put16(reply, 0);
    put16(reply, 0);
    reply += query.substr(12, at + 5 - 12);
    reply += records;
    if (chosen.broken) reply = reply.substr(0, 2) + std::string(reply.size(), '\xFF');
    return reply;
}

}  // namespace rushlight::net::testing
