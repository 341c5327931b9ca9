// Scans of the operator's folders.

#include "audit/audit.h"
#include "base/text.h"
#include "server/app.h"
#include "server/routes.h"

#include <nlohmann/json.hpp>

namespace rushlight::server {
namespace {

using nlohmann::ordered_json;

ordered_json to_json(const App& app, const scan::Run& run) {
    ordered_json object{{"id", std::to_string(run.id)},
                        {"targets", ordered_json::array()},
                        {"state", run.state},
                        {"started", run.started.rfc3339()}};
    for (const std::string_view target : split(run.targets, '\n')) object["targets"].push_back(target);
    if (run.ended) object["ended"] = run.ended->rfc3339();
    if (!run.summary.empty()) object["summary"] = ordered_json::parse(run.summary, nullptr, false);
    if (const auto progress = app.scans->progress(run.id)) {
        object["progress"] = {{"files", progress->files}, {"items", progress->items}};
        if (progress->total) object["progress"]["total"] = *progress->total;
    } else if (run.state == "running") {
        // Its process is gone, or another one's.
        object["state"] = "elsewhere";
    }
    return object;
}

Result<scan::Run> run_of(const Call& call) {
    const auto id = parse_integer(call.parameters.at(0));
    if (!id) return fail(ErrorCode::not_found, "there is no such scan");
    auto run = scan::run_by_id(*call.app.store, *id);
    if (!run) return pass(run.error());
    if (!*run) return fail(ErrorCode::not_found, "there is no such scan");
    return std::move(**run);
}

http::Response scans(Call& call) {
    const auto query = call.query();
    if (!query) return bad_request(query.error().message);
    const auto limit = limit_of(*query);
    if (!limit) return problem_of(limit.error());
    const auto cursor = query->get("cursor");
    const auto before = cursor ? parse_integer(*cursor) : std::nullopt;
    if (cursor && !before) return problem_of({ErrorCode::invalid, "'cursor' is none of ours"});
    auto all = scan::runs(*call.app.store, before, *limit + 1);
    if (!all) return problem_of(all.error());
    std::optional<std::string> next;
    if (std::cmp_greater(all->size(), *limit)) {
        all->pop_back();
        next = std::to_string(all->back().id);
    }
    auto items = ordered_json::array();
    for (const scan::Run& run : *all) items.push_back(to_json(call.app, run));
    return json_answer(200, page_of(std::move(items), next));
}

http::Response folders(Call& call) { return json_answer(200, {{"folders", call.app.scans->folders()}}); }

Status note(Call& call, std::string_view what, scan::RunId id) {
    return call.app.store->write([&](store::Writer& writer) {
        return audit::append(
                   writer,
                   {.who = call.caller.who, .what = std::string(what), .on = {"scan", std::to_string(id)}},
                   call.now)
            .map([](std::int64_t) {});
    });
}

http::Response start(Call& call) {
    const auto body = call.json();
    if (!body) return bad_request(body.error().message);
    if (!body->is_object()) return problem_of({ErrorCode::invalid, "the body has to be an object"});
    const auto targets = texts_at(*body, "targets");
    const auto lists = texts_at(*body, "lists");
    if (!targets) return problem_of(targets.error());
    if (targets->empty())
        return problem_of({ErrorCode::invalid, "'targets' has to name folders, files or links"});
    if (!lists) return problem_of(lists.error());
    App& app = call.app;
    const auto prepare = [&]() -> Result<ScanRunner::Prepared> {
        std::shared_ptr<match::Matcher> chosen;
        if (!lists->empty()) {
            auto opened = match::Matcher::open(app.lists.get(), {.stored = *lists}, app.clock);
            if (!opened) return pass(opened.error());
            chosen = std::move(*opened);
        }
        return ScanRunner::Prepared{.parts = {.store = *app.store,
                                              .pool = *app.light,
                                              .fingerprinter = *app.fingerprinter,
                                              .matcher = chosen ? *chosen : *app.matcher,
                                              .clock = app.clock,
                                              .client = &*app.client},
                                    .keep = chosen};
    };
    const auto again = body->find("again");
    const auto id = app.scans->start(
        *targets, again != body->end() && again->is_boolean() && again->get<bool>(), prepare);
    if (!id) return problem_of(id.error());
    if (auto noted = note(call, "scan.started", *id); !noted) {
        app.scans->stop(*id);  // nothing is done off the record
        return problem_of(noted.error());
    }
    return json_answer(202, {{"id", std::to_string(*id)}});
}

http::Response show(Call& call) {
    const auto run = run_of(call);
    return run ? json_answer(200, to_json(call.app, *run)) : problem_of(run.error());
}

http::Response items(Call& call) {
    const auto query = call.query();
    if (!query) return bad_request(query.error().message);
    const auto limit = limit_of(*query);
    if (!limit) return problem_of(limit.error());
    const auto run = run_of(call);
    if (!run) return problem_of(run.error());
    const auto after = parse_integer(query->get("cursor").value_or("0"));
    if (!after) return problem_of({ErrorCode::invalid, "'cursor' is none of ours"});
    const auto page =
        scan::items_of(*call.app.store, run->id, query->get("decision").value_or(""), *after, *limit);
    if (!page) return problem_of(page.error());
    auto lines = ordered_json::array();
    for (const std::string& line : page->lines) lines.push_back(ordered_json::parse(line, nullptr, false));
    return json_answer(200, page_of(std::move(lines),
                                    page->more ? std::optional(std::to_string(page->last)) : std::nullopt));
}

http::Response stop(Call& call) {
    const auto run = run_of(call);
    if (!run) return problem_of(run.error());
    if (!call.app.scans->stop(run->id))
        return problem_of({ErrorCode::conflict, "it does not run here any more"});
    if (auto noted = note(call, "scan.stopped", run->id); !noted) return problem_of(noted.error());
    return json_answer(202, {{"id", std::to_string(run->id)}});
}

}  // namespace

void add_scan_routes(RouteList& routes) {
    using enum http::Method;
    routes.push_back({get, "/api/v1/scans", "All scans, the newest first", 0, false, scans});
    routes.push_back({post, "/api/v1/scans", "Start a scan of folders", kJsonBody, true, start});
    routes.push_back({get, "/api/v1/scans/folders", "Folders that may be scanned", 0, false, folders});
    routes.push_back({get, "/api/v1/scans/{id}", "One scan with its progress", 0, false, show});
    routes.push_back({get, "/api/v1/scans/{id}/items", "What a scan answered", 0, false, items});
    routes.push_back(
        {post, "/api/v1/scans/{id}/stop", "Stop a scan; what was done stays done", 0, false, stop});
}

}  // namespace rushlight::server
