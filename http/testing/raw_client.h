// A client that sends exactly what it is told, for tests: hostile bytes, half requests, silence. Blocking,
// with a deadline on every wait, so that no test hangs.
#pragma once

#include "base/fd.h"

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace rushlight::http::testing {

struct Reply {
    int status = 0;
    std::vector<std::pair<std::string, std::string>> headers{};
    std::string body{};  // chunks put together

    std::string header(std::string_view name) const;  // "" where there is none
};

class RawClient {
  public:
    // Connects to 127.0.0.1; not connected where that was refused. `receive_buffer` makes a client that takes
    // little.
    explicit RawClient(std::uint16_t port, std::chrono::milliseconds patience = std::chrono::seconds(10),
                       int receive_buffer = 0);

    bool connected() const { return static_cast<bool>(fd_); }
    // False where the server no longer takes it.
    bool send(std::string_view bytes);
    void shutdown_write();
    void reset();  // closes so that the server's next read fails
    void close() { fd_.reset(); }

    // The next reply, read no further than its end. nullopt where the connection ended or broke before, or it
    // is no HTTP, or it took too long. `to_head`: no body follows whatever the headers say.
    std::optional<Reply> reply(bool to_head = false);
    // Everything until `until` has come, or the end.
    std::string read_until(std::string_view until);
    // True where the server closes without sending anything more.
    bool closed();

    std::optional<Reply> ask(std::string_view bytes) { return send(bytes) ? reply() : std::nullopt; }
    int fd() const { return fd_.get(); }

  private:
    bool more();  // reads some; false at the end
    Fd fd_;
    std::chrono::milliseconds patience_;
    std::string in_;
};

// "GET /path HTTP/1.1\r\nHost: x\r\n\r\n" with more headers between, each ending with \r\n.
std::string get(std::string_view path, std::string_view headers = {});
std::string post(std::string_view path, std::string_view body, std::string_view headers = {});

// Waits until `condition` holds; false after `patience`.
template <class F>
bool eventually(F&& condition, std::chrono::milliseconds patience = std::chrono::seconds(10));
void breathe();  // a millisecond

template <class F>
bool eventually(F&& condition, std::chrono::milliseconds patience) {
    const auto last = std::chrono::steady_clock::now() + patience;
    while (!condition()) {
        if (std::chrono::steady_clock::now() > last) return false;
        breathe();
    }
    return true;
}

}  // namespace rushlight::http::testing
