// Checks, what they left behind, and the policy.

#include "base/text.h"
#include "net/fetch_content.h"
#include "server/app.h"
#include "server/hash_check.h"
#include "server/routes.h"

#include <nlohmann/json.hpp>

namespace rushlight::server {
namespace {

using nlohmann::ordered_json;

constexpr std::uint64_t kMostFetched = std::uint64_t{64} << 20;

// What this machine lacks may be there in a moment; all else is the link's.
http::Response not_fetched(const App& app, const net::Failure& failure) {
    if (failure.code == net::FailureCode::unavailable || failure.code == net::FailureCode::cancelled)
        return check_problem(app, {ErrorCode::unavailable, failure.message});
    std::string members = R"("code":")" + std::string(net::to_string(failure.code)) + '"';
    if (failure.status != 0) members += R"(,"answered":)" + std::to_string(failure.status);
    const check::Action action = app.checks->policy().unreadable;
    if (action != check::Action::allow)
        members += R"(,"action":")" + std::string(check::to_string(action)) + '"';
    return http::problem(422, failure.message, "/problems/not-fetched", members);
}

http::Response check_url(Call& call) {
    const auto body = call.json();
    if (!body) return bad_request(body.error().message);
    const auto asked = asked_of(*body, call.caller.who);
    if (!asked) return problem_of(asked.error());
    if (!body->contains("url") || !body->at("url").is_string())
        return problem_of({ErrorCode::invalid, "'url' has to be a link"});
    const auto url = Url::parse(body->at("url").get<std::string>());
    if (!url) return problem_of({ErrorCode::invalid, "'url' is no link: " + url.error().message});
    BudgetShare share(call.app.uploads);
    net::Request request{.url = *url};
    request.limits.body_bytes = kMostFetched;
    auto fetched = net::fetch_content(
        *call.app.client, request, [&share](std::uint64_t bytes) { return share.take(bytes); },
        call.app.fetching.get_token());
    if (!fetched) return not_fetched(call.app, fetched.error());
    check::Asked with_place = *asked;
    if (with_place.context.place.empty()) with_place.context.place = url->href();
    const auto reply = call.app.checks->check(fetched->content, with_place);
    if (!reply) return check_problem(call.app, reply.error());
    ordered_json object = check::to_json(*reply);
    object["url"] = url->href();
    object["final_url"] = fetched->response.url.href();
    return json_answer(200, object);
}

http::Response later(Call& call) {
    const auto later = call.app.checks->later(call.parameters.at(0));
    if (!later) return problem_of(later.error());
    if (!*later || (*later)->by != call.caller.who)
        return problem_of({ErrorCode::not_found,
                           "there is no check of that id that you asked for and that is less than "
                           "a day old"});
    ordered_json object{{"id", (*later)->id}, {"state", (*later)->done ? "done" : "waiting"}};
    if ((*later)->done) object["answer"] = ordered_json::parse((*later)->answer, nullptr, false);
    return json_answer(200, object);
}

http::Response seen(Call& call) {
    const auto query = call.query();
    if (!query) return bad_request(query.error().message);
    const auto limit = limit_of(*query);
    if (!limit) return problem_of(limit.error());
    std::optional<check::Decision> decision;
    if (const auto word = query->get("decision"); word && !word->empty()) {
        for (const auto one : {check::Decision::exact, check::Decision::near, check::Decision::none,
                               check::Decision::unreadable}) {
            if (check::to_string(one) == *word) decision = one;
        }
        if (!decision)
            return problem_of({ErrorCode::invalid, "'decision' has to be exact, near, none or unreadable"});
    }
    const auto cursor = query->get("cursor");
    const auto before = cursor ? parse_integer(*cursor) : std::nullopt;
    if (cursor && !before) return problem_of({ErrorCode::invalid, "'cursor' is none of ours"});
    // Contexts hold people's data: a program that only checks sees what it asked itself.
    const bool own_only = !call.caller.session && !call.caller.scopes.has(accounts::Scope::read);
    const auto page =
        call.app.checks->seen(decision, before, *limit, own_only ? call.caller.who : std::string());
    if (!page) return problem_of(page.error());
    ordered_json items = page->items;
    return json_answer(200, page_of(std::move(items),
                                    page->next ? std::optional(std::to_string(*page->next)) : std::nullopt));
}

