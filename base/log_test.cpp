#include "base/log.h"

#include <sstream>
#include <string>
#include <thread>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace rushlight {
namespace {

using nlohmann::json;

class Noon final : public Clock {
  public:
    Time now() const override { return Time::parse("2026-01-31T12:00:00Z").value(); }
};

std::vector<std::string> lines_of(const std::ostringstream& out) {
    std::istringstream in(out.str());
    std::vector<std::string> lines;
    for (std::string line; std::getline(in, line);) lines.push_back(line);
    return lines;
}

TEST(LogTest, AnEventIsOneLineOfJson) {
    const Noon clock;
    std::ostringstream out;
    {
        const Log log({.to = &out, .clock = &clock});
        log.debug("server", "not.asked.for");
        log.warn("server", "request.failed",
                 {{"status", 503}, {"why", "a \"line\"\nand\x1b[31m \xff"}, {"whole", false}, {"ms", 1.5}});
    }
    const auto lines = lines_of(out);
    ASSERT_EQ(lines.size(), 1u) << out.str();
    EXPECT_EQ(json::parse(lines[0]), (json{{"time", "2026-01-31T12:00:00Z"},
                                           {"level", "warn"},
                                           {"room", "server"},
                                           {"event", "request.failed"},
                                           {"status", 503},
                                           {"why", "a \"line\"\nand\x1b[31m \xEF\xBF\xBD"},
                                           {"whole", false},
                                           {"ms", 1.5}}));
}

TEST(LogTest, APersonAtATerminalReadsWordsThatCannotDrawOnIt) {
    const Noon clock;
    std::ostringstream out;
    {
        const Log log({.json = false, .to = &out, .clock = &clock});
        log.info("server", "listening", {{"url", "http://127.0.0.1:8080"}, {"odd", "\x1b[2J\n"}});
    }
    EXPECT_EQ(out.str(), "12:00:00 info server: listening url=http://127.0.0.1:8080 odd=\\x1b[2J\\n\n");
}

TEST(LogTest, AFloodIsCountedAndNotWritten) {
    std::ostringstream out;
    {
        const Log log({.to = &out});
        std::vector<std::jthread> threads;
        for (int t = 0; t < 4; ++t) {
            threads.emplace_back([&log] {
                for (int i = 0; i < 1'000; ++i) log.warn("server", "signin.refused");
            });
        }
        threads.clear();
        log.info("server", "something.else");
        EXPECT_EQ(log.lost(), 4'000u - kLinesAMinute);
    }
    const auto lines = lines_of(out);
    ASSERT_EQ(lines.size(), static_cast<std::size_t>(kLinesAMinute) + 2);
    EXPECT_EQ(json::parse(lines[kLinesAMinute])["event"], "something.else");
    const json last = json::parse(lines.back());
    EXPECT_EQ(last["event"], "log.left_out");
    EXPECT_EQ(last["of_event"], "signin.refused");
    EXPECT_EQ(last["lines"], 4'000 - kLinesAMinute);
}

TEST(LogTest, AnEndlessTextIsCut) {
    std::ostringstream out;
    {
        const Log log({.to = &out});
        std::string text;
        for (int i = 0; i < 100'000; ++i) text += "ü";
        log.error("server", "odd", {{"text", text}});
    }
    const std::string text = json::parse(out.str())["text"];
    EXPECT_EQ(text.size(), kMostLogText);
}

TEST(LogTest, LevelsHaveTheirNames) {
    EXPECT_EQ(parse_log_level("warn"), LogLevel::warn);
    EXPECT_EQ(parse_log_level("loud"), std::nullopt);
    const Log silent;
    silent.error("server", "nobody.hears");
    EXPECT_EQ(silent.lost(), 0u);
}

}  // namespace
}  // namespace rushlight
