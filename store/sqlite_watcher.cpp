#include "store/sqlite_watcher.h"

#include <algorithm>

namespace rushlight::store {
namespace {

// How soon another process's commit is seen. Asking takes microseconds.
constexpr std::chrono::milliseconds kAskEvery{20};

class SqliteWatcher final : public Watcher {
  public:
    SqliteWatcher(Engine& engine, Announcements& announcements, std::string_view topic)
        : engine_(engine),
          announcements_(announcements),
          topic_(topic),
          seen_(announcements.count(topic)),
          version_(engine.changes().value_or(0)) {}

    bool wait(std::chrono::milliseconds timeout, const std::stop_token& stop) override {
        const auto until = Steady::now() + timeout;
        for (;;) {
            const std::uint64_t count = announcements_.count(topic_);
            const std::int64_t version = engine_.changes().value_or(version_);
            const bool changed = count != seen_ || version != version_;
            seen_ = count;
            version_ = version;
            if (changed) return true;
            const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(until - Steady::now());
            if (left <= left.zero() || stop.stop_requested()) return false;
            announcements_.wait(topic_, seen_, std::min(left, kAskEvery), stop);
        }
    }

  private:
    Engine& engine_;
    Announcements& announcements_;
    const std::string topic_;
    std::uint64_t seen_;
    std::int64_t version_;  // of the whole file: it differs after any commit
};

}  // namespace

void Announcements::announce(const std::vector<std::string>& topics) {
    if (topics.empty()) return;
    {
        const std::lock_guard lock(mutex_);
        for (const std::string& topic : topics) ++counts_[topic];
    }
    changed_.notify_all();
}

std::uint64_t Announcements::count(std::string_view topic) const {
    const std::lock_guard lock(mutex_);
    return count_locked(topic);
}

std::uint64_t Announcements::count_locked(std::string_view topic) const {
    const auto found = counts_.find(topic);
    return found == counts_.end() ? 0 : found->second;
}

void Announcements::wait(std::string_view topic, std::uint64_t seen, std::chrono::milliseconds timeout,
                         const std::stop_token& stop) {
    std::unique_lock lock(mutex_);
    changed_.wait_for(lock, stop, timeout, [&] { return count_locked(topic) != seen; });
}

std::unique_ptr<Watcher> make_sqlite_watcher(Engine& engine, Announcements& announcements,
                                             std::string_view topic) {
    return std::make_unique<SqliteWatcher>(engine, announcements, topic);
}

}  // namespace rushlight::store
