// A SOCKS5 proxy (RFC 1928) on loopback that leads every target to one port of this machine: with it a test
// can have "public" addresses without a packet leaving.
#pragma once

#include "net/testing/listener.h"

#include <mutex>
#include <string>
#include <vector>

namespace rushlight::net::testing {

class SocksServer {
  public:
    explicit SocksServer(std::uint16_t leads_to);

    std::string setting() const { return "socks5://" + listener_.target("127.0.0.1"); }
    // What was asked for, "203.0.113.7:80" or "name:80", in order.
    std::vector<std::string> asked() const;

  private:
    void serve(Connection& connection);

    std::uint16_t leads_to_;
    mutable std::mutex mutex_;
    std::vector<std::string> asked_;
    Listener listener_;
};

}  // namespace rushlight::net::testing
