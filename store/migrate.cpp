#include "store/migrate.h"

#include "store/dialect.h"

#include <map>
#include <string>

namespace rushlight::store {
namespace {

constexpr std::string_view kTable =
    "CREATE TABLE IF NOT EXISTS store_migration ("
    "room TEXT NOT NULL, number INTEGER NOT NULL, name TEXT NOT NULL, applied_at INTEGER NOT NULL, "
    "PRIMARY KEY (room, number)) STRICT";

Status check_numbers(const std::vector<Schema>& schemas) {
    std::map<std::string_view, int> seen;
    for (const Schema& schema : schemas) {
        if (!seen.emplace(schema.room, 0).second)
            return fail(ErrorCode::invalid, "two schemas are called '" + std::string(schema.room) + "'");
        int expected = 1;
        for (const Migration& migration : schema.migrations) {
            if (migration.number != expected++)
                return fail(ErrorCode::invalid, "the migrations of '" + std::string(schema.room) +
                                                    "' are not numbered 1, 2, 3, …");
        }
    }
    return {};
}

// Room → its newest migration in the store.
Result<std::map<std::string, int, std::less<>>> applied_numbers(Connection& connection) {
    std::map<std::string, int, std::less<>> applied;
    const auto take = [&](const Row& row) {
        applied[std::string(row.text(0))] = static_cast<int>(row.integer(1));
        return true;
    };
    const FunctionRef<bool(const Row&)> use(take);
    return connection.run("SELECT room, max(number) FROM store_migration GROUP BY room", {}, &use)
        .map([&](std::int64_t) { return applied; });
}

Status refuse_newer(const std::map<std::string, int, std::less<>>& applied,
                    const std::vector<Schema>& schemas) {
    for (const auto& [room, number] : applied) {
        int known = 0;
        for (const Schema& schema : schemas)
            if (schema.room == room) known = static_cast<int>(schema.migrations.size());
        if (number > known)
            return fail(ErrorCode::conflict,
                        "this store was made by a newer Rushlight: schema " + std::to_string(number) +
                            " of '" + room + "', this one knows " +
                            (known == 0 ? "none" : std::to_string(known)) +
                            ". Use the newer Rushlight, or another folder or database. Nothing was changed.");
    }
    return {};
}

Status apply(Connection& connection, std::string_view room, const Migration& migration,
             const MigrationRules& rules) {
    std::string sql(migration.sql);
    if (rules.postgres) sql = migration.postgres.empty() ? to_postgres(sql) : std::string(migration.postgres);
    const Value row[] = {room, migration.number, migration.name, system_clock().now()};
    auto status = connection.script(rules.begin);
    if (!status) return status;
    status = connection.script(sql)
                 .and_then([&] {
                     return connection
                         .run(
                             "INSERT INTO store_migration (room, number, name, applied_at) VALUES ($1, $2, "
                             "$3, $4)",
                             row, nullptr)
                         .map([](std::int64_t) {});
                 })
                 .and_then([&] { return connection.script("COMMIT"); });
    if (status) return status;
    (void)connection.script("ROLLBACK");  // may be gone already; the first error is the one to tell
    return fail(status.error().code, "the upgrade of the store failed at '" + std::string(room) + "' " +
                                         std::to_string(migration.number) + " (" +
                                         std::string(migration.name) +
                                         ") and was undone: " + status.error().message);
}

}  // namespace

Result<int> migrate(Connection& connection, const std::vector<Schema>& schemas, const MigrationRules& rules) {
    if (auto checked = check_numbers(schemas); !checked) return pass(std::move(checked.error()));
    const std::string table = rules.postgres ? to_postgres(kTable) : std::string(kTable);
    if (auto made = connection.script(table); !made) return pass(std::move(made.error()));
    const auto applied = applied_numbers(connection);
    if (!applied) return pass(applied.error());
    if (auto known = refuse_newer(*applied, schemas); !known) return pass(std::move(known.error()));

    int version = 0;
    for (const auto& [room, number] : *applied) version += number;
    bool safe = version == 0;  // nothing in it yet
    for (const Schema& schema : schemas) {
        const auto done = applied->find(schema.room);
        for (const Migration& migration : schema.migrations) {
            if (done != applied->end() && migration.number <= done->second) continue;
            if (!safe) {
                if (auto copied = rules.back_up(version); !copied) return pass(std::move(copied.error()));
                safe = true;
            }
            if (auto status = apply(connection, schema.room, migration, rules); !status)
                return pass(std::move(status.error()));
            ++version;
        }
    }
    return version;
}

}  // namespace rushlight::store
