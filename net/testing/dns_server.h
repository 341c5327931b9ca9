// A DNS server on loopback (UDP) that answers as a test wants: several addresses, aliases, another answer the
// second time, or none at all.
#pragma once

#include "base/fd.h"

#include <atomic>
#include <cstdint>
#include <map>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace rushlight::net::testing {

struct DnsAnswer {
    std::vector<std::string> addresses{};  // IPv4 and IPv6
    std::vector<std::string> aliases{};    // a chain of CNAMEs; the addresses are those of the last
    int code = 0;                          // 2 SERVFAIL, 3 NXDOMAIN, 5 REFUSED
    bool silent = false;
    bool broken = false;  // bytes that are no answer
};

class DnsServer {
  public:
    // 0: any free port. Throws where it can't listen: std::runtime_error.
    explicit DnsServer(std::uint16_t port = 0);
    ~DnsServer();
    DnsServer(const DnsServer&) = delete;
    DnsServer& operator=(const DnsServer&) = delete;

    std::string setting() const { return "127.0.0.1:" + std::to_string(port_); }
    // The first look-up of `name` gets the first answer, and so on; the last one stays. Unknown names get
    // NXDOMAIN.
    void set(const std::string& name, std::vector<DnsAnswer> answers);
    void set(const std::string& name, std::vector<std::string> addresses) {
        set(name, std::vector{DnsAnswer{.addresses = std::move(addresses)}});
    }
    // How often its IPv4 addresses were asked for.
    int lookups(const std::string& name) const;

  private:
    void serve();
    std::string answer(std::string_view query);

    Fd socket_;
    std::uint16_t port_ = 0;
    mutable std::mutex mutex_;
    std::map<std::string, std::vector<DnsAnswer>> answers_;
    std::map<std::pair<std::string, int>, int> asked_;  // by name and type
    std::atomic<bool> ends_{false};
    std::thread thread_;
};

}  // namespace rushlight::net::testing
