#include "base/time.h"

#include <array>
#include <charconv>
#include <cstdio>

namespace rushlight {
namespace {

constexpr std::int64_t kSecond = 1'000'000;

struct SystemClock final : Clock {
    Time now() const override {
        using namespace std::chrono;
        return {duration_cast<microseconds>(std::chrono::system_clock::now().time_since_epoch()).count()};
    }
};

// Reads exactly `digits` decimal digits from the front of `text`.
std::optional<int> take_number(std::string_view& text, std::size_t digits) {
    if (text.size() < digits) return std::nullopt;
    int value = 0;
    for (std::size_t i = 0; i < digits; ++i) {
        if (text[i] < '0' || text[i] > '9') return std::nullopt;
        value = value * 10 + (text[i] - '0');
    }
    text.remove_prefix(digits);
    return value;
}

bool take(std::string_view& text, std::string_view any_of) {
    if (text.empty() || any_of.find(text.front()) == std::string_view::npos) return false;
    text.remove_prefix(1);
    return true;
}

}  // namespace

const Clock& system_clock() {
    static const SystemClock clock;
    return clock;
}

std::string Time::rfc3339() const {
    using namespace std::chrono;
    const std::int64_t days_since =
        micros >= 0 ? micros / (86'400 * kSecond) : -((-micros + 86'400 * kSecond - 1) / (86'400 * kSecond));
    const std::int64_t of_day = micros - days_since * 86'400 * kSecond;
    const year_month_day date{sys_days{days{days_since}}};
    const auto seconds_of_day = static_cast<int>(of_day / kSecond);
    const auto fraction = static_cast<int>(of_day % kSecond);
    std::array<char, 48> buffer{};
    const int n = std::snprintf(buffer.data(), buffer.size(), "%04d-%02u-%02uT%02d:%02d:%02d",
                                static_cast<int>(date.year()), static_cast<unsigned>(date.month()),
                                static_cast<unsigned>(date.day()), seconds_of_day / 3600,
                                seconds_of_day / 60 % 60, seconds_of_day % 60);
    std::string text(buffer.data(), static_cast<std::size_t>(n));
    if (fraction != 0) {
        std::snprintf(buffer.data(), buffer.size(), ".%06d", fraction);
        text += buffer.data();
        while (text.back() == '0') text.pop_back();
    }
    return text + 'Z';
}

std::optional<Time> Time::parse(std::string_view text) {
    using namespace std::chrono;
    const auto y = take_number(text, 4);
    if (!y || !take(text, "-")) return std::nullopt;
    const auto mo = take_number(text, 2);
    if (!mo || !take(text, "-")) return std::nullopt;
    const auto d = take_number(text, 2);
    if (!d || !take(text, "Tt ")) return std::nullopt;
    const auto h = take_number(text, 2);
    if (!h || !take(text, ":")) return std::nullopt;
    const auto mi = take_number(text, 2);
    if (!mi || !take(text, ":")) return std::nullopt;
    const auto s = take_number(text, 2);
    if (!s || *h > 23 || *mi > 59 || *s > 60) return std::nullopt;
    std::int64_t fraction = 0;
    if (take(text, ".")) {
        std::int64_t unit = kSecond / 10;
        std::size_t digits = 0;
        while (!text.empty() && text.front() >= '0' && text.front() <= '9') {
            fraction += (text.front() - '0') * unit;  // digits beyond microseconds are dropped
            unit /= 10;
            ++digits;
            text.remove_prefix(1);
        }
        if (digits == 0) return std::nullopt;
    }
    int offset_minutes = 0;
    if (!take(text, "Zz")) {
        const bool west = !text.empty() && text.front() == '-';
        if (!take(text, "+-")) return std::nullopt;
        const auto oh = take_number(text, 2);
        if (!oh || !take(text, ":")) return std::nullopt;
        const auto om = take_number(text, 2);
        if (!om || *oh > 23 || *om > 59) return std::nullopt;
        offset_minutes = (*oh * 60 + *om) * (west ? -1 : 1);
    }
    const year_month_day date{year{*y}, month{static_cast<unsigned>(*mo)}, day{static_cast<unsigned>(*d)}};
    if (!text.empty() || !date.ok()) return std::nullopt;
    const std::int64_t seconds_since = sys_days{date}.time_since_epoch().count() * std::int64_t{86'400} +
                                       *h * 3600 + (*mi - offset_minutes) * 60 + *s;
    return Time{seconds_since * kSecond + fraction};
}

}  // namespace rushlight
