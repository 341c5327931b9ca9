// hub: what happens, to everybody who looks: the server-sent events of /api/v1/events.
//
// Each listener is told only what they may read, and no longer than they may listen. Thread-safe. Keeps the
// last kKept events, so that a browser that was cut off for a moment misses none.
#pragma once

#include "base/time.h"
#include "http/http.h"

#include <algorithm>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

namespace rushlight::server {

struct Listener {
    std::string who{};                                      // "account:a1", "key:k7"
    std::function<bool(std::string_view event)> may_see{};  // asked often: answers at once
    std::function<bool()> may_listen{};                     // still; may ask the store
};

class Hub {
  public:
    static constexpr std::size_t kKept = 512;
    static constexpr std::size_t kMostListeners = 256;
    static constexpr std::size_t kMostOfOne = 8;

    // Ids count from the time of the start: those of an earlier life of this server are all lower.
    explicit Hub(Time started)
        : next_(static_cast<std::uint64_t>(std::max<std::int64_t>(started.micros, 1))) {}

    void publish(std::string_view event, std::string data);
    // False: too many listen already, in all or of this one's.
    bool has_room(std::string_view who) const;
    // Sends what came behind `last_id` first (what is not known any more is passed over). False: no room.
    bool listen(std::shared_ptr<http::EventStream> stream, Listener listener, std::string_view last_id);
    // Ends the streams of those who may not listen any more. To be called now and then, and when somebody
    // lost a right.
    void look_again();
    std::size_t listeners() const;
    void close();  // ends all streams

  private:
    struct Event {
        std::uint64_t id = 0;
        std::string name, data;
    };
    struct Listening {
        std::shared_ptr<http::EventStream> stream;
        Listener listener;
    };
    bool has_room_for(std::string_view who) const;

    mutable std::mutex mutex_;
    std::uint64_t next_;
    std::deque<Event> kept_;
    std::vector<Listening> listening_;
};

}  // namespace rushlight::server
