#include "audit/audit_store.h"

#include "audit/chain.h"

#include <algorithm>
#include <array>
#include <utility>

#include <sodium.h>

namespace rushlight::audit {
namespace {

using store::Reader;
using store::Row;
using store::Value;
using store::Writer;

constexpr const char* kEntryColumns = "number, at, who, what, on_kind, on_id, detail, previous, digest";

Entry entry_of(const Row& row) {
    return {.number = row.integer(0),
            .at = row.time(1),
            .event = {.who = std::string(row.text(2)),
                      .what = std::string(row.text(3)),
                      .on = {std::string(row.text(4)), std::string(row.text(5))},
                      .detail = std::string(row.text(6))},
            .previous = Sha256::from(row.bytes(7)).value_or(kNoDigest),
            .digest = Sha256::from(row.bytes(8)).value_or(kNoDigest)};
}

constexpr const char* kCheckpointColumns = "number, digest, at, public_key, signature";

Checkpoint checkpoint_of(const Row& row) {
    return {.number = row.integer(0),
            .digest = Sha256::from(row.bytes(1)).value_or(kNoDigest),
            .at = row.time(2),
            .key = PublicKey::from(row.bytes(3)).value_or(PublicKey{}),
            .signature = Signature::from(row.bytes(4)).value_or(Signature{})};
}

Result<std::optional<Checkpoint>> last_checkpoint(Reader& reader) {
    std::optional<Checkpoint> last;
    auto found = reader.one(
        std::string("SELECT ") + kCheckpointColumns + " FROM audit_checkpoint ORDER BY number DESC LIMIT 1",
        {}, [&](const Row& row) { last = checkpoint_of(row); });
    if (!found) return pass(found.error());
    return last;
}

Result<std::optional<ByteVector>> salt_of(Reader& reader, const Subject& subject) {
    std::optional<ByteVector> salt;
    auto found = reader.one("SELECT salt FROM audit_salt WHERE kind = $1 AND id = $2",
                            {subject.kind, subject.id}, [&](const Row& row) {
                                const Bytes bytes = row.bytes(0);
                                salt.emplace(bytes.begin(), bytes.end());
                            });
    if (!found) return pass(found.error());
    return salt;
}

tl::unexpected<Error> no_end() {
    return fail(ErrorCode::corrupt, "the audit log has lost the row that holds its end");
}

}  // namespace

store::Schema schema() {
    return {.room = "audit",
            .migrations = {{.number = 1, .name = "the chain, its checkpoints, salts", .sql = R"(
                CREATE TABLE audit_entry (
                    number INTEGER PRIMARY KEY,
                    at INTEGER NOT NULL,
                    who TEXT NOT NULL,
                    what TEXT NOT NULL,
                    on_kind TEXT NOT NULL,
                    on_id TEXT NOT NULL,
                    detail TEXT NOT NULL,
                    previous BLOB NOT NULL,
                    digest BLOB NOT NULL
                ) STRICT;
                CREATE INDEX audit_entry_who ON audit_entry (who, number);
                CREATE INDEX audit_entry_what ON audit_entry (what, number);
                CREATE INDEX audit_entry_on ON audit_entry (on_kind, on_id, number);
                CREATE INDEX audit_entry_at ON audit_entry (at);
                CREATE TABLE audit_end (
                    only_row INTEGER NOT NULL PRIMARY KEY CHECK (only_row = 1),
                    number INTEGER NOT NULL,
                    digest BLOB NOT NULL
                ) STRICT, WITHOUT ROWID;
                CREATE TABLE audit_checkpoint (
                    number INTEGER NOT NULL PRIMARY KEY,
                    digest BLOB NOT NULL,
                    at INTEGER NOT NULL,
                    public_key BLOB NOT NULL,
                    signature BLOB NOT NULL
                ) STRICT, WITHOUT ROWID;
                CREATE TABLE audit_salt (
                    kind TEXT NOT NULL,
                    id TEXT NOT NULL,
                    salt BLOB NOT NULL,
                    PRIMARY KEY (kind, id)
                ) STRICT, WITHOUT ROWID;
            )"}}};
}

Result<std::int64_t> append(Writer& writer, const Event& event, Time at) {
    if (auto fits = check(event); !fits) return pass(fits.error());
    if (!can_be_written(at))
        return fail(ErrorCode::invalid, "an audit entry cannot have a time before 1970 or after 9999");
    // The row of the end is what writers take turns at: on PostgreSQL whoever comes second waits here, then
    // runs again and sees the first one's entry.
    Entry entry{.number = 0, .at = at, .event = event, .previous = kNoDigest, .digest = kNoDigest};
    if (auto begun = writer.run(
            "INSERT INTO audit_end (only_row, number, digest) VALUES (1, 0, $1) ON CONFLICT (only_row) "
            "DO UPDATE SET number = audit_end.number",
            {kNoDigest});
        !begun)
        return pass(begun.error());
    auto end = writer.one("SELECT number, digest FROM audit_end", {}, [&](const Row& row) {
        entry.number = row.integer(0) + 1;
        entry.previous = Sha256::from(row.bytes(1)).value_or(kNoDigest);
    });
    if (!end) return pass(end.error());
    entry.digest = digest_of(entry);
    auto added = writer.run(
        "INSERT INTO audit_entry (number, at, who, what, on_kind, on_id, detail, previous, digest) "
        "VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
        {entry.number, at, event.who, event.what, event.on.kind, event.on.id, event.detail, entry.previous,
         entry.digest});
    if (!added) return pass(added.error());
    auto moved = writer.run("UPDATE audit_end SET number = $1, digest = $2", {entry.number, entry.digest});
    if (!moved) return pass(moved.error());
    return entry.number;
}

Result<std::string> pseudonym(Writer& writer, const Subject& subject, std::string_view field,
                              std::string_view value) {
    auto salt = salt_of(writer, subject);
    if (!salt) return pass(salt.error());
    if (!*salt) {
        ByteVector fresh(32);
        ::randombytes_buf(fresh.data(), fresh.size());
        auto kept = writer.run("INSERT INTO audit_salt (kind, id, salt) VALUES ($1, $2, $3)",
                               {subject.kind, subject.id, fresh});
        if (!kept) return pass(kept.error());
        *salt = std::move(fresh);
    }
    return pseudonym_of(**salt, subject, field, value);
}

Result<std::optional<std::string>> known_pseudonym(store::Store& store, const Subject& subject,
                                                   std::string_view field, std::string_view value) {
    std::optional<std::string> known;
    const Status status = store.read([&](Reader& reader) -> Status {
        known.reset();
        auto salt = salt_of(reader, subject);
        if (!salt) return pass(salt.error());
        if (*salt) known = pseudonym_of(**salt, subject, field, value);
        return {};
    });
    if (!status) return pass(status.error());
    return known;
}

Result<bool> forget(Writer& writer, const Subject& subject) {
    return writer.run("DELETE FROM audit_salt WHERE kind = $1 AND id = $2", {subject.kind, subject.id})
        .map([](std::int64_t rows) { return rows > 0; });
}

Result<Page> read(store::Store& store, const Filter& filter, std::optional<std::int64_t> before, int limit) {
    limit = std::clamp(limit, 1, 1000);
    std::string where;
    std::vector<Value> values;
    const auto want = [&](std::string_view condition, const Value& value) {
        values.push_back(value);
        where += (where.empty() ? " WHERE " : " AND ") + std::string(condition) + "$" +
                 std::to_string(values.size());
    };
    // "account." means all from there to "account/", the next text that does not begin so.
    std::string behind;
    if (filter.who) want("who = ", *filter.who);
    if (filter.what && filter.what->ends_with('.')) {
        behind = *filter.what;
        behind.back() = '/';
        want("what >= ", *filter.what);
        want("what < ", behind);
    } else if (filter.what) {
        want("what = ", *filter.what);
    }
    if (filter.on_kind) want("on_kind = ", *filter.on_kind);
    if (filter.on_id) want("on_id = ", *filter.on_id);
    if (filter.from) want("at >= ", *filter.from);
    if (filter.to) want("at < ", *filter.to);
    if (before) want("number < ", *before);
    values.emplace_back(limit + 1);
    const std::string sql = std::string("SELECT ") + kEntryColumns + " FROM audit_entry" + where +
                            " ORDER BY number DESC LIMIT $" + std::to_string(values.size());
    Page page;
    const Status status = store.read([&](Reader& reader) -> Status {
        page = {};
        return reader.each(sql, values, [&](const Row& row) { page.entries.push_back(entry_of(row)); });
    });
    if (!status) return pass(status.error());
    if (page.entries.size() > static_cast<std::size_t>(limit)) {
        page.entries.pop_back();
        page.next = page.entries.back().number;
    }
    return page;
}

Result<std::optional<Checkpoint>> last_checkpoint(store::Store& store) {
    std::optional<Checkpoint> last;
    const Status status = store.read([&](Reader& reader) -> Status {
        auto found = last_checkpoint(reader);
        if (!found) return pass(found.error());
        last = std::move(*found);
        return {};
    });
    if (!status) return pass(status.error());
    return last;
}

Result<std::optional<Checkpoint>> make_checkpoint(store::Store& store, const SigningKey& key, Time now) {
    if (!can_be_written(now))
        return fail(ErrorCode::invalid, "a checkpoint cannot have a time before 1970 or after 9999");
    std::optional<Checkpoint> made;
    const Status status = store.write([&](Writer& writer) -> Status {
        made.reset();
        Checkpoint checkpoint{.number = 0, .digest = {}, .at = now, .key = key.public_key(), .signature = {}};
        auto end = writer.one("SELECT number, digest FROM audit_end", {}, [&](const Row& row) {
            checkpoint.number = row.integer(0);
            checkpoint.digest = Sha256::from(row.bytes(1)).value_or(kNoDigest);
        });
        if (!end) return pass(end.error());
        if (checkpoint.number == 0) return {};
        checkpoint.signature = key.sign(bytes_of(signed_text(checkpoint)));
        auto kept = writer.run(
            "INSERT INTO audit_checkpoint (number, digest, at, public_key, signature) "
            "VALUES ($1, $2, $3, $4, $5) ON CONFLICT (number) DO NOTHING",
            {checkpoint.number, checkpoint.digest, now, checkpoint.key, checkpoint.signature});
        if (!kept) return pass(kept.error());
        if (*kept > 0) made = checkpoint;
        return {};
    });
    if (!status) return pass(status.error());
    return made;
}

Result<std::optional<Checkpoint>> make_checkpoint_if_due(store::Store& store, const SigningKey& key, Time now,
                                                         std::chrono::microseconds every) {
    const auto last = last_checkpoint(store);
    if (!last) return pass(last.error());
    if (*last && now - (*last)->at < every && now >= (*last)->at) return std::optional<Checkpoint>();
    return make_checkpoint(store, key, now);
}

Result<LastEntry> last_entry(Reader& reader) {
    LastEntry last;
    return reader
        .one("SELECT number, digest FROM audit_end", {},
             [&](const Row& row) { last = {row.integer(0), Sha256::from(row.bytes(1)).value_or(kNoDigest)}; })
        .map([&](bool) { return last; });
}

Result<End> read_end(store::Store& store, std::int64_t first) {
    End end;
    const Status status = store.read([&](Reader& reader) -> Status {
        end = {};
        auto found = reader.one("SELECT number, digest FROM audit_end", {}, [&](const Row& row) {
            end.number = row.integer(0);
            end.digest = Sha256::from(row.bytes(1)).value_or(kNoDigest);
        });
        if (!found) return pass(found.error());
        auto last = reader.integer("SELECT max(number) FROM audit_entry");
        if (!last) return pass(last.error());
        if (!*found && last->has_value()) return no_end();
        auto checkpoint = reader.integer("SELECT max(number) FROM audit_checkpoint");
        if (!checkpoint) return pass(checkpoint.error());
        auto checkpoints =
            reader.integer("SELECT count(*) FROM audit_checkpoint WHERE number >= $1", {first});
        if (!checkpoints) return pass(checkpoints.error());
        end.last_row = last->value_or(0);
        end.last_checkpoint = checkpoint->value_or(0);
        end.checkpoints = checkpoints->value_or(0);
        return {};
    });
    if (!status) return pass(status.error());
    return end;
}

Result<Stretch> read_stretch(store::Store& store, std::int64_t from, std::int64_t to,
                             std::int64_t last_checkpoint, int limit) {
    Stretch stretch;
    const Status status = store.read([&](Reader& reader) -> Status {
        stretch = {};
        auto entries =
            reader.each(std::string("SELECT ") + kEntryColumns +
                            " FROM audit_entry WHERE number >= $1 AND number <= $2 "
                            "ORDER BY number LIMIT $3",
                        {from, to, limit}, [&](const Row& row) { stretch.entries.push_back(entry_of(row)); });
        if (!entries || stretch.entries.empty()) return entries;
        const std::int64_t reached = std::min(stretch.entries.back().number, last_checkpoint);
        return reader.each(std::string("SELECT ") + kCheckpointColumns +
                               " FROM audit_checkpoint WHERE number >= $1 AND number <= $2 ORDER BY number",
                           {from, reached},
                           [&](const Row& row) { stretch.checkpoints.push_back(checkpoint_of(row)); });
    });
    if (!status) return pass(status.error());
    return stretch;
}

}  // namespace rushlight::audit
