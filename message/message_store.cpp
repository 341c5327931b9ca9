#include "message/message_store.h"

#include "base/text.h"

#include <algorithm>
#include <utility>

namespace rushlight::message {
namespace {

using store::Reader;
using store::Row;
using store::Writer;

constexpr std::string_view kEndpointColumns =
    "SELECT id, url, events, paused, why_paused, created_at, old_secret_until FROM message_endpoint";

std::string join(const std::vector<std::string>& words) {
    std::string text;
    for (const std::string& word : words) text.append(text.empty() ? "" : " ").append(word);
    return text;
}

Endpoint endpoint_of(const Row& row) {
    Endpoint endpoint{.id = {row.integer(0)},
                      .url = std::string(row.text(1)),
                      .paused = row.integer(3) != 0,
                      .why_paused = std::string(row.text(4)),
                      .created_at = row.time(5)};
    if (!row.text(2).empty())
        for (const std::string_view event : split(row.text(2), ' ')) endpoint.events.emplace_back(event);
    if (const auto until = row.integer_or_null(6)) endpoint.old_secret_until = Time{*until};
    return endpoint;
}

tl::unexpected<Error> no_endpoint(EndpointId id) {
    return fail(ErrorCode::not_found, "there is no webhook endpoint " + std::to_string(id.value));
}

// Of a change that has to meet one row.
Status one_row(const Result<std::int64_t>& rows, EndpointId id) {
    if (!rows) return pass(rows.error());
    return *rows == 0 ? Status(no_endpoint(id)) : Status();
}

}  // namespace

store::Schema schema() {
    return {.room = "message",
            .migrations = {{.number = 1, .name = "webhook endpoints, events and tries", .sql = R"(
                CREATE TABLE message_endpoint (
                    id INTEGER PRIMARY KEY AUTOINCREMENT,
                    url TEXT NOT NULL,
                    events TEXT NOT NULL,
                    paused INTEGER NOT NULL DEFAULT 0,
                    why_paused TEXT NOT NULL DEFAULT '',
                    created_at INTEGER NOT NULL,
                    secret BLOB,
                    old_secret BLOB,
                    old_secret_until INTEGER
                ) STRICT;
                CREATE TABLE message_event (
                    id TEXT PRIMARY KEY,
                    type TEXT NOT NULL,
                    body TEXT NOT NULL,
                    at INTEGER NOT NULL
                ) STRICT;
                CREATE INDEX message_event_at ON message_event (at);
                CREATE TABLE message_attempt (
                    id INTEGER PRIMARY KEY AUTOINCREMENT,
                    endpoint INTEGER NOT NULL,
                    event TEXT NOT NULL,
                    type TEXT NOT NULL,
                    number INTEGER NOT NULL,
                    at INTEGER NOT NULL,
                    milliseconds INTEGER NOT NULL,
                    status INTEGER NOT NULL,
                    delivered INTEGER NOT NULL,
                    why TEXT NOT NULL
                ) STRICT;
                CREATE INDEX message_attempt_endpoint ON message_attempt (endpoint, id);
                CREATE INDEX message_attempt_at ON message_attempt (at);
            )"}}};
}

Result<EndpointId> insert_endpoint(Writer& writer, const NewEndpoint& endpoint, Time now) {
    return writer
        .integer("INSERT INTO message_endpoint (url, events, created_at) VALUES ($1, $2, $3) RETURNING id",
                 {endpoint.url, join(endpoint.events), now})
        .map([](std::optional<std::int64_t> id) { return EndpointId{id.value_or(0)}; });
}

Status set_secret(Writer& writer, EndpointId id, Bytes sealed, Time old_until) {
    return one_row(
        writer.run("UPDATE message_endpoint SET old_secret = secret, secret = $2, "
                   "old_secret_until = CASE WHEN secret IS NULL THEN NULL ELSE $3 END WHERE id = $1",
                   {id.value, sealed, old_until}),
        id);
}

Result<std::int64_t> count_endpoints(Reader& reader) {
    return reader.integer("SELECT count(*) FROM message_endpoint").map([](auto count) {
        return count.value_or(0);
    });
}

Result<std::vector<Endpoint>> endpoints(Reader& reader) {
    std::vector<Endpoint> all;
    auto read = reader.each(std::string(kEndpointColumns) + " ORDER BY id", {},
                            [&](const Row& row) { all.push_back(endpoint_of(row)); });
    if (!read) return pass(read.error());
    return all;
}

Result<Endpoint> endpoint(Reader& reader, EndpointId id) {
    Endpoint found;
    auto there = reader.one(std::string(kEndpointColumns) + " WHERE id = $1", {id.value},
                            [&](const Row& row) { found = endpoint_of(row); });
    if (!there) return pass(there.error());
    if (!*there) return no_endpoint(id);
    return found;
}

Result<Delivery> find_delivery(Reader& reader, EndpointId id, std::string_view event, Time now) {
    Delivery delivery;
    const auto bytes = [](const Row& row, int column) {
        if (row.is_null(column)) return ByteVector();
        const Bytes view = row.bytes(column);
        return ByteVector(view.begin(), view.end());
    };
    auto found = reader.one(
        "SELECT id, url, events, paused, why_paused, created_at, old_secret_until, secret, old_secret "
        "FROM message_endpoint WHERE id = $1",
        {id.value}, [&](const Row& row) {
            delivery.endpoint = endpoint_of(row);
            delivery.secrets.current = bytes(row, 7);
            if (delivery.endpoint->old_secret_until.value_or(now) > now) delivery.secrets.old = bytes(row, 8);
        });
    if (!found) return pass(found.error());
    auto content =
        reader.one("SELECT type, body FROM message_event WHERE id = $1", {event}, [&](const Row& row) {
            delivery.type = row.text(0);
            delivery.body = row.text(1);
        });
    if (!content) return pass(content.error());
    return delivery;
}

Status change_endpoint_row(Writer& writer, EndpointId id, const NewEndpoint& endpoint) {
    return one_row(writer.run("UPDATE message_endpoint SET url = $2, events = $3 WHERE id = $1",
                              {id.value, endpoint.url, join(endpoint.events)}),
                   id);
}

Status pause(Writer& writer, EndpointId id) {
    return one_row(
        writer.run("UPDATE message_endpoint SET paused = 1, why_paused = '' WHERE id = $1", {id.value}), id);
}

Status pause_because(Writer& writer, EndpointId id, std::string_view why) {
    return writer
        .run("UPDATE message_endpoint SET paused = 1, why_paused = $2 WHERE id = $1 AND paused = 0",
             {id.value, why})
        .map([](auto) {});
}

Status activate(Writer& writer, EndpointId id) {
    return one_row(
        writer.run("UPDATE message_endpoint SET paused = 0, why_paused = '' WHERE id = $1", {id.value}), id);
}

Status delete_endpoint_rows(Writer& writer, EndpointId id) {
    if (auto gone = one_row(writer.run("DELETE FROM message_endpoint WHERE id = $1", {id.value}), id); !gone)
        return gone;
    return writer.run("DELETE FROM message_attempt WHERE endpoint = $1", {id.value}).map([](auto) {});
}

Status insert_event(Writer& writer, std::string_view id, std::string_view type, std::string_view body,
                    Time at) {
    return writer
        .run("INSERT INTO message_event (id, type, body, at) VALUES ($1, $2, $3, $4)", {id, type, body, at})
        .map([](auto) {});
}

Status record(Writer& writer, EndpointId id, const Attempt& attempt) {
    auto kept = writer.run(
        "INSERT INTO message_attempt (endpoint, event, type, number, at, milliseconds, status, delivered, "
        "why) "
        "VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
        {id.value, attempt.event, attempt.type, attempt.number, attempt.at, attempt.milliseconds,
         attempt.status, attempt.delivered, attempt.why});
    if (!kept) return pass(kept.error());
    return writer
        .run(
            "DELETE FROM message_attempt WHERE endpoint = $1 AND id <= (SELECT id FROM message_attempt "
            "WHERE endpoint = $1 ORDER BY id DESC LIMIT 1 OFFSET $2)",
            {id.value, kHistory})
        .map([](auto) {});
}

Result<std::vector<Attempt>> history(Reader& reader, EndpointId id, int limit) {
    std::vector<Attempt> all;
    auto read = reader.each(
        "SELECT event, type, number, at, milliseconds, status, delivered, why FROM message_attempt "
        "WHERE endpoint = $1 ORDER BY id DESC LIMIT $2",
        {id.value, std::clamp(limit, 1, kHistory)}, [&](const Row& row) {
            all.push_back({.event = std::string(row.text(0)),
                           .type = std::string(row.text(1)),
                           .number = static_cast<int>(row.integer(2)),
                           .at = row.time(3),
                           .milliseconds = row.integer(4),
                           .status = static_cast<int>(row.integer(5)),
                           .delivered = row.integer(6) != 0,
                           .why = std::string(row.text(7))});
        });
    if (!read) return pass(read.error());
    return all;
}

Result<std::optional<std::string>> event_body(Reader& reader, std::string_view event) {
    std::optional<std::string> body;
    auto read = reader.one("SELECT body FROM message_event WHERE id = $1", {event},
                           [&](const Row& row) { body = row.text(0); });
    if (!read) return pass(read.error());
    return body;
}

Result<std::int64_t> forget(Writer& writer, Time before, int limit) {
    auto events = writer.run(
        "DELETE FROM message_event WHERE id IN (SELECT id FROM message_event WHERE at < $1 ORDER BY at LIMIT "
        "$2)",
        {before, limit});
    if (!events) return events;
    auto attempts = writer.run(
        "DELETE FROM message_attempt WHERE id IN (SELECT id FROM message_attempt WHERE at < $1 ORDER BY at "
        "LIMIT $2)",
        {before, limit});
    if (!attempts) return attempts;
    return *events + *attempts;
}

}  // namespace rushlight::message
