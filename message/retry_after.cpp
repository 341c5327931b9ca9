#include "message/retry_after.h"

#include "base/text.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <string>

namespace rushlight::message {
namespace {

using namespace std::chrono_literals;

constexpr std::chrono::microseconds kLongest = 24h;

bool all_digits(std::string_view text) {
    return !text.empty() && std::ranges::all_of(text, [](char c) { return c >= '0' && c <= '9'; });
}

// "Sun, 06 Nov 1994 08:49:37 GMT": the one form of a date that is still sent (RFC 9110, section 5.6.7).
std::optional<Time> http_date(std::string_view text) {
    constexpr std::array<std::string_view, 12> kMonths{"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                                       "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    if (text.size() != 29 || text.substr(3, 2) != ", " || text[7] != ' ' || text[11] != ' ' ||
        text[16] != ' ' || text.substr(25) != " GMT")
        return std::nullopt;
    const auto month = std::ranges::find(kMonths, text.substr(8, 3));
    if (month == kMonths.end()) return std::nullopt;
    const std::string number = std::to_string(100 + (month - kMonths.begin()) + 1).substr(1);
    std::string rfc3339(text.substr(12, 4));
    rfc3339.append("-").append(number).append("-").append(text.substr(5, 2));
    rfc3339.append("T").append(text.substr(17, 8)).append("Z");
    return Time::parse(rfc3339);
}

}  // namespace

std::optional<Time> retry_after(std::string_view header, Time now) {
    header = trim(header);
    std::optional<Time> time;
    if (all_digits(header)) {
        const auto seconds = parse_integer(header);  // out of range: very long
        time = now +
               std::min<std::chrono::microseconds>(
                   kLongest, std::chrono::seconds(std::min<std::int64_t>(seconds.value_or(86'400), 86'400)));
    } else {
        time = http_date(header);
    }
    if (!time) return std::nullopt;
    return std::clamp(*time, now, now + kLongest);
}

}  // namespace rushlight::message
