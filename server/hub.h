// hub: what happens, to everybody who looks: the server-sent events of /api/v1/events.
//
// Thread-safe. Keeps the last kKept events, so that a browser that was cut off for a moment misses none.
#pragma once

#include "http/http.h"

#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

namespace rushlight::server {

class Hub {
  public:
    static constexpr std::size_t kKept = 512;
    static constexpr std::size_t kMostListeners = 256;

    void publish(std::string_view event, std::string data);
    // Sends what came behind `last_id` first (what is not known any more is passed over). False: too many
    // listen.
    bool listen(std::shared_ptr<http::EventStream> stream, std::string_view last_id);
    std::size_t listeners() const;
    void close();  // ends all streams

  private:
    struct Event {
        std::uint64_t id = 0;
        std::string name, data;
    };

    mutable std::mutex mutex_;
    std::uint64_t next_ = 1;
    std::deque<Event> kept_;
    std::vector<std::shared_ptr<http::EventStream>> streams_;
};

}  // namespace rushlight::server
