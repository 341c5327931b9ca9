#include "accounts/key_store.h"

#include <algorithm>

namespace rushlight::accounts {
namespace {

using store::Reader;
using store::Row;
using store::Writer;

constexpr const char* kKeyColumns =
    "id, name, scopes, made_at, made_by, expires_at, revoked_at, used_at, hash";

ApiKeyRow key_of(const Row& row) {
    ApiKeyRow found{.key = {.id = ApiKeyId::from(row.bytes(0)).value_or(ApiKeyId{}),
                            .name = std::string(row.text(1)),
                            .scopes = Scopes::from_bits(row.integer(2), kScopes),
                            .made = row.time(3),
                            .made_by = std::string(row.text(4))},
                    .hash = Sha256::from(row.bytes(8)).value_or(Sha256{})};
    if (!row.is_null(5)) found.key.expires = row.time(5);
    if (!row.is_null(6)) found.key.revoked = row.time(6);
    if (!row.is_null(7)) found.key.used = row.time(7);
    return found;
}

Status count_change(Writer& writer) {
    return writer
        .run(
            "INSERT INTO accounts_key_change (only_row, number) VALUES (1, 1) "
            "ON CONFLICT (only_row) DO UPDATE SET number = accounts_key_change.number + 1")
        .map([](std::int64_t) {});
}

}  // namespace

Result<std::int64_t> key_change(Reader& reader) {
    return reader.integer("SELECT number FROM accounts_key_change")
        .map([](std::optional<std::int64_t> number) { return number.value_or(0); });
}

Status add_key(Writer& writer, const ApiKeyRow& row) {
    const auto count = writer.integer("SELECT count(*) FROM accounts_key WHERE revoked_at IS NULL");
    if (!count) return pass(count.error());
    if (count->value_or(0) >= kMostApiKeys)
        return fail(ErrorCode::limit, "there are 10,000 API keys already: revoke those that nobody uses");
    auto added = writer.run(
        "INSERT INTO accounts_key (id, name, hash, scopes, made_at, made_by, expires_at) "
        "VALUES ($1, $2, $3, $4, $5, $6, $7)",
        {row.key.id, row.key.name, row.hash, row.key.scopes.bits(), row.key.made, row.key.made_by,
         row.key.expires});
    if (!added) return pass(added.error());
    return count_change(writer);
}

Result<bool> revoke_key(Writer& writer, const ApiKeyId& id, Time now) {
    auto revoked =
        writer.run("UPDATE accounts_key SET revoked_at = $1 WHERE id = $2 AND revoked_at IS NULL", {now, id});
    if (!revoked) return pass(revoked.error());
    if (*revoked == 0) return false;
    if (auto counted = count_change(writer); !counted) return pass(counted.error());
    return true;
}

Result<std::optional<ApiKey>> find_key(Reader& reader, const ApiKeyId& id) {
    std::optional<ApiKey> key;
    auto found = reader.one(std::string("SELECT ") + kKeyColumns + " FROM accounts_key WHERE id = $1", {id},
                            [&](const Row& row) { key = key_of(row).key; });
    if (!found) return pass(found.error());
    return key;
}

Result<std::vector<ApiKey>> list_keys(Reader& reader, std::optional<ApiKeyId> after, int limit) {
    std::vector<ApiKey> keys;
    const Bytes first = after ? Bytes(after->value) : Bytes();
    auto read = reader.each(
        std::string("SELECT ") + kKeyColumns + " FROM accounts_key WHERE id > $1 ORDER BY id LIMIT $2",
        {first, std::clamp(limit, 1, 1000)}, [&](const Row& row) { keys.push_back(key_of(row).key); });
    if (!read) return pass(read.error());
    return keys;
}

Result<std::vector<ApiKeyRow>> usable_keys(Reader& reader) {
    std::vector<ApiKeyRow> keys;
    auto read =
        reader.each(std::string("SELECT ") + kKeyColumns + " FROM accounts_key WHERE revoked_at IS NULL", {},
                    [&](const Row& row) { keys.push_back(key_of(row)); });
    if (!read) return pass(read.error());
    return keys;
}

Status save_used(Writer& writer, const ApiKeyId& id, Time used) {
    return writer
        .run("UPDATE accounts_key SET used_at = $1 WHERE id = $2 AND (used_at IS NULL OR used_at < $1)",
             {used, id})
        .map([](std::int64_t) {});
}

}  // namespace rushlight::accounts
