// What PostgreSQL holds as tables of values, and back.
#include "store/postgres_copy.h"

#include "store/postgres_loader.h"
#include "store/postgres_wire.h"

#include <utility>

namespace rushlight::store {
namespace {

Value::Kind kind_of(std::int64_t type) {
    switch (type) {
        case oid::kInt8:
            return Value::Kind::integer;
        case oid::kFloat8:
            return Value::Kind::real;
        case oid::kText:
            return Value::Kind::text;
        case oid::kBytea:
            return Value::Kind::bytes;
        default:
            return Value::Kind::null;
    }
}

}  // namespace

// Of the schema that names without one lead to; in the order in which they were made.
Result<std::vector<Table>> PostgresConnection::tables() {
    TableList all;
    const auto take = [&](const Row& row) {
        all.add(row.text(0), row.text(1), kind_of(row.integer(2)));
        return true;
    };
    const FunctionRef<bool(const Row&)> use(take);
    auto asked = run(
        "SELECT CAST(c.relname AS TEXT), CAST(a.attname AS TEXT), CAST(a.atttypid AS BIGINT) FROM pg_class "
        "c JOIN "
        "pg_attribute a ON a.attrelid = c.oid WHERE c.relnamespace = to_regnamespace(current_schema()::text) "
        "AND c.relkind = 'r' AND a.attnum > 0 AND NOT a.attisdropped ORDER BY c.oid, a.attnum",
        {}, &use);
    if (!asked) return pass(std::move(asked.error()));
    const auto take_key = [&](const Row& row) {
        all.add_key(row.text(0), row.text(1));
        return true;
    };
    const FunctionRef<bool(const Row&)> use_key(take_key);
    auto keys = run(
        "SELECT CAST(c.relname AS TEXT), CAST(a.attname AS TEXT) FROM pg_index i JOIN pg_class c ON c.oid = "
        "i.indrelid JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = ANY (i.indkey) WHERE "
        "i.indisprimary AND c.relnamespace = to_regnamespace(current_schema()::text) ORDER BY c.oid, "
        "array_position(CAST(i.indkey AS SMALLINT[]), a.attnum)",
        {}, &use_key);
    if (!keys) return pass(std::move(keys.error()));
    return all.finish();
}

Result<std::map<std::string, std::int64_t>> PostgresConnection::counters() {
    std::map<std::string, std::int64_t> all;
    const auto take = [&](const Row& row) {
        all[std::string(row.text(0))] = row.integer(1);
        return true;
    };
    const FunctionRef<bool(const Row&)> use(take);
    // The filters may run in any order, and the function fails on what is no sequence.
    return run("SELECT CAST(c.relname AS TEXT), n.last FROM pg_depend d JOIN pg_class c ON c.oid = "
               "d.refobjid JOIN "
               "(SELECT oid, CASE WHEN relkind = 'S' THEN pg_sequence_last_value(oid) END AS last FROM "
               "pg_class "
               "WHERE relkind = 'S') n ON n.oid = d.objid WHERE d.deptype = 'i' AND c.relnamespace = "
               "to_regnamespace(current_schema()::text) AND n.last IS NOT NULL",
               {}, &use)
        .map([&](std::int64_t) { return all; });
}

Status PostgresRefill::empty(const std::vector<Table>& all) {
    Status status;
    for (auto table = all.rbegin(); status && table != all.rend(); ++table)
        status = connection_.script("DELETE FROM " + quoted_name(table->name));
    return status;
}

Status PostgresRefill::begin(const Table& table) {
    std::vector<std::string> columns;
    for (const Column& column : table.columns) columns.push_back(quoted_name(column.name));
    table_ = table.name;
    loader_ = make_postgres_loader(
        [this](std::string_view sql, std::string_view data) { return connection_.copy_in(sql, data); },
        quoted_name(table.name), columns);
    return {};
}

// Rows that came with their numbers do not move the counter.
Status PostgresRefill::end() {
    if (auto finished = loader_->finish(); !finished) return finished;
    std::string column;
    const auto take = [&](const Row& row) {
        column = std::string(row.text(0));
        return false;
    };
    const FunctionRef<bool(const Row&)> use(take);
    const Value values[] = {table_};
    auto asked = connection_.run(
        "SELECT CAST(a.attname AS TEXT) FROM pg_attribute a WHERE a.attrelid = "
        "to_regclass(quote_ident(CAST($1 AS TEXT))) AND a.attidentity <> ''",
        values, &use);
    if (!asked) return pass(std::move(asked.error()));
    if (column.empty()) return {};
    std::int64_t highest = 0;
    const auto take_highest = [&](const Row& row) {
        if (!row.is_null(0)) highest = row.integer(0);
        return false;
    };
    const FunctionRef<bool(const Row&)> use_highest(take_highest);
    auto looked = connection_.run("SELECT max(" + quoted_name(column) + ") FROM " + quoted_name(table_), {},
                                  &use_highest);
    if (!looked) return pass(std::move(looked.error()));
    return count_from(table_, highest);
}

Status PostgresRefill::count_from(const std::string& table, std::int64_t last) {
    if (last < 1) return {};
    const Value values[] = {table, last};
    return connection_
        .run(
            "SELECT setval(s.oid, greatest($2, coalesce(CASE WHEN s.relkind = 'S' THEN "
            "pg_sequence_last_value(s.oid) END, 0))) FROM pg_class s WHERE s.relkind = 'S' AND s.oid IN "
            "(SELECT d.objid FROM pg_depend d WHERE d.deptype = 'i' AND d.refobjid = "
            "to_regclass(quote_ident(CAST($1 AS TEXT))))",
            values, nullptr)
        .map([](std::int64_t) {});
}

}  // namespace rushlight::store
