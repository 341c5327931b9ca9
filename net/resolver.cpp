#include "net/resolver.h"

#include "net/failure.h"

#include <algorithm>
#include <array>
#include <map>
#include <memory>
#include <mutex>
#include <optional>

#include <ares.h>
#include <poll.h>
#include <sys/time.h>

namespace rushlight::net {
namespace {

constexpr int kMostAliases = 16;
constexpr std::size_t kMostAddresses = 64;

// One look-up on a c-ares channel of its own: nothing is cached, so nothing that one asker was told can reach
// another.
class Channel {
  public:
    Channel() = default;
    ~Channel() {
        if (channel_) ::ares_destroy(channel_);
    }
    Channel(const Channel&) = delete;
    Channel& operator=(const Channel&) = delete;

    bool open(const std::string& servers) {
        static std::once_flag once;
        std::call_once(once, [] { ::ares_library_init(ARES_LIB_INIT_ALL); });
        ares_options options{};
        options.flags = ARES_FLAG_NOSEARCH | ARES_FLAG_NOALIASES;
        options.timeout = 1'500;  // ms before the first repetition; the deadline is ours
        options.tries = 4;
        options.sock_state_cb = [](void* self, ares_socket_t socket, int read, int write) {
            auto& sockets = static_cast<Channel*>(self)->sockets_;
            if (!read && !write) {
                sockets.erase(socket);
            } else {
                sockets[socket] = static_cast<short>((read ? POLLIN : 0) | (write ? POLLOUT : 0));
            }
        };
        options.sock_state_cb_data = this;
        char dns_only[] = "b";
        options.lookups = dns_only;
        const int mask = ARES_OPT_FLAGS | ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES | ARES_OPT_SOCK_STATE_CB |
                         (servers.empty() ? 0 : ARES_OPT_LOOKUPS);
        if (::ares_init_options(&channel_, &options, mask) != ARES_SUCCESS) {
            channel_ = nullptr;
            return false;
        }
        return servers.empty() || ::ares_set_servers_ports_csv(channel_, servers.c_str()) == ARES_SUCCESS;
    }

    void ask(const std::string& name) {
        ares_addrinfo_hints hints{};
        hints.ai_family = AF_UNSPEC;
        hints.ai_flags = ARES_AI_NOSORT;
        ::ares_getaddrinfo(
            channel_, name.c_str(), nullptr, &hints,
            [](void* self, int status, int, ares_addrinfo* answer) {
                static_cast<Channel*>(self)->take(status, answer);
            },
            this);
    }

    bool done() const { return status_.has_value(); }
    int status() const { return status_.value_or(ARES_ECANCELLED); }
    int aliases() const { return aliases_; }
    const std::vector<Address>& addresses() const { return addresses_; }

    // Waits until something happened, at most until the deadline.
    void wait(Steady::time_point deadline, int wake_fd) {
        std::vector<pollfd> fds{{wake_fd, POLLIN, 0}};
        for (const auto& [socket, events] : sockets_) fds.push_back({socket, events, 0});
        timeval longest{60, 0};
        timeval wait{};
        const timeval* next = ::ares_timeout(channel_, &longest, &wait);
        const int own = static_cast<int>(next->tv_sec * 1000 + (next->tv_usec + 999) / 1000);
        ::poll(fds.data(), fds.size(), std::min(own, milliseconds_until(deadline)));
        for (std::size_t i = 1; i < fds.size(); ++i) {
            const bool readable = (fds[i].revents & (POLLIN | POLLERR | POLLHUP)) != 0;
            const bool writable = (fds[i].revents & POLLOUT) != 0;
            if (!readable && !writable) continue;
            ::ares_process_fd(channel_, readable ? fds[i].fd : ARES_SOCKET_BAD,
                              writable ? fds[i].fd : ARES_SOCKET_BAD);
        }
        ::ares_process_fd(channel_, ARES_SOCKET_BAD, ARES_SOCKET_BAD);  // what has timed out
    }

  private:
    void take(int status, ares_addrinfo* answer) {
        status_ = status;
        const std::unique_ptr<ares_addrinfo, decltype(&::ares_freeaddrinfo)> owner(answer,
                                                                                   &::ares_freeaddrinfo);
        if (!answer) return;
        for (const auto* cname = answer->cnames; cname; cname = cname->next) ++aliases_;
        for (const auto* node = answer->nodes; node; node = node->ai_next) {
            const auto address = node->ai_addr ? Address::from(*node->ai_addr) : std::nullopt;
            if (address) addresses_.push_back(*address);
        }
    }

    ares_channel channel_ = nullptr;
    std::map<ares_socket_t, short> sockets_;
    std::optional<int> status_;
    int aliases_ = 0;
    std::vector<Address> addresses_;
};

// "localhost" and all below it, which no server is asked about (RFC 6761, section 6.3).
bool is_this_machine(std::string_view name) {
    if (name.ends_with('.')) name.remove_suffix(1);
    return name == "localhost" || name.ends_with(".localhost");
}

}  // namespace

Outcome<std::vector<Address>> look_up(const Lookup& lookup, const Waiter& waiter,
                                      const std::stop_token& stop) {
    const std::string& name = lookup.name;
    if (is_this_machine(name)) return std::vector{*Address::parse("127.0.0.1"), *Address::parse("::1")};
    Channel channel;
    if (!channel.open(lookup.dns)) return refuse(FailureCode::unavailable, "the resolver can't be started");
    channel.ask(name);
    while (!channel.done()) {
        if (stop.stop_requested()) return refuse(FailureCode::cancelled, "stopped");
        if (Steady::now() >= lookup.deadline) {
            return refuse(FailureCode::timeout,
                          "DNS gave no answer for " + name + " within " + in_words(lookup.limit));
        }
        channel.wait(lookup.deadline, waiter.fd());
    }
    switch (channel.status()) {
        case ARES_SUCCESS:
            break;
        case ARES_ENOTFOUND:
        case ARES_ENODATA:
            return refuse(FailureCode::no_such_host, "DNS knows no address for " + name);
        case ARES_ETIMEOUT:
            return refuse(FailureCode::timeout, "DNS gave no answer for " + name);
        default:
            return refuse(FailureCode::dns_failed,
                          "DNS could not answer for " + name + ": " + ::ares_strerror(channel.status()));
    }
    if (channel.aliases() > kMostAliases || channel.addresses().size() > kMostAddresses) {
        return refuse(FailureCode::dns_failed,
                      "DNS gave more aliases or addresses for " + name + " than we follow");
    }
    std::vector<Address> addresses = channel.addresses();
    if (addresses.empty()) return refuse(FailureCode::no_such_host, "DNS knows no address for " + name);
    // IPv4 first, otherwise as the server ordered them, which is how it spreads the load.
    std::ranges::stable_sort(addresses, {}, &Address::v6);
    std::vector<Address> unique;
    for (const Address& address : addresses) {
        if (std::ranges::find(unique, address) == unique.end()) unique.push_back(address);
    }
    return unique;
}

bool is_dns_setting(const std::string& servers) { return servers.empty() || Channel().open(servers); }

}  // namespace rushlight::net
