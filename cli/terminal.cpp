#include "cli/terminal.h"

#include <algorithm>
#include <array>
#include <clocale>
#include <cstdio>
#include <cstdlib>
#include <cwchar>

#include <fmt/format.h>
#include <locale.h>
#include <sys/ioctl.h>
#include <unistd.h>

namespace rushlight::cli {
namespace {

// A character of UTF-8 text: its bytes, and the columns it takes on a terminal (none for a combining mark,
// two for a wide one).
struct Character {
    std::size_t bytes;
    std::size_t columns;
};

class Locale {
  public:
    Locale() : locale_(::newlocale(LC_CTYPE_MASK, "C.UTF-8", locale_t{})) {}
    ~Locale() {
        if (locale_ != locale_t{}) ::freelocale(locale_);
    }
    Locale(const Locale&) = delete;
    Locale& operator=(const Locale&) = delete;

    Character first_of(std::string_view utf8) const {
        if (locale_ == locale_t{}) return {.bytes = 1, .columns = 1};
        const locale_t before = ::uselocale(locale_);
        wchar_t character = 0;
        std::mbstate_t state{};
        const std::size_t bytes = std::mbrtowc(&character, utf8.data(), utf8.size(), &state);
        const bool valid = bytes > 0 && bytes <= utf8.size();
        const int columns = valid ? ::wcwidth(character) : 1;
        ::uselocale(before);
        return {.bytes = valid ? bytes : 1, .columns = columns < 0 ? 1 : static_cast<std::size_t>(columns)};
    }

  private:
    locale_t locale_;
};

// The longest beginning of at most so many columns, in bytes.
std::size_t bytes_within(std::string_view utf8, std::size_t columns) {
    const Locale locale;
    std::size_t at = 0;
    while (at < utf8.size()) {
        const Character next = locale.first_of(utf8.substr(at));
        if (next.columns > columns) break;
        columns -= next.columns;
        at += next.bytes;
    }
    return at;
}

}  // namespace

bool is_terminal(int fd) { return ::isatty(fd) == 1; }

int terminal_columns(int fd) {
    winsize size{};
    if (::ioctl(fd, TIOCGWINSZ, &size) == 0 && size.ws_col > 0) return size.ws_col;
    return 80;
}

bool wants_colour(int fd) {
    const char* term = std::getenv("TERM");
    const char* no_colour = std::getenv("NO_COLOR");  // no-color.org: an empty one does not count
    return is_terminal(fd) && (no_colour == nullptr || *no_colour == '\0') &&
           (term == nullptr || std::string_view(term) != "dumb");
}

std::string grouped(std::uint64_t number) {
    std::string digits = std::to_string(number);
    for (std::size_t i = digits.size(); i > 3;) digits.insert(i -= 3, ",");
    return digits;
}

std::string human_duration(double seconds) {
    const auto whole = static_cast<std::uint64_t>(std::max(0.0, seconds) + 0.5);
    if (whole >= 3600) return fmt::format("{}:{:02}:{:02}", whole / 3600, whole / 60 % 60, whole % 60);
    return fmt::format("{}:{:02}", whole / 60, whole % 60);
}

std::size_t columns_of(std::string_view utf8) {
    if (std::ranges::all_of(utf8, [](char c) { return c >= ' ' && c <= '~'; })) return utf8.size();
    const Locale locale;
    std::size_t columns = 0;
    while (!utf8.empty()) {
        const Character next = locale.first_of(utf8);
        columns += next.columns;
        utf8.remove_prefix(next.bytes);
    }
    return columns;
}

std::string fitted(std::string_view utf8, std::size_t columns) {
    const std::size_t have = columns_of(utf8);
    std::string text(utf8);
    if (have > columns) {
        // Both ends of a path tell more than its start alone, and its end tells most.
        const std::size_t head = (columns - 1) / 3;
        const std::size_t tail = columns - 1 - head;
        text = text.substr(0, bytes_within(utf8, head)) + "…";
        std::size_t from = bytes_within(utf8, have - tail);
        // A wide character that the cut goes through is left out as well.
        while (from < utf8.size() && columns_of(utf8.substr(from)) > tail) {
            from += Locale().first_of(utf8.substr(from)).bytes;
        }
        text += utf8.substr(from);
    }
    text.append(columns - std::min(columns, columns_of(text)), ' ');
    return text;
}

std::string toned(std::string_view text, Tone tone, bool colour) {
    constexpr std::array<std::string_view, 5> kCodes = {"", "\x1b[2m", "\x1b[32m", "\x1b[33m", "\x1b[1;31m"};
    const std::string_view code = kCodes.at(static_cast<std::size_t>(tone));
    if (!colour || code.empty()) return std::string(text);
    return fmt::format("{}{}\x1b[0m", code, text);
}

ProgressBar::ProgressBar(std::string what, bool enabled)
    : what_(std::move(what)), enabled_(enabled && is_terminal(STDERR_FILENO)) {}

ProgressBar::~ProgressBar() { clear(); }

void ProgressBar::clear() {
    if (!drawn_) return;
    std::fputs("\r\x1b[K", stderr);
    std::fflush(stderr);
    drawn_ = false;
}

void ProgressBar::update(std::uint64_t done, std::optional<std::uint64_t> total) {
    using namespace std::chrono_literals;
    const auto now = Steady::now();
    if (!enabled_ || (drawn_ && now - last_ < 100ms)) return;
    last_ = now;
    const double seconds = std::chrono::duration<double>(now - started_).count();
    const double rate = seconds > 0 ? static_cast<double>(done) / seconds : 0;
    std::string line = what_ + ' ';
    if (total && *total > 0) {
        constexpr int kWidth = 24;
        const double share = std::min(1.0, static_cast<double>(done) / static_cast<double>(*total));
        const int full = static_cast<int>(share * kWidth);
        for (int i = 0; i < kWidth; ++i) line += i < full ? "█" : "░";
        line +=
            fmt::format(" {:3.0f}%  {} of {}  {:.0f}/s", share * 100, grouped(done), grouped(*total), rate);
        if (rate > 0 && done < *total)
            line += "  " + human_duration(static_cast<double>(*total - done) / rate) + " left";
    } else {
        line += fmt::format("{}  {:.0f}/s", grouped(done), rate);
    }
    const auto columns = static_cast<std::size_t>(std::max(20, terminal_columns(STDERR_FILENO) - 1));
    std::fprintf(stderr, "\r%s\x1b[K",
                 columns_of(line) > columns ? fitted(line, columns).c_str() : line.c_str());
    std::fflush(stderr);
    drawn_ = true;
}

}  // namespace rushlight::cli
