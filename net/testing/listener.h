// A TCP listener on a loopback address for tests and practice: a thread for each connection, every connection
// counted, everything ended by the destructor.
#pragma once

#include "base/fd.h"

#include <condition_variable>
#include <functional>
#include <list>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include <netinet/in.h>

struct ssl_ctx_st;
struct ssl_st;

namespace rushlight::net::testing {

// One accepted connection; belongs to its thread. Reads and writes fail once the peer or the listener is
// gone.
class Connection {
  public:
    Connection(int fd, ssl_ctx_st* tls);
    ~Connection();
    Connection(const Connection&) = delete;
    Connection& operator=(const Connection&) = delete;

    bool ready() const { return ready_; }  // false where the TLS handshake failed
    // Up to and with `mark`; nullopt where the connection ends or 1 MiB comes before it.
    std::optional<std::string> read_until(std::string_view mark);
    std::optional<std::string> read_exactly(std::size_t bytes);
    bool write(std::string_view text);
    // Returns when nobody is there any more.
    void wait_for_end();
    int fd() const { return fd_; }

  private:
    bool fill();

    int fd_;
    ssl_st* tls_ = nullptr;
    bool ready_ = true;
    std::string buffer_;
};

class Listener {
  public:
    using Serve = std::function<void(Connection&)>;
    // Port 0: any. Throws where the port can't be had: that is no test's subject.
    explicit Listener(Serve serve, const std::string& address = "127.0.0.1", std::uint16_t port = 0,
                      ssl_ctx_st* tls = nullptr);
    ~Listener();
    Listener(const Listener&) = delete;
    Listener& operator=(const Listener&) = delete;

    std::uint16_t port() const { return port_; }
    std::string target(const std::string& host) const { return host + ':' + std::to_string(port_); }
    // How many connections anybody opened before this call: none is still on its way when it returns.
    int connections();

  private:
    void accept_all();

    Serve serve_;
    std::string address_;
    std::uint16_t port_ = 0;
    ssl_ctx_st* tls_;
    Fd socket_;
    std::mutex mutex_;
    std::condition_variable accepted_;
    std::vector<std::uint16_t> peers_;  // ports, in the order of their coming
    int own_ = 0;
    bool stopping_ = false;
    std::list<int> open_;
    std::vector<std::thread> serving_;
    std::thread accepting_;
};

sockaddr_in loopback(const std::string& address, std::uint16_t port);

}  // namespace rushlight::net::testing
