#include "base/log.h"

#include "base/text.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <cmath>
#include <cstdio>
#include <map>
#include <mutex>
#include <utility>

#include <spdlog/async.h>
#include <spdlog/async_logger.h>
#include <spdlog/sinks/ostream_sink.h>
#include <spdlog/sinks/stdout_sinks.h>

namespace rushlight {
namespace {

constexpr std::size_t kQueue = 8'192;       // lines that wait to be written
constexpr std::size_t kMostEvents = 1'000;  // counted; a bug's safety net
constexpr std::array<std::string_view, 4> kLevels{"debug", "info", "warn", "error"};

std::string_view name_of(LogLevel level) { return kLevels.at(static_cast<std::size_t>(level)); }

spdlog::level::level_enum to_spdlog(LogLevel level) {
    constexpr std::array kTheirs{spdlog::level::debug, spdlog::level::info, spdlog::level::warn,
                                 spdlog::level::err};
    return kTheirs.at(static_cast<std::size_t>(level));
}

// Cut between two characters.
std::string_view shortened(std::string_view text) {
    if (text.size() <= kMostLogText) return text;
    std::size_t end = kMostLogText;
    while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0U) == 0x80U) --end;
    return text.substr(0, end);
}

void append_number(std::string& out, double number) {
    std::array<char, 32> text{};
    std::snprintf(text.data(), text.size(), "%.6g", std::isfinite(number) ? number : 0.0);
    out += text.data();
}

void append_value(std::string& out, const LogField& field, bool json) {
    if (const auto* text = std::get_if<std::string_view>(&field.value)) {
        if (json) {
            append_json_string(out, shortened(*text));
        } else {
            out += printable(shortened(*text));
        }
    } else if (const auto* yes = std::get_if<bool>(&field.value)) {
        out += *yes ? "true" : "false";
    } else if (const auto* number = std::get_if<double>(&field.value)) {
        append_number(out, *number);
    } else {
        out += std::to_string(std::get<std::int64_t>(field.value));
    }
}

std::string json_line(Time at, LogLevel level, std::string_view room, std::string_view event,
                      LogFields fields) {
    std::string line = R"({"time":")" + at.rfc3339() + R"(","level":")";
    line += name_of(level);
    line += R"(","room":)";
    append_json_string(line, room);
    line += R"(,"event":)";
    append_json_string(line, event);
    for (const LogField& field : fields) {
        line += ',';
        append_json_string(line, field.key);
        line += ':';
        append_value(line, field, true);
    }
    line += '}';
    return line;
}

std::string plain_line(Time at, LogLevel level, std::string_view room, std::string_view event,
                       LogFields fields) {
    std::string line = at.rfc3339().substr(11, 8) + ' ';
    line += name_of(level);
    line += ' ';
    line += room;
    line += ": ";
    line += event;
    for (const LogField& field : fields) {
        line += ' ';
        line += field.key;
        line += '=';
        append_value(line, field, false);
    }
    return line;
}

}  // namespace

std::optional<LogLevel> parse_log_level(std::string_view name) {
    const auto* const it = std::ranges::find(kLevels, name);
    if (it == kLevels.end()) return std::nullopt;
    return static_cast<LogLevel>(it - kLevels.begin());
}

struct Log::State {
    explicit State(const LogOptions& the_options)
        : options(the_options), pool(std::make_shared<spdlog::details::thread_pool>(kQueue, 1)) {
        spdlog::sink_ptr sink;
        if (options.to != nullptr) {
            sink = std::make_shared<spdlog::sinks::ostream_sink_mt>(*options.to, true);
        } else {
            sink = std::make_shared<spdlog::sinks::stderr_sink_mt>();
        }
        logger = std::make_shared<spdlog::async_logger>("rushlight", std::move(sink), pool,
                                                        spdlog::async_overflow_policy::overrun_oldest);
        logger->set_pattern("%v");
        logger->set_level(to_spdlog(options.least));
        logger->set_error_handler([](const std::string&) {});  // a log that cannot be written stops nothing
    }

    void write(LogLevel level, std::string_view room, std::string_view event, LogFields fields) {
        const Time at = options.clock->now();
        logger->log(to_spdlog(level), options.json ? json_line(at, level, room, event, fields)
                                                   : plain_line(at, level, room, event, fields));
    }

    // Whether this line of the event may still be written in this minute. Says, when a minute is over, what
    // was left out in it.
    bool admit(std::string_view room, std::string_view event) {
        std::map<Name, Minute, std::less<>> ended;
        bool admitted = false;
        {
            const std::scoped_lock lock(mutex);
            const auto now = Steady::now();
            if (now - began >= std::chrono::minutes(1)) {
                began = now;
                ended = std::exchange(events, {});
            }
            if (events.size() < kMostEvents || events.contains(Name(room, event))) {
                Minute& minute = events[Name(room, event)];
                admitted = minute.lines < kLinesAMinute;
                ++(admitted ? minute.lines : minute.left_out);
            }
        }
        if (!admitted) left_out.fetch_add(1, std::memory_order_relaxed);
        for (const auto& [name, minute] : ended) tell(name, minute);
        return admitted;
    }

    using Name = std::pair<std::string, std::string>;
    struct Minute {
        std::int64_t lines = 0, left_out = 0;
    };
    void tell(const Name& name, const Minute& minute) {
        if (minute.left_out > 0)
            write(LogLevel::warn, "base", "log.left_out",
                  {{"of_room", name.first}, {"of_event", name.second}, {"lines", minute.left_out}});
    }

    const LogOptions options;
    std::shared_ptr<spdlog::details::thread_pool> pool;
    std::shared_ptr<spdlog::async_logger> logger;
    std::atomic<std::uint64_t> left_out{0};
    std::mutex mutex;
    Steady::time_point began = Steady::now();
    std::map<Name, Minute, std::less<>> events;
};

Log::Log() = default;
Log::Log(const LogOptions& options) : state_(std::make_unique<State>(options)) {}
Log::Log(Log&&) noexcept = default;
Log& Log::operator=(Log&&) noexcept = default;
Log::~Log() {
    if (!state_) return;
    for (const auto& [name, minute] : state_->events) state_->tell(name, minute);
}

std::uint64_t Log::lost() const {
    return state_ ? state_->left_out.load(std::memory_order_relaxed) + state_->pool->overrun_counter() : 0;
}

void Log::write(LogLevel level, std::string_view room, std::string_view event, LogFields fields) const {
    if (!state_ || level < state_->options.least || !state_->admit(room, event)) return;
    state_->write(level, room, event, fields);
}

}  // namespace rushlight
