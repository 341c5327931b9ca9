// The audit log.

#include "audit/audit.h"
#include "audit/verify.h"
#include "base/text.h"
#include "server/app.h"
#include "server/routes.h"

#include <fstream>
#include <iterator>
#include <vector>

#include <nlohmann/json.hpp>

namespace rushlight::server {
namespace {

using nlohmann::ordered_json;

http::Response entries(Call& call) {
    const auto query = call.query();
    if (!query) return bad_request(query.error().message);
    const auto limit = limit_of(*query);
    if (!limit) return problem_of(limit.error());
    audit::Filter filter;
    const auto text = [&](const char* name) -> std::optional<std::string> {
        const auto value = query->get(name);
        return value && !value->empty() ? std::optional<std::string>(*value) : std::nullopt;
    };
    filter.who = text("who");
    filter.what = text("what");
    if (filter.what && filter.what->find('.') == std::string::npos) *filter.what += '.';  // "list": all of it
    filter.on_kind = text("on");
    filter.on_id = text("on_id");
    if (const auto colon = filter.on_kind ? filter.on_kind->find(':') : std::string::npos;
        colon != std::string::npos && !filter.on_id) {
        filter.on_id = filter.on_kind->substr(colon + 1);
        filter.on_kind->resize(colon);
    }
    for (const auto& [name, slot] : {std::pair{"from", &filter.from}, std::pair{"to", &filter.to}}) {
        const auto time = time_of(*query, name);
        if (!time) return problem_of(time.error());
        *slot = *time;
    }
    const auto cursor = query->get("cursor");
    const auto before = cursor ? parse_integer(*cursor) : std::nullopt;
    if (cursor && !before) return problem_of({ErrorCode::invalid, "'cursor' is none of ours"});
    const auto page = audit::read(*call.app.store, filter, before, *limit);
    if (!page) return problem_of(page.error());
    auto items = ordered_json::array();
    for (const audit::Entry& entry : page->entries) {
        items.push_back({{"number", std::to_string(entry.number)},
                         {"at", entry.at.rfc3339()},
                         {"who", entry.event.who},
                         {"what", entry.event.what},
                         {"on", {{"kind", entry.event.on.kind}, {"id", entry.event.on.id}}},
                         {"detail", ordered_json::parse(entry.event.detail, nullptr, false)},
                         {"digest", entry.digest.hex()}});
    }
    return json_answer(200, page_of(std::move(items),
                                    page->next ? std::optional(std::to_string(*page->next)) : std::nullopt));
}

// The key that signs now and those before it, as the data folder keeps them: after the key file was lost
// there is a new one, and what the old one signed still holds.
Result<std::vector<audit::PublicKey>> trusted_keys(const App& app) {
    const std::string path = app.options.config.data + "/keys/audit.pub";
    std::vector<audit::PublicKey> keys;
    if (std::ifstream file(path); file) {
        auto kept = audit::parse_public_keys(std::string(std::istreambuf_iterator<char>(file), {}));
        if (!kept) return fail(kept.error().code, "'" + path + "': " + kept.error().message);
        keys = std::move(*kept);
    }
    keys.push_back(app.audit_key->public_key());
    return keys;
}

http::Response verify(Call& call) {
    const auto keys = trusted_keys(call.app);
    if (!keys) return problem_of(keys.error());
    const auto verdict = audit::verify(*call.app.store, *keys);
    if (!verdict) return problem_of(verdict.error());
    ordered_json object{{"entries", verdict->entries}, {"ok", verdict->ok}, {"first_bad", nullptr}};
    if (verdict->first_bad) object["first_bad"] = *verdict->first_bad;
    return json_answer(200, object);
}

http::Response export_(Call& call) {
    const Status noted = call.app.store->write([&](store::Writer& writer) {
        return audit::append(writer, {.who = call.caller.who, .what = "audit.exported"}, call.now)
            .map([](std::int64_t) {});
    });
    if (!noted) return problem_of(noted.error());
    if (const auto signed_ = audit::make_checkpoint(*call.app.store, *call.app.audit_key, call.now); !signed_)
        return problem_of(signed_.error());
    std::string text;
    const auto exported = audit::export_to(
        *call.app.store,
        [&](std::string_view piece) -> Status {
            if (text.size() + piece.size() > (std::size_t{256} << 20))
                return fail(ErrorCode::limit,
                            "the log is too long for a browser: `rushlight audit export` writes it");
            text += piece;
            return {};
        },
        call.now);
    if (!exported) return problem_of(exported.error());
    http::Response response;
    response.body = std::move(text);
    response.set("Content-Type", "application/jsonl");
    response.set("Content-Disposition", "attachment; filename=\"audit.jsonl\"");
    return response;
}

}  // namespace

void add_audit_routes(RouteList& routes) {
    using enum http::Method;
    routes.push_back({get, "/api/v1/audit", "Who did what, the newest first", 0, false, entries});
    routes.push_back({post, "/api/v1/audit/verify", "Whether the log is whole", kJsonBody, false, verify});
    routes.push_back(
        {get, "/api/v1/audit/export", "The log with its checkpoints, to be taken away", 0, false, export_});
}

}  // namespace rushlight::server
