// What a running server tells its operator: metrics that Prometheus takes, and a log without anybody in it.

#include "app/testing/served.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <map>
#include <regex>
#include <set>
#include <sstream>
#include <thread>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace rushlight::app::testing {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;
using ::testing::Not;

// Prometheus' text format 0.0.4, read as strictly as its specification allows. Throws where it is not that.
class Exposition {
  public:
    explicit Exposition(const std::string& text) {
        if (text.empty() || text.back() != '\n') throw std::runtime_error("does not end with a line break");
        std::istringstream in(text);
        for (std::string line; std::getline(in, line);) read(line);
        end_family();
    }

    double value(const std::string& series) const {
        const auto it = series_.find(series);
        return it == series_.end() ? 0 : it->second;
    }
    bool has(const std::string& series) const { return series_.contains(series); }
    const std::map<std::string, double>& series() const { return series_; }
    const std::map<std::string, std::string>& types() const { return types_; }
    // Families, and what a histogram's series are called.
    bool knows(const std::string& name) const {
        if (types_.contains(name)) return true;
        for (const char* end : {"_bucket", "_sum", "_count"}) {
            const std::string suffix = end;
            if (!name.ends_with(suffix)) continue;
            const auto family = types_.find(name.substr(0, name.size() - suffix.size()));
            if (family != types_.end() && family->second == "histogram") return true;
        }
        return false;
    }

  private:
    static void demand(bool so, const std::string& what, const std::string& line) {
        if (!so) throw std::runtime_error(what + ": " + line);
    }

