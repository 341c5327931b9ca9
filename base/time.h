// Time: UTC microseconds since 1970, as the store keeps them, and the one clock everybody asks.
#pragma once

#include <chrono>
#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace rushlight {

struct Time {
    std::int64_t micros = 0;

    auto operator<=>(const Time&) const = default;

    // RFC 3339 in UTC, "2024-05-01T10:00:00Z"; a fraction only where there is one.
    std::string rfc3339() const;
    // Any RFC 3339 date-time, with its offset applied; nullopt for anything else.
    static std::optional<Time> parse(std::string_view text);
};

inline Time operator+(Time t, std::chrono::microseconds d) { return {t.micros + d.count()}; }
inline std::chrono::microseconds operator-(Time a, Time b) {
    return std::chrono::microseconds(a.micros - b.micros);
}

// Thread-safe. Tests replace it; nothing else may call the system's clock for a date.
class Clock {
  public:
    virtual ~Clock() = default;
    virtual Time now() const = 0;
};
const Clock& system_clock();

using Steady = std::chrono::steady_clock;  // for durations and deadlines

}  // namespace rushlight
