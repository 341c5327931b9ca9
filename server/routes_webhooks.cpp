// Webhooks: where other programs want to be told, and what came of it.

#include "audit/audit.h"
#include "base/text.h"
#include "message/message.h"
#include "server/app.h"
#include "server/routes.h"

#include <algorithm>
#include <chrono>
#include <optional>

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

// What a body names; what it leaves out stays as it is.
struct Wanted {
    std::optional<std::string> url;
    std::optional<std::vector<std::string>> events;
    std::optional<bool> paused;
};
Result<Wanted> wanted_of(const nlohmann::json& body) {
    if (!body.is_object()) return fail(ErrorCode::invalid, "the body has to be an object");
    Wanted wanted;
    if (body.contains("url")) {
        if (!body["url"].is_string()) return fail(ErrorCode::invalid, "'url' has to be a link");
        wanted.url = body["url"].get<std::string>();
    }
    if (body.contains("events")) {
        auto events = texts_at(body, "events");
        if (!events) return pass(events.error());
        wanted.events = std::move(*events);
    }
    if (body.contains("state")) {
        const std::string state = text_at(body, "state");
        if (state != "active" && state != "paused")
            return fail(ErrorCode::invalid, "'state' has to be active or paused");
        wanted.paused = state == "paused";
    }
    return wanted;
}

http::Response create(Call& call) {
    const auto body = call.json();
    if (!body) return bad_request(body.error().message);
    const auto wanted = wanted_of(*body);
    if (!wanted) return problem_of(wanted.error());
    if (!wanted->url) return problem_of({ErrorCode::invalid, "'url' has to be a link"});
    message::Created made;
    std::string id;  // known, and read for the audit log, once it is made
    const Status done = change(call, "webhook.created", id, [&](store::Writer& writer) -> Status {
        auto created = message::create_endpoint(
            writer, *call.app.message_sealer,
            {*wanted->url, wanted->events.value_or(std::vector<std::string>())}, call.now);
        if (!created) return pass(created.error());
        made = std::move(*created);
        id = std::to_string(made.id.value);
        return {};
    });
    if (!done) return problem_of(done.error());
    return json_answer(201, {{"id", id}, {"secret", made.secret}});
}

// Changes what the body names, and nothing else of the endpoint.
Status change_endpoint(store::Writer& writer, EndpointId id, const Wanted& wanted) {
    if (wanted.url || wanted.events) {
        auto before = message::endpoint(writer, id);
        if (!before) return pass(before.error());
        const std::string url = wanted.url.value_or(before->url);
        if (auto changed =
                message::change_endpoint(writer, id, {url, wanted.events.value_or(before->events)});
            !changed)
            return changed;
    }
    if (!wanted.paused) return {};
    return *wanted.paused ? message::pause(writer, id) : message::activate(writer, id);
}

http::Response change_one(Call& call) {
    const auto body = call.json();
    if (!body) return bad_request(body.error().message);
    const auto id = id_of(call);
    if (!id) return problem_of(id.error());
    const auto wanted = wanted_of(*body);
    if (!wanted) return problem_of(wanted.error());
    if (!wanted->url && !wanted->events && !wanted->paused)
        return problem_of({ErrorCode::invalid, "name what is to be changed: url, events or state"});
    message::Endpoint now;
    const Status done =
        change(call, "webhook.changed", call.parameters.at(0), [&](store::Writer& writer) -> Status {
            if (auto changed = change_endpoint(writer, *id, *wanted); !changed) return changed;
            auto endpoint = message::endpoint(writer, *id);
            if (!endpoint) return pass(endpoint.error());
            now = std::move(*endpoint);
            return {};
        });
    return done ? json_answer(200, to_json(now)) : problem_of(done.error());
}

// Both secrets sign for as long as receivers may need to take the new one over.
http::Response new_secret(Call& call) {
    constexpr std::int64_t kMostHours = 24 * 30;
    const auto id = id_of(call);
    if (!id) return problem_of(id.error());
    std::chrono::hours overlap{24};
    if (!call.body.empty()) {
        const auto body = call.json();
        if (!body) return bad_request(body.error().message);
        if (!body->is_object()) return problem_of({ErrorCode::invalid, "the body has to be an object"});
        if (const auto hours = body->find("overlap_hours"); hours != body->end()) {
            if (!hours->is_number_integer() || *hours < 0 || *hours > kMostHours)
                return problem_of(
                    {ErrorCode::invalid, "'overlap_hours' has to be a whole number from 0 to 720"});
            overlap = std::chrono::hours(hours->get<std::int64_t>());
        }
    }
    std::string secret;
    const Status done =
        change(call, "webhook.secret_changed", call.parameters.at(0), [&](store::Writer& writer) -> Status {
            auto rotated = message::rotate_secret(writer, *call.app.message_sealer, *id, overlap, call.now);
            if (!rotated) return pass(rotated.error());
            secret = std::move(*rotated);
            return {};
        });
    if (!done) return problem_of(done.error());
    return json_answer(200, {{"secret", secret}, {"old_until", (call.now + overlap).rfc3339()}});
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
    const Status done =
        change(call, "webhook.tested", call.parameters.at(0), [&](store::Writer& writer) -> Status {
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
    routes.push_back({post, "/api/v1/webhooks/{id}/secret", "Sign with a new secret, shown once", kJsonBody,
                      false, new_secret});
    routes.push_back({post, "/api/v1/webhooks/{id}/test", "Send a test", kJsonBody, false, test});
    routes.push_back({get, "/api/v1/webhooks/{id}/attempts", "The last tries of one", 0, false, attempts});
    routes.push_back({get, "/api/v1/dead-letters", "Work that was given up", 0, false, dead_letters});
    routes.push_back({post, "/api/v1/dead-letters/{id}/retry", "Try it again", kJsonBody, false, resend});
    routes.push_back({delete_, "/api/v1/dead-letters/{id}", "Forget it", 0, false, drop});
}

}  // namespace rushlight::server