    void read(const std::string& line) {
        std::smatch m;
        static const std::regex help("# HELP ([a-z_:][a-z0-9_:]*) (.+)");
        static const std::regex type("# TYPE ([a-z_:][a-z0-9_:]*) (counter|gauge|histogram)");
        static const std::regex sample(
            R"(([a-z_:][a-z0-9_:]*)(\{((?:[a-z_]+="(?:[^"\\\n]|\\.)*",?)*)\})? (\S+))");
        if (std::regex_match(line, m, help)) {
            end_family();
            family_ = m[1];
            demand(!types_.contains(family_), "a family that came before", line);
        } else if (std::regex_match(line, m, type)) {
            demand(m[1] == family_ && !types_.contains(family_), "a type without its help", line);
            types_[family_] = m[2];
            check_name(family_, m[2]);
        } else {
            demand(std::regex_match(line, m, sample), "no line of this format", line);
            const std::string name = m[1];
            const std::string kind = types_[family_];
            const bool own = kind == "histogram" ? name == family_ + "_bucket" || name == family_ + "_sum" ||
                                                       name == family_ + "_count"
                                                 : name == family_;
            demand(own, "a sample outside its family", line);
            demand(m[3].str().empty() || m[3].str().back() != ',', "a comma too many", line);
            std::size_t used = 0;
            const double value = m[4] == "+Inf" ? INFINITY : std::stod(m[4], &used);
            demand(m[4] == "+Inf" || used == m[4].str().size(), "no number", line);
            demand(kind != "counter" || value >= 0, "a counter below zero", line);
            const std::string series = name + m[2].str();
            demand(series_.emplace(series, value).second, "a series twice", line);
            if (kind == "histogram") bucket(name, m[3], value, line);
        }
    }

    // Prometheus' "Metric and label naming".
    static void check_name(const std::string& name, const std::string& kind) {
        demand(name.starts_with("rushlight_") || name.starts_with("process_"), "a foreign name", name);
        demand((kind == "counter") == name.ends_with("_total"), "counters, and they alone, end in _total",
               name);
        demand(!std::regex_search(name, std::regex("_(ms|millis|milliseconds|minutes|hours|kb|mb|kib|mib|"
                                                   "percent)(_|$)")),
               "not a base unit", name);
        demand(kind != "histogram" || name.ends_with("_seconds") || name.ends_with("_bytes"),
               "a histogram without a unit", name);
    }

    void bucket(const std::string& name, const std::string& labels, double value, const std::string& line) {
        static const std::regex le(R"re(,?le="([^"]+)")re");
        std::smatch m;
        if (name.ends_with("_count")) {
            counts_[labels] = value;
        } else if (name.ends_with("_bucket")) {
            demand(std::regex_search(labels, m, le), "a bucket without its bound", line);
            auto& buckets = buckets_[std::regex_replace(labels, le, "")];
            const double bound = m[1] == "+Inf" ? INFINITY : std::stod(m[1]);
            demand(buckets.empty() || (buckets.back().first < bound && buckets.back().second <= value),
                   "buckets that do not rise", line);
            buckets.emplace_back(bound, value);
        }
    }

    void end_family() {
        for (const auto& [labels, buckets] : buckets_) {
            demand(std::isinf(buckets.back().first), "no last bucket", family_);
            demand(buckets.back().second == counts_.at(labels), "the last bucket is not the count", family_);
        }
        buckets_.clear();
        counts_.clear();
    }

    std::string family_;
    std::map<std::string, std::string> types_;
    std::map<std::string, double> series_;
    std::map<std::string, std::vector<std::pair<double, double>>> buckets_;
    std::map<std::string, double> counts_;
};

Exposition scraped(const Served& server) {
    const Answer answer = server.ask("GET", "/metrics");
    EXPECT_EQ(answer.header("Content-Type"), "text/plain; version=0.0.4; charset=utf-8");
    return Exposition(answer.text);
}

// The server gathers its numbers at most once a second: asks until it has.
template <class Test>
Exposition scraped_until(const Served& server, const Test& test) {
    const auto last = std::chrono::steady_clock::now() + std::chrono::seconds(20);
    for (;;) {
        Exposition exposition = scraped(server);
        if (test(exposition) || std::chrono::steady_clock::now() > last) return exposition;
        std::this_thread::sleep_for(std::chrono::milliseconds(50));
    }
}

constexpr const char* kRefusedSignIns = R"(rushlight_signins_total{outcome="refused"})";

TEST(Metrics, AreWellFormedAndMove) {
    const Folder folder;
    Served server(folder.path("var"), {"--allow-target", "127.0.0.1:1"});
    const Headers admin = server.set_up();
    const Headers key = server.key(admin, {"check", "lists"});
    const Exposition before = scraped(server);
    EXPECT_EQ(before.value(R"(rushlight_checks_total{action="hold",decision="near"})"), 0);
    ASSERT_EQ(server.ask("POST", "/api/v1/lists/practice/import", key, practice_list()).status, 200);
    ASSERT_EQ(server.upload("/api/v1/check", key, scene("spheres-01.jpg")).body["decision"], "near");
    json hashes{{"hashes", json::array()}};
    for (int i = 0; i < 250; ++i) hashes["hashes"].push_back("0123456789abcdef0123456789abcdef");
    ASSERT_EQ(server.ask("POST", "/api/v1/check/hash", key, hashes).status, 200);
    ASSERT_EQ(server.ask("POST", "/api/v1/check/hash", key, std::string("{")).status, 400);
    ASSERT_EQ(server.ask("POST", "/api/v1/session", {}, json{{"email", "a@b.c"}, {"password", "x"}}).status,
              401);
    const Answer hook =
        server.ask("POST", "/api/v1/webhooks", admin, json{{"url", "http://127.0.0.1:1/hook"}});
    ASSERT_EQ(hook.status, 201) << hook.text;
    const std::string test = "/api/v1/webhooks/" + hook.body["id"].get<std::string>() + "/test";
    ASSERT_LT(server.ask("POST", test, admin).status, 300);

    const Exposition after = scraped_until(server, [](const Exposition& now) {
        return now.value(R"(rushlight_webhook_attempts_total{outcome="unreachable"})") > 0 &&
               now.value(kRefusedSignIns) > 0 && now.value("rushlight_canary_ok") > 0 &&
               now.has(R"(rushlight_queue_jobs{kind="message.deliver",state="dead"})");
    });
    EXPECT_EQ(after.value(R"(rushlight_checks_total{action="hold",decision="near"})"), 1);
    EXPECT_EQ(after.value(R"(rushlight_checks_total{action="allow",decision="none"})"), 250)
        << "each hash is a check";
    EXPECT_EQ(after.value("rushlight_check_duration_seconds_count"), 1);
    EXPECT_GT(after.value("rushlight_check_duration_seconds_sum"), 0);
    const std::string route = R"(method="POST",route="/api/v1/check/hash")";
    EXPECT_EQ(after.value("rushlight_http_requests_total{code=\"2xx\"," + route + "}"), 1);
    EXPECT_EQ(after.value("rushlight_http_requests_total{code=\"4xx\"," + route + "}"), 1);
    EXPECT_EQ(after.value("rushlight_http_request_duration_seconds_count{" + route + "}"), 2);
    EXPECT_EQ(after.value(kRefusedSignIns), 1);
    EXPECT_GT(after.value(R"(rushlight_list_entries{kind="known"})"), 5);
    EXPECT_GE(after.value(R"(rushlight_sandbox_jobs_total{program="decode"})"), 1);
    EXPECT_EQ(after.value("rushlight_holding_files"), 1);
    EXPECT_GT(after.value("rushlight_holding_bytes"), 1000);
    EXPECT_GT(after.value("rushlight_audit_entries_total"), 3);
    EXPECT_EQ(after.value("rushlight_ready"), 1);
    EXPECT_EQ(after.value("rushlight_upload_bytes"), 0) << "given back";
    EXPECT_GT(after.value("rushlight_disk_free_bytes"), 0);
    EXPECT_GT(after.value("process_resident_memory_bytes"), 1e6);
}

TEST(Metrics, HaveNoLabelThatSomebodySent) {
    const Folder folder;
    Served server(folder.path("var"));
    const Headers key = server.key(server.set_up(), {"check", "lists", "read"});
    const auto ask_around = [&](int from) {
        for (int i = from; i < from + 25; ++i) {
            const std::string odd = "planted" + std::to_string(i);
            server.ask("GET", "/" + odd + ".php");
            server.ask("GET", "/api/v1/" + odd, key);
            server.ask("GET", "/api/v1/lists/" + odd, key);
            server.ask("POST", "/api/v1/lists", key, json{{"name", odd}});
            server.ask("BREW", "/" + odd, key);
            server.ask("GET", "/api/v1/check/" + odd + "?q=" + odd, key);
        }
    };
    const auto asked = [&](double number) {
        return scraped_until(server, [&](const Exposition& now) {
            return now.value(
                       R"(rushlight_http_requests_total{code="4xx",method="GET",route="/api/v1/lists/{name}"})") >=
                   number;
        });
    };
    ask_around(0);
    const Exposition first = asked(25);
    ask_around(25);
    const Exposition second = asked(50);
    // What the first scrape itself added is all there may be.
    EXPECT_LE(second.series().size(), first.series().size() + 18);
    for (const auto& [series, value] : second.series()) EXPECT_THAT(series, Not(HasSubstr("planted")));
    EXPECT_LT(second.series().size(), 600u);
}

TEST(Metrics, AreForThisMachineOrAKeyThatReads) {
    const Folder folder;
    Served server(folder.path("var"));
    const Headers admin = server.set_up();
    EXPECT_EQ(server.ask("GET", "/metrics").status, 200);
    const Headers through_proxy{{"X-Forwarded-For", "203.0.113.9"}};
    EXPECT_EQ(server.ask("GET", "/metrics", through_proxy).status, 401);
    EXPECT_EQ(server.ask("GET", "/metrics", {{"Forwarded", "for=203.0.113.9"}}).status, 401);
    Headers key = server.key(admin, {"check"});
    key.insert(through_proxy.begin(), through_proxy.end());
    EXPECT_EQ(server.ask("GET", "/metrics", key).status, 403);
    key = server.key(admin, {"read"});
    key.insert(through_proxy.begin(), through_proxy.end());
    EXPECT_EQ(server.ask("GET", "/metrics", key).status, 200);
}

// A dashboard that asks for what is not there shows an empty chart, and an alarm is never given.
TEST(Metrics, AreThoseThatDashboardAlarmsAndManualName) {
    const Folder folder;
    Served server(folder.path("var"), {"--allow-target", "127.0.0.1:1"});
    const Headers admin = server.set_up();
    const Answer hook =
        server.ask("POST", "/api/v1/webhooks", admin, json{{"url", "http://127.0.0.1:1/hook"}});
    ASSERT_EQ(hook.status, 201) << hook.text;
    server.ask("POST", "/api/v1/webhooks/" + hook.body["id"].get<std::string>() + "/test", admin);
    const Exposition there = scraped_until(server, [](const Exposition& now) {
        return now.has(R"(rushlight_queue_jobs{kind="message.deliver",state="dead"})");
    });
    std::set<std::string> described;
    for (const char* file : {"deploy/grafana.json", "deploy/alerts.yml", "docs/OPERATIONS.md"}) {
        const std::string text = read_file(source_file(file));
        static const std::regex name(R"(\b(rushlight|process)_[a-z0-9_]*[a-z0-9]\b)");
        std::size_t names = 0;
        for (std::sregex_iterator it(text.begin(), text.end(), name), end; it != end; ++it, ++names) {
            EXPECT_TRUE(there.knows(it->str())) << file << " names " << it->str();
            if (std::string(file) == "docs/OPERATIONS.md") described.insert(it->str());
        }
        EXPECT_GT(names, 5u) << file;
    }
    for (const auto& [family, type] : there.types()) {
        if (family.starts_with("process_")) continue;
        EXPECT_TRUE(described.contains(family)) << family << " is not in docs/OPERATIONS.md";
    }
    EXPECT_TRUE(json::accept(read_file(source_file("deploy/grafana.json"))));
}

// A busy session with a secret in everything that people and programs send.
TEST(LogOfAServer, HasNobodyInIt) {
    const Folder folder;
    const std::string data = folder.path("var");
    Served server(data, {"--allow-target", "127.0.0.1:1"});
    const Headers admin = server.set_up();
    const Headers key = server.key(admin, {"check", "lists", "read"});
    std::vector<std::string> secrets{"first@example.org",           "the rush is dipped in fat",
                                     server.setup_token(),          key.at("Authorization").substr(7),
                                     admin.at("Cookie").substr(20), admin.at("X-CSRF-Token")};
    const auto plant = [&](const std::string& secret) {
        secrets.push_back(secret);
        return secret;
    };
    const std::string mail = plant("somebody@planted.example");
    server.ask("POST", "/api/v1/session", {}, json{{"email", mail}, {"password", plant("planted-pw-1")}});
    server.ask("POST", "/api/v1/accounts", admin,
               json{{"email", plant("colleague@planted.example")},
                    {"roles", {"viewer"}},
                    {"password", plant("planted long password 2")}});
    server.ask("POST", "/api/v1/lists/" + plant("planted-list") + "/import", key, practice_list());
    const std::string hash = plant("9f9e9d9c9b9a99989796959493929190");
    server.ask("POST", "/api/v1/check/hash", key, json{{"hashes", {hash}}});
    const json context{{"account", plant("planted-account-4711")},
                       {"ip", plant("198.51.100.77")},
                       {"filename", plant("planted-name.jpg")},
                       {"place", plant("https://planted.example/place")}};
    ASSERT_EQ(server.upload("/api/v1/check", key, scene("spheres-01.jpg"), context.dump()).status, 200);
    server.upload("/api/v1/check", key, "no picture", context.dump());
    server.ask("POST", "/api/v1/check/url", key, json{{"url", plant("http://127.0.0.1:1/planted/path?q=1")}});
    server.ask("GET", "/" + plant("planted-path") + "?token=" + plant("planted-query"), key);
    const Answer hook = server.ask("POST", "/api/v1/webhooks", admin,
                                   json{{"url", "http://127.0.0.1:1/" + plant("planted-hook")}});
    ASSERT_EQ(hook.status, 201) << hook.text;
    if (hook.body.contains("secret")) plant(hook.body["secret"]);
    server.ask("POST", "/api/v1/webhooks/" + hook.body["id"].get<std::string>() + "/test", admin);
    scraped_until(server, [](const Exposition& now) {
        return now.value(R"(rushlight_webhook_attempts_total{outcome="unreachable"})") > 0;
    });
    // What matches cannot be held any more: 503, and the log says which request that was, and why.
    fs::remove_all(data + "/holding");
    std::ofstream(data + "/holding") << "a file";
    const Answer failed = server.upload("/api/v1/check", key, scene("spheres-01.jpg"), context.dump());
    ASSERT_EQ(failed.status, 503) << failed.text;
    EXPECT_EQ(failed.body["instance"], "/requests/" + failed.header("X-Request-Id"));

    for (int i = 0; i < 100; ++i) server.upload("/api/v1/check", key, scene("spheres-01.jpg"));

    const Ran ran = server.stop();
    EXPECT_EQ(ran.status, 0);
    EXPECT_LT(std::ranges::count(ran.err, '\n'), 60 + 20) << "a flood is counted, not written";
    std::map<std::string, json> events;
    std::istringstream in(ran.err);
    for (std::string line; std::getline(in, line);) {
        ASSERT_TRUE(json::accept(line)) << line;
        const json object = json::parse(line);
        for (const char* wanted : {"time", "level", "room", "event"})
            EXPECT_TRUE(object.contains(wanted)) << line;
        events.emplace(object["event"], object);
    }
    for (const char* event : {"server.started", "server.stopping", "server.stopped", "signin.refused",
                              "webhook.failed", "request.failed", "log.left_out"})
        EXPECT_TRUE(events.contains(event)) << event << " in " << ran.err;
    EXPECT_EQ(events["request.failed"]["request"], failed.header("X-Request-Id"));
    EXPECT_EQ(events["request.failed"]["route"], "POST /api/v1/check");
    EXPECT_NE(events["request.failed"]["why"], "");
    EXPECT_EQ(events["server.started"]["store"], "sqlite");
    for (const std::string& secret : secrets) {
        ASSERT_GE(secret.size(), 8u);
        EXPECT_THAT(ran.err, Not(HasSubstr(secret)));
    }
}

}  // namespace
}  // namespace rushlight::app::testing
