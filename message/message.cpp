// Endpoints, and what is published to them.
#include "message/message.h"

#include "base/random.h"
#include "base/url.h"
#include "message/job_body.h"
#include "message/message_store.h"

#include <algorithm>

#include <nlohmann/json.hpp>

namespace rushlight::message {
namespace {

using store::Reader;
using store::Writer;

std::string order_key(EndpointId id) { return "message.endpoint." + std::to_string(id.value); }

bool is_type(std::string_view type) { return std::ranges::find(kEventTypes, type) != kEventTypes.end(); }

// The endpoint as it is stored: its link as everybody reads it, each type once.
struct Checked {
    std::string url;
    NewEndpoint endpoint{};
};
Result<Checked> check(const NewEndpoint& wanted) {
    auto url = Url::parse(wanted.url);
    if (!url) return fail(ErrorCode::invalid, "this is no link: " + url.error().message);
    if (url->scheme() != "https" && url->scheme() != "http")
        return fail(ErrorCode::invalid, "a webhook goes to https (or http), not to " + url->protocol());
    if (url->has_credentials())
        return fail(ErrorCode::invalid,
                    "a webhook's link holds no user name or password: the signature says who is asking");
    Checked checked{.url = url->without_fragment().href()};
    if (checked.url.size() > kMostUrl)
        return fail(ErrorCode::invalid, "a webhook's link may have " + std::to_string(kMostUrl) + " bytes");
    for (const std::string& type : wanted.events) {
        if (!is_type(type))
            return fail(ErrorCode::invalid, "there is no event type '" + type.substr(0, 50) + "'");
        auto& events = checked.endpoint.events;
        if (std::ranges::find(events, type) == events.end()) events.push_back(type);
    }
    return checked;
}

std::string new_secret() { return new_id("rls_"); }

Status set_new_secret(Writer& writer, const Sealer& sealer, EndpointId id, const std::string& secret,
                      Time old_until) {
    auto sealed = sealer.seal(secret_purpose(id), bytes_of(secret));
    if (!sealed) return pass(sealed.error());
    return set_secret(writer, id, *sealed, old_until);
}

// An event with its envelope: what is signed says itself which event it is.
Result<std::string> make_event(Writer& writer, std::string_view type, std::string_view data, Time now) {
    if (!is_type(type)) return fail(ErrorCode::invalid, "there is no event type '" + std::string(type) + "'");
    if (data.size() > kMostData)
        return fail(ErrorCode::invalid, "an event may have " + std::to_string(kMostData) + " bytes");
    if (!nlohmann::json::accept(data)) return fail(ErrorCode::invalid, "an event's data is one JSON value");
    std::string id = new_id("evt_");
    std::string body = R"({"id":")";
    body.append(id).append(R"(","type":")").append(type).append(R"(","at":")").append(now.rfc3339());
    body.append(R"(","data":)").append(data).append("}");
    if (auto kept = insert_event(writer, id, type, body, now); !kept) return pass(kept.error());
    return id;
}

}  // namespace

Result<Created> create_endpoint(Writer& writer, const Sealer& sealer, const NewEndpoint& endpoint, Time now) {
    auto checked = check(endpoint);
    if (!checked) return pass(checked.error());
    auto count = count_endpoints(writer);
    if (!count) return pass(count.error());
    if (*count >= kMostEndpoints)
        return fail(ErrorCode::limit,
                    "there are " + std::to_string(*count) + " webhook endpoints, the most possible");
    checked->endpoint.url = checked->url;
    auto id = insert_endpoint(writer, checked->endpoint, now);
    if (!id) return pass(id.error());
    Created created{.id = *id, .secret = new_secret()};
    if (auto set = set_new_secret(writer, sealer, *id, created.secret, now); !set) return pass(set.error());
    return created;
}

Status change_endpoint(Writer& writer, EndpointId id, const NewEndpoint& endpoint) {
    auto checked = check(endpoint);
    if (!checked) return pass(checked.error());
    checked->endpoint.url = checked->url;
    return change_endpoint_row(writer, id, checked->endpoint);
}

Result<std::string> rotate_secret(Writer& writer, const Sealer& sealer, EndpointId id,
                                  std::chrono::seconds overlap, Time now) {
    constexpr std::chrono::hours kLongest{24 * 30};
    if (overlap.count() < 0 || overlap > kLongest)
        return fail(ErrorCode::invalid, "two secrets may be valid for up to 30 days");
    std::string secret = new_secret();
    if (auto set = set_new_secret(writer, sealer, id, secret, now + overlap); !set) return pass(set.error());
    return secret;
}

Status remove_endpoint(Writer& writer, EndpointId id) {
    if (auto gone = delete_endpoint_rows(writer, id); !gone) return gone;
    for (;;) {
        auto dead = dead_letters(writer, id, {}, 1'000);
        if (!dead) return pass(dead.error());
        if (dead->empty()) return {};
        for (const queue::DeadLetter& letter : *dead)
            if (auto dropped = queue::drop(writer, letter.id); !dropped) return dropped;
    }
}

Result<int> publish(Writer& writer, std::string_view type, std::string_view data, Time now) {
    auto all = endpoints(writer);
    if (!all) return pass(all.error());
    std::erase_if(*all, [&](const Endpoint& one) {
        return !one.events.empty() && std::ranges::find(one.events, type) == one.events.end();
    });
    if (all->empty() && is_type(type)) return 0;
    auto event = make_event(writer, type, data, now);
    if (!event) return pass(event.error());
    for (const Endpoint& one : *all) {
        const std::string body = job_body({.endpoint = one.id, .event = *event});
        auto job = queue::enqueue(writer, {.kind = kJobKind, .body = body, .key = order_key(one.id)}, now);
        if (!job) return pass(job.error());
    }
    return static_cast<int>(all->size());
}

Result<std::string> send_test(Writer& writer, EndpointId id, Time now) {
    if (auto there = endpoint(writer, id); !there) return pass(there.error());
    auto event =
        make_event(writer, "test", R"({"message":"A test of this endpoint, asked for by a person."})", now);
    if (!event) return pass(event.error());
    // Without a key: it does not wait behind events that are being tried again.
    const std::string body = job_body({.endpoint = id, .event = *event});
    auto job =
        queue::enqueue(writer, {.kind = kJobKind, .body = body, .priority = queue::kHighestPriority}, now);
    if (!job) return pass(job.error());
    return *event;
}

Result<std::vector<queue::DeadLetter>> dead_letters(Reader& reader, EndpointId id, queue::JobId below,
                                                    int limit) {
    return queue::dead_letters(reader,
                               {.kind = kJobKind, .key = order_key(id), .below = below, .limit = limit});
}

Result<int> resend_dead(Writer& writer, EndpointId id, Time now, int limit) {
    auto dead = queue::dead_letters(
        writer, {.kind = kJobKind, .key = order_key(id), .limit = limit, .oldest_first = true});
    if (!dead) return pass(dead.error());
    for (const queue::DeadLetter& letter : *dead)
        if (auto sent = queue::resend(writer, letter.id, now); !sent) return pass(sent.error());
    return static_cast<int>(dead->size());
}

}  // namespace rushlight::message