http::Response policy(Call& call) { return json_answer(200, check::to_json(call.app.checks->policy())); }

http::Response put_policy(Call& call) {
    const auto body = call.json();
    if (!body) return bad_request(body.error().message);
    auto policy = check::parse_policy(*body);
    if (!policy) return problem_of(policy.error());
    std::string_view match = call.head.header("If-Match");
    if (match.size() >= 2 && match.front() == '"' && match.back() == '"')
        match = match.substr(1, match.size() - 2);
    const auto expected = parse_integer(match);
    if (!expected)
        return http::problem(428,
                             "say in If-Match which version you changed, so that nobody's change is lost",
                             "/problems/precondition-required");
    const auto saved = call.app.checks->save_policy(std::move(*policy), *expected, call.caller.who);
    if (!saved) return problem_of(saved.error());
    call.app.hub.publish("policy", "{\"version\":" + std::to_string(saved->version) + '}');
    return json_answer(200, check::to_json(*saved));
}

http::Response policies(Call& call) {
    const auto versions = call.app.checks->policies();
    if (!versions) return problem_of(versions.error());
    auto items = ordered_json::array();
    for (const check::Policy& one : *versions) items.push_back(check::to_json(one));
    return json_answer(200, page_of(std::move(items), std::nullopt));
}

ordered_json to_json(const vault::HeldFile& file) {
    return {{"id", file.id.hex()},
            {"sha256", file.sha256.hex()},
            {"bytes", file.bytes},
            {"why", file.why},
            {"ref", file.ref},
            {"made", file.made.rfc3339()},
            {"expires", file.expires.rfc3339()},
            {"destroyed", file.destroyed ? ordered_json(file.destroyed->rfc3339()) : ordered_json(nullptr)}};
}

http::Response holding(Call& call) {
    const auto query = call.query();
    if (!query) return bad_request(query.error().message);
    const auto limit = limit_of(*query);
    if (!limit) return problem_of(limit.error());
    const auto cursor = query->get("cursor");
    const auto after = cursor ? vault::HeldId::parse(*cursor) : std::nullopt;
    if (cursor && !after) return problem_of({ErrorCode::invalid, "'cursor' is none of ours"});
    const auto area = call.app.area();
    const auto files = area->list(after, *limit);
    if (!files) return problem_of(files.error());
    auto items = ordered_json::array();
    for (const vault::HeldFile& file : *files) items.push_back(to_json(file));
    const bool full = std::cmp_equal(files->size(), *limit);
    return json_answer(
        200, page_of(std::move(items), full ? std::optional(files->back().id.hex()) : std::nullopt));
}

http::Response destroy(Call& call) {
    const auto id = vault::HeldId::parse(call.parameters.at(0));
    if (!id) return problem_of({ErrorCode::not_found, "nothing is held under that id"});
    std::string why = "by an administrator";
    if (!call.body.empty()) {
        const auto body = call.json();
        if (!body) return bad_request(body.error().message);
        if (body->is_object() && body->contains("reason") && body->at("reason").is_string())
            why = body->at("reason").get<std::string>();
    }
    const auto gone = call.app.area()->destroy(*id, call.caller.who, why, call.now);
    return gone ? http::Response::empty(204) : problem_of(gone.error());
}

}  // namespace

void add_check_routes(RouteList& routes) {
    using enum http::Method;
    routes.push_back({post, "/api/v1/check/url", "Fetch a link under the guard and check what is there",
                      kJsonBody, true, check_url});
    routes.push_back(
        {get, "/api/v1/check/{id}", "The answer of a check that was to be answered later", 0, false, later});
    routes.push_back({get, "/api/v1/checks", "What matched, the newest first", 0, false, seen});
    routes.push_back({get, "/api/v1/policy", "What is done where something matched", 0, false, policy});
    routes.push_back(
        {put, "/api/v1/policy", "Save a new version of the policy", kJsonBody, false, put_policy});
    routes.push_back(
        {get, "/api/v1/policy/versions", "All versions of the policy, the newest first", 0, false, policies});
    routes.push_back({get, "/api/v1/holding", "What the holding area keeps", 0, false, holding});
    routes.push_back(
        {delete_, "/api/v1/holding/{id}", "Destroy what is held, now", kJsonBody, false, destroy});
}

}  // namespace rushlight::server
