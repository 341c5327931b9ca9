// How the server itself is.

#include "audit/audit.h"
#include "base/text.h"
#include "queue/queue.h"
#include "server/app.h"
#include "server/openapi.h"
#include "server/routes.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <map>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace rushlight::server {
namespace {

using nlohmann::ordered_json;

constexpr std::int64_t kMinute = 60'000'000;

http::Response livez(Call&) { return http::Response::text(200, "alive\n"); }

http::Response readyz(Call& call) {
    std::string why;
    const bool ready = call.app.is_ready(why);
    ordered_json object{{"ready", ready}, {"schema", call.app.store->schema_version()}};
    if (!ready) object["why"] = why;
    return json_answer(ready ? 200 : 503, object);
}

// Prometheus' text format, version 0.0.4.
http::Response metrics(Call& call) {
    http::Response response = http::Response::text(200, call.app.metrics.text(call.app));
    response.set("Content-Type", "text/plain; version=0.0.4; charset=utf-8");
    return response;
}

http::Response openapi(Call&) { return json_answer(200, openapi_of(all_routes())); }

struct Span {
    std::string_view name;
    std::int64_t minutes, step;
};
constexpr std::array kSpans = {Span{"hour", 60, 1}, Span{"day", 1440, 30}, Span{"week", 10'080, 180},
                               Span{"month", 43'200, 1440}};

http::Response stats(Call& call) {
    const auto query = call.query();
    if (!query) return bad_request(query.error().message);
    const std::string_view wanted = query->get("span").value_or("day");
    const auto span = std::ranges::find(kSpans, wanted, &Span::name);
    if (span == kSpans.end())
        return problem_of({ErrorCode::invalid, "'span' has to be hour, day, week or month"});
    const std::int64_t step = span->step * kMinute;
    const std::int64_t end = (call.now.micros / step + 1) * step;
    const std::int64_t begin = end - span->minutes * kMinute;
    const auto counted = call.app.checks->stats(Time{begin}, Time{end}, span->step);
    if (!counted) return problem_of(counted.error());
    const std::size_t steps = static_cast<std::size_t>(span->minutes / span->step);
    std::map<std::string, std::vector<std::int64_t>> series;
    for (const char* name : {"exact", "near", "none", "unreadable", "held", "blocked"})
        series[name].resize(steps);
    for (const check::StatStep& one : *counted) {
        const std::int64_t at = (one.at.micros - begin) / step;
        if (at < 0 || std::cmp_greater_equal(at, steps)) continue;
        const auto i = static_cast<std::size_t>(at);
        series["exact"][i] += one.exact;
        series["near"][i] += one.near;
        series["none"][i] += one.none;
        series["unreadable"][i] += one.unreadable;
        series["held"][i] += one.held;
        series["blocked"][i] += one.blocked;
    }
    return json_answer(200, {{"span", span->name},
                             {"step_seconds", span->step * 60},
                             {"from", Time{begin}.rfc3339()},
                             {"to", Time{end}.rfc3339()},
                             {"series", series}});
}

ordered_json canary_of(const check::CanaryState& canary) {
    ordered_json object{{"ok", canary.ok}, {"at", canary.at.rfc3339()}, {"ms", canary.ms}};
    if (canary.last_ok) object["last_ok"] = canary.last_ok->rfc3339();
    if (!canary.error.empty()) object["error"] = canary.error;
    return object;
}

http::Response overview(Call& call) {
    const std::int64_t day = 86'400 * 1'000'000LL;
    const auto today =
        call.app.checks->stats(Time{call.now.micros - day}, Time{call.now.micros + kMinute}, 1440);
    if (!today) return problem_of(today.error());
    check::StatStep sum;
    for (const check::StatStep& one : *today) {
        sum.exact += one.exact;
        sum.near += one.near;
        sum.none += one.none;
        sum.unreadable += one.unreadable;
    }
    std::uint64_t entries = 0;
    std::uint64_t lists = 0;
    for (const match::List& list : call.app.matcher->lists()) {
        if (list.name == check::kCanaryList) continue;
        ++lists;
        entries += list.entries.active;
    }
    std::vector<queue::Count> jobs;
    const Status counted = call.app.store->read([&](store::Reader& reader) -> Status {
        auto counts = queue::counts(reader, call.now);
        if (!counts) return pass(counts.error());
        jobs = std::move(*counts);
        return {};
    });
    if (!counted) return problem_of(counted.error());
    std::int64_t waiting = 0;
    std::int64_t dead = 0;
    for (const queue::Count& count : jobs) {
        waiting += count.waiting;
        dead += count.dead;
    }
    const auto usage = call.app.area()->usage();
    if (!usage) return problem_of(usage.error());
    const check::CanaryState canary = call.app.checks->canary();

    auto needs = ordered_json::array();
    const auto need = [&](std::string_view what, std::int64_t count, std::string_view href,
                          std::string_view severity) {
        if (count > 0)
            needs.push_back({{"what", what}, {"count", count}, {"href", href}, {"severity", severity}});
    };
    need("canary_silent", canary.at != Time{} && !canary.ok ? 1 : 0, "/health", "bad");
    need("no_lists", entries == 0 ? 1 : 0, "/lists", "warn");
    need("dead_letters", dead, "/webhooks?tab=dead", "warn");
    need("held", usage->files, "/holding", "info");
    return json_answer(200, {{"needs_me", needs},
                             {"today",
                              {{"checks", sum.exact + sum.near + sum.none + sum.unreadable},
                               {"exact", sum.exact},
                               {"near", sum.near},
                               {"none", sum.none},
                               {"unreadable", sum.unreadable}}},
                             {"lists", {{"lists", lists}, {"entries", entries}}},
                             {"canary", canary_of(canary)},
                             {"holding",
                              {{"on", call.app.area()->on()},
                               {"items", usage->files},
                               {"bytes", usage->bytes},
                               {"quota", usage->quota}}},
                             {"queue", {{"waiting", waiting}, {"dead", dead}}}});
}

http::Response health(Call& call) {
    auto checks = ordered_json::array();
    const auto check = [&](std::string_view name, bool ok, const std::string& found, std::string_view todo) {
        checks.push_back({{"check", name}, {"ok", ok}, {"found", found}, {"do", ok ? "" : todo}});
    };
    std::string why;
    const bool ready = call.app.is_ready(why);
    check("ready", ready, ready ? "it answers" : why, "see the checks below");
    const check::CanaryState canary = call.app.checks->canary();
    check("canary", canary.ok, canary.ok ? fmt::format("sang in {} ms", canary.ms) : canary.error,
          "run `rushlight doctor` on this machine: it tries each part by itself");
    std::error_code error;
    const auto space = std::filesystem::space(call.app.options.config.data, error);
    const double free_gb = error ? 0 : static_cast<double>(space.available) / 1e9;
    const bool full = call.app.reserve.full();
    check("disk", free_gb > 1 && !full,
          full ? kDiskFull : fmt::format("{:.1f} GB free in the data folder", free_gb),
          full
              ? "make room on that disk: destroy what is held, delete lists that nobody needs, or move other "
                "files away; matches are answered 503 until then, and it goes on by itself"
              : "make room: below 1 GB nothing is safe to be stored");
    const auto leap = std::chrono::duration_cast<std::chrono::minutes>(call.app.clock_watch.leap()).count();
    check("clock", call.app.clock_watch.trusted(),
          leap == 0 ? "it goes evenly"
                    : fmt::format("it leapt {} minutes {}", std::abs(leap), leap > 0 ? "ahead" : "back"),
          "set this machine's clock right; nothing is destroyed for its age until it is, or has stood for a "
          "day");
    const auto schema = call.app.store->schema_version();
    check("store", true, fmt::format("{}, schema {}", printable(call.app.store->where()), schema), "");
    const auto usage = call.app.area()->usage();
    check("holding", usage && usage->bytes < usage->quota,
          usage ? fmt::format("{} of {} MB used", usage->bytes >> 20, usage->quota >> 20)
                : usage.error().message,
          "decide what is held, or allow more under Settings");
    std::string targets;
    for (const std::string& target : call.app.allowed_targets)
        targets += (targets.empty() ? "" : ", ") + target;
    check("targets", true,
          targets.empty() ? "links are fetched from public addresses only"
                          : "beside public addresses, links may lead to " + targets,
          "");
    auto history = ordered_json::array();
    if (const auto runs = call.app.checks->canary_history(288)) {
        for (const check::CanaryState& run : *runs) history.push_back(canary_of(run));
    }
    ordered_json canary_json = canary_of(canary);
    canary_json["history"] = std::move(history);
    return json_answer(200, {{"checks", checks},
                             {"canary", canary_json},
                             {"store", {{"where", printable(call.app.store->where())}, {"schema", schema}}},
                             {"disk", {{"free", error ? 0 : space.available}}},
                             {"targets", call.app.allowed_targets},
                             {"version", RUSHLIGHT_VERSION},
                             {"started", call.app.started.rfc3339()}});
}

http::Response settings(Call& call) { return json_answer(200, to_json(call.app.settings->get())); }

http::Response patch_settings(Call& call) {
    const auto body = call.json();
    if (!body) return bad_request(body.error().message);
    const auto wanted = changed(call.app.settings->get(), *body);
    if (!wanted) return problem_of(wanted.error());
    if (auto applied = call.app.apply(*wanted, call.caller.who); !applied) return problem_of(applied.error());
    return json_answer(200, to_json(*wanted));
}

}  // namespace

void add_system_routes(RouteList& routes) {
    using enum http::Method;
    routes.push_back({get, "/livez", "The process answers", 0, false, livez});
    routes.push_back({get, "/readyz", "Checks can be answered", 0, false, readyz});
    routes.push_back({get, "/metrics", "For Prometheus", 0, false, metrics});
    routes.push_back({get, "/api/v1/openapi.json", "This description", 0, false, openapi});
    routes.push_back({get, "/api/v1/overview", "What needs somebody now", 0, false, overview});
    routes.push_back({get, "/api/v1/stats", "Checks over time", 0, false, stats});
    routes.push_back({get, "/api/v1/health", "How each part is", 0, false, health});
    routes.push_back({get, "/api/v1/settings", "What administrators set", 0, false, settings});
    routes.push_back({patch, "/api/v1/settings", "Change settings", kJsonBody, false, patch_settings});
}

RouteList all_routes() {
    RouteList routes;
    add_system_routes(routes);
    add_session_routes(routes);
    add_check_routes(routes);
    add_list_routes(routes);
    add_scan_routes(routes);
    add_account_routes(routes);
    add_webhook_routes(routes);
    add_audit_routes(routes);
    using enum http::Method;
    // Answered by the server itself, which streams them.
    routes.push_back({get, "/api/v1/events", "What happens, as server-sent events", 0, false, {}});
    routes.push_back({post,
                      "/api/v1/check",
                      "Check a file: a form with `file` and, if you like, `context`",
                      kMostUpload,
                      true,
                      {}});
    routes.push_back({post, "/api/v1/check/hash", "Check up to 10,000 hashes", 4 << 20, true, {}});
    return routes;
}

}  // namespace rushlight::server
