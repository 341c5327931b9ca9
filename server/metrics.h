// metrics: what is counted while the server runs, for Prometheus (docs/OPERATIONS.md lists the names).
//
// Counting costs nanoseconds and never a lock on the way of a check: each series is looked up once and then
// added to. Labels are words of the program (a route's pattern, a decision), never what somebody sent, so
// their number is bounded. What can be asked when it is wanted (queues, disks, the canary) is asked by
// text(), at most once a second however often it is called.
//
// Thread-safe. Source: Prometheus' "Metric and label naming" and text format 0.0.4; prometheus-cpp, which
// does not show here.
#pragma once

#include "check/check.h"
#include "check/policy.h"
#include "http/http.h"

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace rushlight::server {

class App;

// Plan::tag: which route, for the counts. Requests of no route, and of the console's files, have their own.
inline constexpr std::uint32_t kNoRoute = 0;
inline constexpr std::uint32_t kConsoleRoute = 1;
inline constexpr std::uint32_t kFirstRoute = 2;  // + its index

enum class WebhookOutcome : std::uint8_t { delivered, refused, unreachable };
enum class SignInOutcome : std::uint8_t { signed_in, refused, slowed };

class Metrics {
  public:
    Metrics();
    ~Metrics();
    Metrics(const Metrics&) = delete;
    Metrics& operator=(const Metrics&) = delete;

    // The routes in the order of their tags, as "POST /api/v1/check"; before the first request.
    void know_routes(std::vector<std::string> routes);
    std::string_view route(std::uint32_t tag) const;
    // Where the HTTP server's own counts come from, while there is one.
    void follow(std::function<http::Counters()> counters);

    void answered(const http::Answered& answered);
    // `took`: of a file's check, from its bytes to its stored decision.
    void checked(check::Decision decision, check::Action action,
                 std::optional<std::chrono::microseconds> took);
    void webhook(WebhookOutcome outcome);
    void sign_in(SignInOutcome outcome);

    std::string text(App& app);

  private:
    struct State;
    std::unique_ptr<State> state_;
};

}  // namespace rushlight::server
