// What all connections of a server share. Private; no Asio.
#pragma once

#include "http/head.h"
#include "http/http.h"
#include "http/peer.h"
#include "http/workers.h"

#include <array>
#include <atomic>
#include <condition_variable>
#include <mutex>

namespace rushlight::http {

class Core {
  public:
    Core(Options wanted, Handler wanted_handler, Networks proxies);

    const Options options;
    const Handler handler;
    const Networks trusted;
    Workers workers;
    std::atomic<bool> stopping{false};

    std::array<char, 16> next_id();  // of a request
    Response make_problem(int status, std::string_view detail) const;
    Response make_problem(const Error& error) const;  // of a body sink

    // Bytes of bodies in memory. False, and nothing taken, where there is no room for more.
    bool take_memory(std::uint64_t bytes);
    void give_memory(std::uint64_t bytes) { body_bytes.fetch_sub(bytes, std::memory_order_relaxed); }

    void connection_opened() { open.fetch_add(1); }
    void connection_closed();
    // Until no connection is open any more; false where that took longer.
    bool wait_until_closed(std::chrono::milliseconds most);

    Counters counters() const;

    using Count = std::atomic<std::uint64_t>;
    Count open{0}, accepted{0}, turned_away{0}, requests{0}, malformed{0}, too_busy{0}, timed_out{0}, cut{0},
        failed{0};
    Count body_bytes{0}, event_streams{0}, bytes_in{0}, bytes_out{0};
    std::array<Count, 6> answers{};

  private:
    const std::uint64_t id_seed_;
    std::atomic<std::uint64_t> ids_{0};
    std::mutex mutex_;
    std::condition_variable closed_;
};

inline void count(Core::Count& counter, std::uint64_t by = 1) {
    counter.fetch_add(by, std::memory_order_relaxed);
}

}  // namespace rushlight::http
