// log: what a running server says about itself: one line an event, JSON for programs or plain for a terminal.
//
//   log.warn("server", "request.failed", {{"status", 503}, {"ms", 12}});
//   {"time":"2026-01-31T09:30:00.123456Z","level":"warn","room":"server","event":"request.failed","status":503,"ms":12}
//
// What may be in it: what the machine does. What may never be: whoever asked or uploaded (addresses, e-mails,
// contexts, file names, hashes, the path of a link), passwords and keys. Room, event and field names are
// words of the program, so their number is bounded.
//
// No attack fills a disk with it: of one event at most kLinesAMinute lines a minute are written, the others
// are counted, and `log.left_out` says how many they were. Writing never waits for whoever reads: lines go
// through a bounded queue, and where nobody takes them the oldest are dropped.
//
// Thread-safe. Source of the method: spdlog (its asynchronous logger), which does not show here.
#pragma once

#include "base/time.h"

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <iosfwd>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

namespace rushlight {

inline constexpr int kLinesAMinute = 60;          // of one event
inline constexpr std::size_t kMostLogText = 500;  // bytes of one text; more is cut

enum class LogLevel : std::uint8_t { debug, info, warn, error };
std::optional<LogLevel> parse_log_level(std::string_view name);

// A number, yes or no, or a text, which must outlive the call.
struct LogField {
    std::string_view key;
    std::variant<std::int64_t, double, bool, std::string_view> value;
    // NOLINTBEGIN(google-explicit-constructor): so that a call can say {{"key", value}, …}
    LogField(std::string_view k, std::string_view text) : key(k), value(text) {}
    LogField(std::string_view k, const std::string& text) : key(k), value(std::string_view(text)) {}
    LogField(std::string_view k, const char* text) : key(k), value(std::string_view(text)) {}
    LogField(std::string_view k, bool yes) : key(k), value(yes) {}
    LogField(std::string_view k, int number) : key(k), value(std::int64_t{number}) {}
    LogField(std::string_view k, std::int64_t number) : key(k), value(number) {}
    LogField(std::string_view k, std::uint64_t number) : key(k), value(static_cast<std::int64_t>(number)) {}
    LogField(std::string_view k, double number) : key(k), value(number) {}
    // NOLINTEND(google-explicit-constructor)
};
using LogFields = std::initializer_list<LogField>;

struct LogOptions {
    LogLevel least = LogLevel::info;
    bool json = true;
    std::ostream* to = nullptr;  // none: standard error; tests give their own, which outlives the log
    const Clock* clock = &system_clock();
};

class Log {
  public:
    Log();  // writes nothing
    explicit Log(const LogOptions& options);
    Log(Log&&) noexcept;
    Log& operator=(Log&&) noexcept;
    ~Log();  // what was said before is still written

    void debug(std::string_view room, std::string_view event, LogFields fields = {}) const {
        write(LogLevel::debug, room, event, fields);
    }
    void info(std::string_view room, std::string_view event, LogFields fields = {}) const {
        write(LogLevel::info, room, event, fields);
    }
    void warn(std::string_view room, std::string_view event, LogFields fields = {}) const {
        write(LogLevel::warn, room, event, fields);
    }
    void error(std::string_view room, std::string_view event, LogFields fields = {}) const {
        write(LogLevel::error, room, event, fields);
    }
    // Lines that were left out or dropped since the start.
    std::uint64_t lost() const;

  private:
    void write(LogLevel level, std::string_view room, std::string_view event, LogFields fields) const;

    struct State;
    std::unique_ptr<State> state_;
};

}  // namespace rushlight
