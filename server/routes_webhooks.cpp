// Webhooks: where other programs want to be told, and what came of it.

#include "audit/audit.h"
#include "base/text.h"
#include "message/message.h"
#include "server/app.h"
#include "server/routes.h"

#include <algorithm>

#include <nlohmann/json.hpp>

namespace rushlight::server {
namespace {

using message::EndpointId;
using nlohmann::ordered_json;

ordered_json to_json(const message::Endpoint& endpoint) {
    ordered_json object{{"id", std::to_string(endpoint.id.value)},
                        {"url", endpoint.url},
                        {"events", endpoint.events},
                        {"state", endpoint.paused ? "paused" : "active"},
                        {"made", endpoint.created_at.rfc3339()}};
    if (!endpoint.why_paused.empty()) object["why_paused"] = endpoint.why_paused;
    return object;
}

Result<EndpointId> id_of(const Call& call) {
    const auto number = parse_integer(call.parameters.at(0));
    if (!number) return fail(ErrorCode::not_found, "there is no such webhook");
    return EndpointId{*number};
}

// One change of an endpoint and its line in the audit log.
template <class F>
Status change(Call& call, std::string_view what, const std::string& id, F&& work) {
    return call.app.store->write([&](store::Writer& writer) -> Status {
        if (Status done = work(writer); !done) return done;
        return audit::append(writer,
                             {.who = call.caller.who, .what = std::string(what), .on = {"webhook", id}},
                             call.now)
            .map([](std::int64_t) {});
    });
}

http::Response endpoints(Call& call) {
    auto items = ordered_json::array();
    const Status read = call.app.store->read([&](store::Reader& reader) -> Status {
        auto all = message::endpoints(reader);
        if (!all) return pass(all.error());
        items = ordered_json::array();
        for (const message::Endpoint& one : *all) items.push_back(to_json(one));
        return {};
    });
    return read ? json_answer(200, page_of(std::move(items), std::nullopt)) : problem_of(read.error());
}

struct Wanted {
    std::string url;
    std::vector<std::string> events;
};
Result<Wanted> wanted_of(const nlohmann::json& body) {
    if (!body.is_object() || !body.contains("url") || !body["url"].is_string())
        return fail(ErrorCode::invalid, "'url' has to be a link");
    Wanted wanted{.url = body["url"].get<std::string>(), .events = {}};
    if (body.contains("events")) {
        if (!body["events"].is_array())
            return fail(ErrorCode::invalid, "'events' has to be an array of texts");
        for (const auto& event : body["events"]) {
            if (!event.is_string()) return fail(ErrorCode::invalid, "'events' has to be an array of texts");
            wanted.events.push_back(event.get<std::string>());
        }
    }
    return wanted;
}

http::Response create(Call& call) {
    const auto body = call.json();
    if (!body) return bad_request(body.error().message);
    const auto wanted = wanted_of(*body);
    if (!wanted) return problem_of(wanted.error());
    message::Created made;
    std::string id;  // known, and read for the audit log, once it is made
    const Status done = change(call, "webhook.created", id, [&](store::Writer& writer) -> Status {
        auto created = message::create_endpoint(writer, *call.app.message_sealer,
                                                {wanted->url, wanted->events}, call.now);
        if (!created) return pass(created.error());
        made = std::move(*created);
        id = std::to_string(made.id.value);
        return {};
    });
    if (!done) return problem_of(done.error());
    return json_answer(201, {{"id", id}, {"secret", made.secret}});
}

http::Response change_one(Call& call) {
    const auto body = call.json();
    if (!body) return bad_request(body.error().message);
    const auto id = id_of(call);
    if (!id) return problem_of(id.error());
    const std::string state = body->is_object() && body->contains("state") && (*body)["state"].is_string()
                                  ? (*body)["state"].get<std::string>()
                                  : "";
    if (!state.empty() && state != "active" && state != "paused")
        return problem_of({ErrorCode::invalid, "'state' has to be active or paused"});
    const bool moves = body->is_object() && body->contains("url");
    Wanted wanted;
    if (moves) {
        auto read = wanted_of(*body);
        if (!read) return problem_of(read.error());
        wanted = std::move(*read);
    }
    message::Endpoint now;
    const Status done =
        change(call, "webhook.changed", call.parameters.at(0), [&](store::Writer& writer) -> Status {
            if (moves) {
                if (auto changed = message::change_endpoint(writer, *id, {wanted.url, wanted.events});
                    !changed)
                    return changed;
            }
            if (!state.empty()) {
                const Status set =
                    state == "active" ? message::activate(writer, *id) : message::pause(writer, *id);
                if (!set) return set;
            }
            auto endpoint = message::endpoint(writer, *id);
            if (!endpoint) return pass(endpoint.error());
            now = std::move(*endpoint);
            return {};
        });
    return done ? json_answer(200, to_json(now)) : problem_of(done.error());
}

http::Response remove(Call& call) {
    const auto id = id_of(call);
    if (!id) return problem_of(id.error());
    const Status done = change(call, "webhook.removed", call.parameters.at(0),
                               [&](store::Writer& writer) { return message::remove_endpoint(writer, *id); });
    return done ? http::Response::empty(204) : problem_of(done.error());
}

// Sent at once; the history shows what came of it.
http::Response test(Call& call) {
    const auto id = id_of(call);
    if (!id) return problem_of(id.error());
    std::string event;
    const Status done = call.app.store->write([&](store::Writer& writer) -> Status {
        auto sent = message::send_test(writer, *id, call.now);
        if (!sent) return pass(sent.error());
        event = std::move(*sent);
        return {};
    });
    return done ? json_answer(202, {{"event", event}}) : problem_of(done.error());
}

http::Response attempts(Call& call) {
    const auto id = id_of(call);
    if (!id) return problem_of(id.error());
    auto items = ordered_json::array();
    const Status read = call.app.store->read([&](store::Reader& reader) -> Status {
        auto all = message::history(reader, *id, 200);
        if (!all) return pass(all.error());
        items = ordered_json::array();
        for (const message::Attempt& one : *all) {
            items.push_back({{"event", one.event},
                             {"type", one.type},
                             {"attempt", one.number},
                             {"at", one.at.rfc3339()},
                             {"ms", one.milliseconds},
                             {"status", one.status},
                             {"delivered", one.delivered},
                             {"why", one.why}});
        }
        return {};
    });
    return read ? json_answer(200, page_of(std::move(items), std::nullopt)) : problem_of(read.error());
}

http::Response dead_letters(Call& call) {
    auto items = ordered_json::array();
    const Status read = call.app.store->read([&](store::Reader& reader) -> Status {
        auto all = queue::dead_letters(reader, {.limit = 200});
        if (!all) return pass(all.error());
        auto hooks = message::endpoints(reader);
        if (!hooks) return pass(hooks.error());
        items = ordered_json::array();
        for (const queue::DeadLetter& one : *all) {
            // Deliveries wait for each other by endpoint: where each was to go.
            std::string url;
            for (const message::Endpoint& hook : *hooks) {
                if (one.kind == message::kJobKind && one.key.ends_with('.' + std::to_string(hook.id.value)))
                    url = hook.url;
            }
            items.push_back({{"id", std::to_string(one.id.value)},
                             {"kind", one.kind},
                             {"url", url},
                             {"attempts", one.attempts},
                             {"died", one.died_at.rfc3339()},
                             {"why", one.why}});
        }
        return {};
    });
    return read ? json_answer(200, page_of(std::move(items), std::nullopt)) : problem_of(read.error());
}

Result<queue::JobId> job_of(const Call& call) {
    const auto number = parse_integer(call.parameters.at(0));
    if (!number) return fail(ErrorCode::not_found, "there is no such dead letter");
    return queue::JobId{*number};
}

http::Response resend(Call& call) {
    const auto id = job_of(call);
    if (!id) return problem_of(id.error());
    const Status done = change(call, "dead_letter.resent", call.parameters.at(0), [&](store::Writer& writer) {
        return queue::resend(writer, *id, call.now).map([](queue::JobId) {});
    });
    return done ? http::Response::empty(204) : problem_of(done.error());
}

http::Response drop(Call& call) {
    const auto id = job_of(call);
    if (!id) return problem_of(id.error());
    const Status done = change(call, "dead_letter.dropped", call.parameters.at(0),
                               [&](store::Writer& writer) { return queue::drop(writer, *id); });
    return done ? http::Response::empty(204) : problem_of(done.error());
}

}  // namespace

void add_webhook_routes(RouteList& routes) {
    using enum http::Method;
    routes.push_back({get, "/api/v1/webhooks", "Where other programs are told", 0, false, endpoints});
    routes.push_back(
        {post, "/api/v1/webhooks", "Add one; its secret is shown once", kJsonBody, true, create});
    routes.push_back(
        {patch, "/api/v1/webhooks/{id}", "Change, pause or activate one", kJsonBody, false, change_one});
    routes.push_back({delete_, "/api/v1/webhooks/{id}", "Remove one", 0, false, remove});
    routes.push_back({post, "/api/v1/webhooks/{id}/test", "Send a test", kJsonBody, false, test});
    routes.push_back({get, "/api/v1/webhooks/{id}/attempts", "The last tries of one", 0, false, attempts});
    routes.push_back({get, "/api/v1/dead-letters", "Work that was given up", 0, false, dead_letters});
    routes.push_back({post, "/api/v1/dead-letters/{id}/retry", "Try it again", kJsonBody, false, resend});
    routes.push_back({delete_, "/api/v1/dead-letters/{id}", "Forget it", 0, false, drop});
}

}  // namespace rushlight::server
