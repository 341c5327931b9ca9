// Hash lists and their entries.

#include "audit/audit.h"
#include "base/text.h"
#include "match/list_json.h"
#include "message/message.h"
#include "server/app.h"
#include "server/routes.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include <nlohmann/json.hpp>
#include <unistd.h>

namespace rushlight::server {
namespace {

using match::Method;
using match::Value;
using nlohmann::json;
using nlohmann::ordered_json;

constexpr std::uint64_t kMostImport = std::uint64_t{512} << 20;

Status note(Call& call, store::Writer& writer, std::string_view what, const std::string& list,
            const std::string& detail) {
    return audit::append(
               writer,
               {.who = call.caller.who, .what = std::string(what), .on = {"list", list}, .detail = detail},
               call.now)
        .map([](std::int64_t) {});
}

std::string event_of(std::string_view what, const std::string& list) {
    return ordered_json{{"name", list}, {"what", what}}.dump();
}

// What is done to a list, for webhooks and the audit log, in the transaction that does it: none is without
// the other.
Status tell(Call& call, store::Writer& writer, std::string_view what, const std::string& list,
            const std::string& detail) {
    if (auto sent = message::publish(writer, "list.changed", event_of(what, list), call.now); !sent)
        return pass(sent.error());
    return note(call, writer, what, list, detail);
}

// … and, once it is done, for everybody's live view.
void show_all(Call& call, std::string_view what, const std::string& list) {
    call.app.hub.publish("list", event_of(what, list));
}

// All but the canary's own, which is no list of anybody's.
http::Response lists(Call& call) {
    const auto all = call.app.lists->all();
    if (!all) return problem_of(all.error());
    auto items = ordered_json::array();
    for (const match::List& list : *all) {
        if (list.name != check::kCanaryList) items.push_back(to_json(list));
    }
    return json_answer(200, page_of(std::move(items), std::nullopt));
}

Status read_thresholds(const json& body, match::Thresholds& thresholds) {
    const auto given = body.find("thresholds");
    if (given == body.end()) return {};
    if (!given->is_object()) return fail(ErrorCode::invalid, "'thresholds' has to be an object");
    for (const auto& [name, value] : given->items()) {
        const std::string assignment = name + '=' + (value.is_number_integer() ? value.dump() : "?");
        if (auto set = match::set_threshold(thresholds, assignment); !set) return set;
    }
    return {};
}

// Null takes the expiry away.
Status read_expiry(const json& body, std::optional<Time>& expires) {
    const auto given = body.find("expires");
    if (given == body.end()) return {};
    expires.reset();
    if (given->is_null()) return {};
    const std::string text = text_at(body, "expires");
    if (given->is_string() && text.empty()) return {};
    expires = Time::parse(text);
    return expires ? Status{} : fail(ErrorCode::invalid, "'expires' is no RFC 3339 time");
}

Result<match::ListSettings> settings_of(const json& body) {
    if (!body.is_object()) return fail(ErrorCode::invalid, "the body has to be an object");
    match::ListSettings settings;
    settings.name = text_at(body, "name");
    settings.category = text_at(body, "category");
    settings.source = text_at(body, "source");
    if (body.contains("kind")) {
        const auto kind = match::parse_list_kind(text_at(body, "kind"));
        if (!kind) return fail(ErrorCode::invalid, "'kind' has to be known or negative");
        settings.kind = *kind;
    }
    if (auto read = read_thresholds(body, settings.thresholds); !read) return pass(read.error());
    if (auto read = read_expiry(body, settings.expires); !read) return pass(read.error());
    return settings;
}

http::Response create(Call& call) {
    const auto body = call.json();
    if (!body) return bad_request(body.error().message);
    const auto settings = settings_of(*body);
    if (!settings) return problem_of(settings.error());
    const auto list = call.app.lists->create(
        *settings, call.caller.who, [&](store::Writer& writer, const match::List& made) {
            return tell(call, writer, "list.created", made.name,
                        audit::detail({{"kind", match::to_string(made.kind)}}));
        });
    if (!list) return problem_of(list.error());
    show_all(call, "list.created", list->name);
    return json_answer(201, to_json(*list));
}

http::Response show(Call& call) {
    const auto list = call.app.lists->find(call.parameters.at(0));
    return list ? json_answer(200, to_json(*list)) : problem_of(list.error());
}

// What the body names; name and kind stay for good.
http::Response change(Call& call) {
    const auto body = call.json();
    if (!body) return bad_request(body.error().message);
    if (!body->is_object()) return problem_of({ErrorCode::invalid, "the body has to be an object"});
    for (const char* fixed : {"name", "kind"}) {
        if (body->contains(fixed))
            return problem_of({ErrorCode::invalid, "a list keeps its name and its kind: make another one"});
    }
    const std::string& name = call.parameters.at(0);
    const auto edit = [&](match::ListSettings& settings) -> Status {
        if (body->contains("category")) settings.category = text_at(*body, "category");
        if (body->contains("source")) settings.source = text_at(*body, "source");
        if (auto read = read_thresholds(*body, settings.thresholds); !read) return read;
        return read_expiry(*body, settings.expires);
    };
    const auto list =
        call.app.lists->change(name, edit, [&](store::Writer& writer, const match::List& changed) {
            return tell(call, writer, "list.changed", name,
                        audit::detail({{"category", std::string_view(changed.category)},
                                       {"source", std::string_view(changed.source)},
                                       {"pdq", std::int64_t{changed.thresholds.pdq}},
                                       {"vpdq", std::int64_t{changed.thresholds.vpdq}},
                                       {"vpdq_share", std::int64_t{changed.thresholds.vpdq_share}},
                                       {"expires", changed.expires ? changed.expires->rfc3339() : ""}}));
        });
    if (!list) return problem_of(list.error());
    show_all(call, "list.changed", name);
    return json_answer(200, to_json(*list));
}

http::Response remove(Call& call) {
    const std::string& name = call.parameters.at(0);
    const Status removed = call.app.lists->remove(name, [&](store::Writer& writer, const match::List& list) {
        return tell(call, writer, "list.removed", name,
                    audit::detail({{"entries", static_cast<std::int64_t>(list.entries.total())}}));
    });
    if (!removed) return problem_of(removed.error());
    show_all(call, "list.removed", name);
    return http::Response::empty(204);
}

http::Response entries(Call& call) {
    const auto query = call.query();
    if (!query) return bad_request(query.error().message);
    const auto limit = limit_of(*query, 1000);
    if (!limit) return problem_of(limit.error());
    const std::string& name = call.parameters.at(0);
    match::EntryFilter filter;
    if (const auto word = query->get("state"); word && !word->empty()) {
        filter.state = match::formats::parse_entry_state(*word);
        if (!filter.state)
            return problem_of({ErrorCode::invalid, "'state' has to be active, quarantined or disabled"});
    }
    const std::string_view wanted = trim(query->get("q").value_or(""));
    // The beginning of a hash, or a whole value of any method.
    if (const bool digits = wanted.find_first_not_of("0123456789abcdefABCDEF") == std::string_view::npos;
        !digits || wanted.size() > 64) {
        const auto list = call.app.lists->find(name);
        if (!list) return problem_of(list.error());
        auto items = ordered_json::array();
        if (const auto value = Value::guess(wanted, Method::pdq)) {
            const auto entry = call.app.lists->entry(name, *value);
            if (!entry) return problem_of(entry.error());
            if (*entry && (!filter.state || (*entry)->state == *filter.state))
                items.push_back(to_json(**entry));
        }
        return json_answer(200, page_of(std::move(items), std::nullopt));
    }
    filter.prefix = wanted;
    const auto page = call.app.lists->entries(name, query->get("cursor").value_or(""),
                                              static_cast<std::size_t>(*limit), filter);
    if (!page) return problem_of(page.error());
    auto items = ordered_json::array();
    for (const match::Entry& entry : page->entries) items.push_back(to_json(entry));
    return json_answer(200, page_of(std::move(items), page->next));
}

struct Hashes {
    std::vector<Value> values;
    ordered_json bad = ordered_json::array();
};
// "hashes" and "method" of a body; 64 bare digits need a method, as everywhere.
Result<Hashes> hashes_of(const json& body) {
    const auto array = body.is_object() ? body.find("hashes") : body.end();
    if (!body.is_object() || array == body.end() || !array->is_array())
        return fail(ErrorCode::invalid, "'hashes' has to be an array of texts");
    if (array->size() > 10'000)
        return fail(ErrorCode::invalid, "more than 10,000 hashes: import them as a file");
    std::optional<Method> method;
    if (body.contains("method") && !body["method"].is_null()) {
        method = match::formats::parse_method(text_at(body, "method"));
        if (!method)
            return fail(ErrorCode::invalid, "'method' has to be md5, sha1, sha256, pdq, vpdq or photodna");
    }
    Hashes hashes;
    std::uint64_t line = 0;
    for (const json& item : *array) {
        ++line;
        const std::string text =
            item.is_string() ? std::string(trim(item.get_ref<const std::string&>())) : "";
        if (!method && text.size() == 64) {
            hashes.bad.push_back(
                {{"line", line}, {"reason", "64 digits can be SHA-256 or PDQ: say which in 'method'"}});
            continue;
        }
        const auto value = method ? Value::parse(*method, text) : Value::guess(text, Method::pdq);
        if (value) {
            hashes.values.push_back(*value);
        } else {
            hashes.bad.push_back({{"line", line}, {"reason", value.error().message}});
        }
    }
    return hashes;
}

http::Response add(Call& call) {
    const auto body = call.json();
    if (!body) return bad_request(body.error().message);
    const auto hashes = hashes_of(*body);
    if (!hashes) return problem_of(hashes.error());
    const std::string& name = call.parameters.at(0);
    const auto added = call.app.lists->add(
        name, hashes->values, call.caller.who, text_at(*body, "note"), match::EntryState::active,
        [&](store::Writer& writer, const match::Added& made) {
            return tell(call, writer, "list.added", name,
                        audit::detail({{"entries", static_cast<std::int64_t>(made.added)}}));
        });
    if (!added) return problem_of(added.error());
    show_all(call, "list.added", name);
    return json_answer(200, {{"added", added->added}, {"duplicate", added->duplicate}, {"bad", hashes->bad}});
}

http::Response drop(Call& call) {
    const auto body = call.json();
    if (!body) return bad_request(body.error().message);
    const auto hashes = hashes_of(*body);
    if (!hashes) return problem_of(hashes.error());
    const std::string& name = call.parameters.at(0);
    const auto dropped =
        call.app.lists->drop(name, hashes->values, [&](store::Writer& writer, const match::Dropped& gone) {
            return tell(call, writer, "list.dropped", name,
                        audit::detail({{"entries", static_cast<std::int64_t>(gone.dropped)}}));
        });
    if (!dropped) return problem_of(dropped.error());
    show_all(call, "list.dropped", name);
    return json_answer(200,
                       {{"dropped", dropped->dropped}, {"missing", dropped->missing}, {"bad", hashes->bad}});
}

http::Response set(Call& call) {
    const auto body = call.json();
    if (!body) return bad_request(body.error().message);
    if (!body->is_object()) return problem_of({ErrorCode::invalid, "the body has to be an object"});
    const auto state = match::formats::parse_entry_state(text_at(*body, "state"));
    if (!state) return problem_of({ErrorCode::invalid, "'state' has to be active, quarantined or disabled"});
    json one = *body;
    one["hashes"] = json::array({text_at(*body, "hash")});
    const auto hashes = hashes_of(one);
    if (!hashes) return problem_of(hashes.error());
    if (hashes->values.empty())
        return problem_of({ErrorCode::invalid, hashes->bad.at(0).at("reason").get<std::string>()});
    const std::string& name = call.parameters.at(0);
    std::optional<std::string> note_text;
    if (body->contains("note")) note_text = text_at(*body, "note");
    const Value& value = hashes->values.front();
    const Status done = call.app.lists->set(
        name, value, *state, note_text, call.caller.who, [&](store::Writer& writer, const match::List&) {
            return tell(
                call, writer, "list.entry_set", name,
                audit::detail({{"entry", value.text().substr(0, 128)}, {"state", text_at(*body, "state")}}));
        });
    if (!done) return problem_of(done.error());
    show_all(call, "list.entry_set", name);
    const auto entry = call.app.lists->entry(name, hashes->values.front());
    if (!entry) return problem_of(entry.error());
    return *entry ? json_answer(200, to_json(**entry))
                  : problem_of({ErrorCode::not_found, "it was dropped meanwhile"});
}

http::Response import(Call& call) {
    const auto query = call.query();
    if (!query) return bad_request(query.error().message);
    match::ImportOptions options;
    options.who = call.caller.who;
    if (const auto word = query->get("format"); word && !word->empty()) {
        options.format = match::formats::parse_format(*word);
        if (!options.format)
            return problem_of({ErrorCode::invalid, "'format' is none that docs/lists.md names"});
    }
    if (const auto word = query->get("method"); word && !word->empty()) {
        options.method = match::formats::parse_method(*word);
        if (!options.method)
            return problem_of(
                {ErrorCode::invalid, "'method' has to be md5, sha1, sha256, pdq, vpdq or photodna"});
    }
    const auto content = Content::from_bytes(bytes_of(call.body));
    if (!content) return problem_of(content.error());
    if (::lseek(content->fd(), 0, SEEK_SET) != 0)
        return problem_of({ErrorCode::io, "cannot read the upload"});
    const std::string& name = call.parameters.at(0);
    options.along = [&](store::Writer& writer, const match::ImportReport& done) {
        return tell(call, writer, "list.imported", name,
                    audit::detail({{"added", static_cast<std::int64_t>(done.added)},
                                   {"bad_lines", static_cast<std::int64_t>(done.bad_lines)}}));
    };
    const auto report = call.app.lists->import(name, content->fd(), options);
    if (!report) return problem_of(report.error());
    show_all(call, "list.imported", name);
    return json_answer(200, to_json(*report));
}

// Written while it is sent: a list of ten million entries fits into nobody's memory.
class Export final : public http::BodySource {
  public:
    Export(match::Lists& lists, std::string name, match::formats::Format format)
        : lists_(lists), name_(std::move(name)), format_(format) {}

    Result<std::size_t> read(std::span<std::byte> out) override {
        while (pending_.empty() && !ended_) {
            auto page = lists_.entries(name_, cursor_, 1000);
            if (!page) return pass(page.error());
            if (!begun_ && format_ == match::formats::Format::csv) pending_ += match::formats::csv_header();
            begun_ = true;
            for (const match::Entry& entry : page->entries) {
                const std::string when = entry.when.rfc3339();
                match::formats::write_entry(format_, {entry.value, entry.state, entry.note, entry.who, when},
                                            pending_);
            }
            ended_ = !page->next;
            cursor_ = page->next.value_or("");
        }
        const std::size_t n = std::min(out.size(), pending_.size());
        std::memcpy(out.data(), pending_.data(), n);
        pending_.erase(0, n);
        return n;
    }

  private:
    match::Lists& lists_;
    std::string name_;
    match::formats::Format format_;
    std::string cursor_, pending_;
    bool begun_ = false, ended_ = false;
};

http::Response export_(Call& call) {
    const auto query = call.query();
    if (!query) return bad_request(query.error().message);
    const auto format = match::formats::parse_format(query->get("format").value_or("csv"));
    if (!format || (*format != match::formats::Format::csv && *format != match::formats::Format::jsonl))
        return problem_of({ErrorCode::invalid, "'format' has to be csv or jsonl"});
    const std::string& name = call.parameters.at(0);
    if (const auto list = call.app.lists->find(name); !list) return problem_of(list.error());
    const Status noted = call.app.store->write(
        [&](store::Writer& writer) { return note(call, writer, "list.exported", name, "{}"); });
    if (!noted) return problem_of(noted.error());
    http::Response response;
    response.source = std::make_shared<Export>(*call.app.lists, name, *format);
    const bool csv = *format == match::formats::Format::csv;
    response.set("Content-Type", csv ? "text/csv; charset=utf-8" : "application/jsonl");
    response.set("Content-Disposition",
                 std::string("attachment; filename=\"list.") + (csv ? "csv" : "jsonl") + '"');
    return response;
}

// Nobody but the canary writes to its own list.
Handle not_canarys(http::Response (*handle)(Call&)) {
    return [handle](Call& call) {
        if (call.parameters.at(0) == check::kCanaryList)
            return problem_of(
                {ErrorCode::denied, "the canary's list shows that checks work: it stays as it is"});
        return handle(call);
    };
}

}  // namespace

void add_list_routes(RouteList& routes) {
    using enum http::Method;
    routes.push_back({get, "/api/v1/lists", "All hash lists", 0, false, lists});
    routes.push_back({post, "/api/v1/lists", "Make a list", kJsonBody, true, create});
    routes.push_back({get, "/api/v1/lists/{name}", "One list", 0, false, show});
    routes.push_back({patch, "/api/v1/lists/{name}", "Change category, source, thresholds or expiry",
                      kJsonBody, false, not_canarys(change)});
    routes.push_back(
        {delete_, "/api/v1/lists/{name}", "Remove a list and its entries", 0, false, not_canarys(remove)});
    routes.push_back({get, "/api/v1/lists/{name}/entries",
                      "A list's entries, by the beginning of a hash and by state", 0, false, entries});
    routes.push_back({post, "/api/v1/lists/{name}/entries", "Add hashes", kJsonBody, true, not_canarys(add)});
    routes.push_back({patch, "/api/v1/lists/{name}/entries", "Set the state of an entry", kJsonBody, false,
                      not_canarys(set)});
    routes.push_back(
        {delete_, "/api/v1/lists/{name}/entries", "Take hashes out", kJsonBody, false, not_canarys(drop)});
    routes.push_back({post, "/api/v1/lists/{name}/import", "Read entries from a file", kMostImport, false,
                      not_canarys(import)});
    routes.push_back(
        {get, "/api/v1/lists/{name}/export", "The list as a file that import reads back", 0, false, export_});
}

}  // namespace rushlight::server
