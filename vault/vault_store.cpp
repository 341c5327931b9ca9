#include "vault/vault_store.h"

#include "vault/copy.h"

#include <algorithm>
#include <utility>

namespace rushlight::vault {
namespace {

using store::Reader;
using store::Row;
using store::Writer;

constexpr const char* kHeldColumns =
    "id, sha256, bytes, why, ref, made_at, expires_at, destroyed_at, destroyed_why, destroyed_by, "
    "sealed_key, "
    "place";

ByteVector copy_of(Bytes bytes) { return {bytes.begin(), bytes.end()}; }

HeldRow held_of(const Row& row) {
    HeldRow held{.file = {.id = HeldId::from(row.bytes(0)).value_or(HeldId{}),
                          .sha256 = Sha256::from(row.bytes(1)).value_or(Sha256{}),
                          .bytes = static_cast<std::uint64_t>(row.integer(2)),
                          .why = std::string(row.text(3)),
                          .ref = std::string(row.text(4)),
                          .made = row.time(5),
                          .expires = row.time(6),
                          .destroyed = std::nullopt,
                          .destroyed_why = std::string(row.text(8)),
                          .destroyed_by = std::string(row.text(9))},
                 .sealed_key = copy_of(row.bytes(10)),
                 .place = std::string(row.text(11))};
    if (!row.is_null(7)) held.file.destroyed = row.time(7);
    return held;
}

// A list of ids that a statement gives, in a transaction of its own.
Result<std::vector<HeldId>> ids(store::Store& store, std::string_view sql, store::Params params) {
    std::vector<HeldId> found;
    const Status status = store.read([&](Reader& reader) -> Status {
        found.clear();
        return reader.each(sql, params, [&](const Row& row) {
            found.push_back(HeldId::from(row.bytes(0)).value_or(HeldId{}));
        });
    });
    if (!status) return pass(status.error());
    return found;
}

}  // namespace

store::Schema schema() {
    return {.room = "vault",
            .migrations = {{.number = 1, .name = "keys, the holding area's ledger", .sql = R"(
                CREATE TABLE vault_key (
                    id BLOB NOT NULL PRIMARY KEY,
                    made_at INTEGER NOT NULL
                ) STRICT, WITHOUT ROWID;
                CREATE TABLE vault_signing_key (
                    name TEXT NOT NULL PRIMARY KEY,
                    public_key BLOB NOT NULL,
                    sealed BLOB NOT NULL,
                    made_at INTEGER NOT NULL
                ) STRICT, WITHOUT ROWID;
                CREATE TABLE vault_held (
                    id BLOB NOT NULL PRIMARY KEY,
                    sha256 BLOB NOT NULL,
                    bytes INTEGER NOT NULL,
                    why TEXT NOT NULL,
                    ref TEXT NOT NULL,
                    place TEXT NOT NULL,
                    sealed_key BLOB NOT NULL,
                    made_at INTEGER NOT NULL,
                    expires_at INTEGER NOT NULL,
                    destroyed_at INTEGER,
                    destroyed_why TEXT NOT NULL DEFAULT '',
                    destroyed_by TEXT NOT NULL DEFAULT ''
                ) STRICT, WITHOUT ROWID;
                CREATE INDEX vault_held_live ON vault_held (destroyed_at, expires_at);
                CREATE INDEX vault_held_sha256 ON vault_held (sha256);
            )"}}};
}

Result<std::vector<KeyId>> known_keys(Reader& reader) {
    std::vector<KeyId> keys;
    auto read = reader.each("SELECT id FROM vault_key ORDER BY made_at, id", {}, [&](const Row& row) {
        keys.push_back(KeyId::from(row.bytes(0)).value_or(KeyId{}));
    });
    if (!read) return pass(read.error());
    return keys;
}

Result<std::vector<KeyId>> known_keys(store::Store& store) {
    std::vector<KeyId> keys;
    const Status status = store.read([&](Reader& reader) -> Status {
        auto known = known_keys(reader);
        if (!known) return pass(known.error());
        keys = std::move(*known);
        return {};
    });
    if (!status) return pass(status.error());
    return keys;
}

Result<std::vector<KeyId>> add_keys(store::Store& store, const std::vector<KeyId>& mine, bool forget_others,
                                    Time now) {
    std::vector<KeyId> all;
    const Status status = store.write([&](Writer& writer) -> Status {
        if (forget_others) {
            auto known = known_keys(writer);
            if (!known) return pass(known.error());
            for (const KeyId& id : *known) {
                if (std::ranges::find(mine, id) != mine.end()) continue;
                auto gone = writer.run("DELETE FROM vault_key WHERE id = $1", {id});
                if (!gone) return pass(gone.error());
            }
        }
        for (const KeyId& id : mine) {
            auto added = writer.run(
                "INSERT INTO vault_key (id, made_at) VALUES ($1, $2) ON CONFLICT (id) DO NOTHING", {id, now});
            if (!added) return pass(added.error());
        }
        auto known = known_keys(writer);
        if (!known) return pass(known.error());
        all = std::move(*known);
        return {};
    });
    if (!status) return pass(status.error());
    return all;
}

Result<Sealed> count_sealed(store::Store& store) {
    Sealed sealed;
    const Status status = store.read([&](Reader& reader) -> Status {
        auto held = reader.integer("SELECT count(*) FROM vault_held WHERE destroyed_at IS NULL");
        if (!held) return pass(held.error());
        auto signing = reader.integer("SELECT count(*) FROM vault_signing_key");
        if (!signing) return pass(signing.error());
        sealed = {.held_files = held->value_or(0), .signing_keys = signing->value_or(0)};
        return {};
    });
    if (!status) return pass(status.error());
    return sealed;
}

Result<std::optional<StoredSigningKey>> find_signing_key(store::Store& store, std::string_view name) {
    std::optional<StoredSigningKey> key;
    const Status status = store.read([&](Reader& reader) -> Status {
        key.reset();
        auto found = reader.one(
            "SELECT public_key, sealed FROM vault_signing_key WHERE name = $1", {name}, [&](const Row& row) {
                key = {.public_key = audit::PublicKey::from(row.bytes(0)).value_or(audit::PublicKey{}),
                       .sealed = copy_of(row.bytes(1))};
            });
        if (!found) return pass(found.error());
        return {};
    });
    if (!status) return pass(status.error());
    return key;
}

Status add_signing_key(store::Store& store, std::string_view name, const StoredSigningKey& key,
                       Bytes instead_of, Time now) {
    return store.write([&](Writer& writer) -> Status {
        auto gone =
            writer.run("DELETE FROM vault_signing_key WHERE name = $1 AND sealed = $2", {name, instead_of});
        if (!gone) return pass(gone.error());
        return writer
            .run(
                "INSERT INTO vault_signing_key (name, public_key, sealed, made_at) VALUES ($1, $2, $3, $4) "
                "ON CONFLICT (name) DO NOTHING",
                {name, key.public_key, key.sealed, now})
            .map([](std::int64_t) {});
    });
}

Result<std::optional<HeldRow>> find_held(Reader& reader, const HeldId& id) {
    std::optional<HeldRow> held;
    auto found = reader.one(std::string("SELECT ") + kHeldColumns + " FROM vault_held WHERE id = $1", {id},
                            [&](const Row& row) { held = held_of(row); });
    if (!found) return pass(found.error());
    return held;
}

Result<std::optional<HeldRow>> find_held(store::Store& store, const HeldId& id) {
    std::optional<HeldRow> held;
    const Status status = store.read([&](Reader& reader) -> Status {
        auto found = find_held(reader, id);
        if (!found) return pass(found.error());
        held = std::move(*found);
        return {};
    });
    if (!status) return pass(status.error());
    return held;
}

Status add_held(Writer& writer, const HeldRow& row) {
    return writer
        .run(
            "INSERT INTO vault_held (id, sha256, bytes, why, ref, place, sealed_key, made_at, expires_at) "
            "VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
            {row.file.id, row.file.sha256, static_cast<std::int64_t>(row.file.bytes), row.file.why,
             row.file.ref, row.place, row.sealed_key, row.file.made, row.file.expires})
        .map([](std::int64_t) {});
}

Result<bool> mark_destroyed(Writer& writer, const HeldId& id, std::string_view who, std::string_view why,
                            Time now) {
    return writer
        .run(
            "UPDATE vault_held SET sealed_key = $1, destroyed_at = $2, destroyed_why = $3, destroyed_by = $4 "
            "WHERE id = $5 AND destroyed_at IS NULL",
            {Bytes(), now, why, who, id})
        .map([](std::int64_t rows) { return rows > 0; });
}

Result<std::uint64_t> held_bytes(Reader& reader) {
    return reader.integer("SELECT CAST(sum(bytes) AS BIGINT) FROM vault_held WHERE destroyed_at IS NULL")
        .map([](std::optional<std::int64_t> sum) { return static_cast<std::uint64_t>(sum.value_or(0)); });
}

Result<std::vector<HeldId>> expired_held(store::Store& store, Time now, int limit) {
    return ids(store,
               "SELECT id FROM vault_held WHERE destroyed_at IS NULL AND expires_at <= $1 "
               "ORDER BY expires_at, id LIMIT $2",
               {now, limit});
}

Result<std::vector<HeldId>> held_at(store::Store& store, std::string_view place) {
    return ids(store, "SELECT id FROM vault_held WHERE destroyed_at IS NULL AND place = $1 ORDER BY id",
               {place});
}

Result<std::vector<HeldFile>> list_held(store::Store& store, std::optional<HeldId> after, int limit) {
    std::vector<HeldFile> files;
    const HeldId first = after.value_or(HeldId{});
    const Status status = store.read([&](Reader& reader) -> Status {
        files.clear();
        return reader.each(
            std::string("SELECT ") + kHeldColumns + " FROM vault_held WHERE id > $1 ORDER BY id LIMIT $2",
            {first, std::clamp(limit, 1, 1000)}, [&](const Row& row) { files.push_back(held_of(row).file); });
    });
    if (!status) return pass(status.error());
    return files;
}

Result<Usage> count_held(store::Store& store) {
    Usage usage;
    const Status status = store.read([&](Reader& reader) -> Status {
        auto files = reader.integer("SELECT count(*) FROM vault_held WHERE destroyed_at IS NULL");
        if (!files) return pass(files.error());
        auto bytes = held_bytes(reader);
        if (!bytes) return pass(bytes.error());
        usage = {.files = files->value_or(0), .bytes = *bytes, .quota = 0};
        return {};
    });
    if (!status) return pass(status.error());
    return usage;
}

// ---- for copies

Status move_held(Writer& writer, std::string_view from, std::string_view to) {
    return writer.run("UPDATE vault_held SET place = $2 WHERE place = $1", {from, to}).map([](std::int64_t) {
    });
}

namespace {

Result<std::vector<HeldId>> ids_of(Reader& reader, std::string_view sql, store::Params params) {
    std::vector<HeldId> found;
    auto read = reader.each(
        sql, params, [&](const Row& row) { found.push_back(HeldId::from(row.bytes(0)).value_or(HeldId{})); });
    if (!read) return pass(read.error());
    return found;
}

}  // namespace

Result<std::vector<HeldId>> held_of(Reader& reader, std::string_view place) {
    return ids_of(reader, "SELECT id FROM vault_held WHERE place = $1 AND destroyed_at IS NULL ORDER BY id",
                  {place});
}

Result<std::int64_t> held_elsewhere(Reader& reader, std::string_view place) {
    return reader
        .integer("SELECT count(*) FROM vault_held WHERE place <> $1 AND destroyed_at IS NULL", {place})
        .map([](std::optional<std::int64_t> count) { return count.value_or(0); });
}

Result<bool> is_held(Reader& reader, const HeldId& id) {
    return reader.integer("SELECT 1 FROM vault_held WHERE id = $1 AND destroyed_at IS NULL", {id})
        .map([](std::optional<std::int64_t> found) { return found.has_value(); });
}

Result<std::set<HeldId>> destroyed_ids(Reader& reader) {
    return ids_of(reader, "SELECT id FROM vault_held WHERE destroyed_at IS NOT NULL", {})
        .map([](const std::vector<HeldId>& found) { return std::set<HeldId>(found.begin(), found.end()); });
}

}  // namespace rushlight::vault
