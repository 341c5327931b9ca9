// Watch on SQLite: announcements of this process at once, those of others by asking for the file's version.
#pragma once

#include "store/engine.h"

#include <condition_variable>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

namespace rushlight::store {

// How often each topic was announced in this process.
class Announcements {
  public:
    void announce(const std::vector<std::string>& topics);
    std::uint64_t count(std::string_view topic) const;
    // Returns when the topic was announced more than `seen` times, or the time is over, or a stop was asked
    // for.
    void wait(std::string_view topic, std::uint64_t seen, std::chrono::milliseconds timeout,
              const std::stop_token& stop);

  private:
    std::uint64_t count_locked(std::string_view topic) const;

    mutable std::mutex mutex_;
    std::condition_variable_any changed_;
    std::map<std::string, std::uint64_t, std::less<>> counts_;
};

std::unique_ptr<Watcher> make_sqlite_watcher(Engine& engine, Announcements& announcements,
                                             std::string_view topic);

}  // namespace rushlight::store
