// What SQLite holds as tables of values, and back.
#include "store/sqlite_copy.h"

#include <utility>

namespace rushlight::store {
namespace {

// STRICT tables hold what their columns say.
Value::Kind kind_of(std::string_view type) {
    if (type == "INTEGER") return Value::Kind::integer;
    if (type == "REAL") return Value::Kind::real;
    if (type == "TEXT") return Value::Kind::text;
    if (type == "BLOB") return Value::Kind::bytes;
    return Value::Kind::null;
}

class SqliteRefill final : public Refill {
  public:
    explicit SqliteRefill(SqliteConnection& connection) : connection_(connection) {}

    Status empty(const std::vector<Table>& all) override {
        Status status;
        for (const Table& table : all)
            if (status) status = connection_.script("DELETE FROM " + quoted_name(table.name));
        return status;
    }
    Status begin(const Table& table) override {
        columns_ = table.columns.size();
        sql_ = insert_into(table);
        return {};
    }
    Status add(std::span<const Value> row) override {
        if (row.size() != columns_) return fail(ErrorCode::invalid, "a row with a wrong number of columns");
        if (auto checked = check_values(row); !checked) return checked;
        return connection_.run(sql_, row, nullptr).map([](std::int64_t) {});
    }
    Status end() override { return {}; }
    Status count_from(const std::string& table, std::int64_t last) override {
        const Value values[] = {table, last};
        const auto nothing = [](std::int64_t) {};
        if (auto there = connection_.run(
                "INSERT INTO sqlite_sequence (name, seq) SELECT $1, $2 WHERE EXISTS (SELECT 1 FROM "
                "sqlite_schema WHERE name = $1 AND sql LIKE '%AUTOINCREMENT%') AND NOT EXISTS (SELECT 1 FROM "
                "sqlite_sequence WHERE name = $1)",
                values, nullptr);
            !there)
            return pass(std::move(there.error()));
        return connection_
            .run("UPDATE sqlite_sequence SET seq = $2 WHERE name = $1 AND seq < $2", values, nullptr)
            .map(nothing);
    }

  private:
    SqliteConnection& connection_;
    std::size_t columns_ = 0;
    std::string sql_;
};

Status look_at_references(SqliteConnection& connection) {
    std::string found;
    const auto take = [&](const Row& row) {
        found = std::string(row.text(0));
        return false;
    };
    const FunctionRef<bool(const Row&)> use(take);
    if (auto looked = connection.run("PRAGMA foreign_key_check", {}, &use); !looked)
        return pass(std::move(looked.error()));
    if (found.empty()) return {};
    return fail(ErrorCode::corrupt, "a row of '" + found + "' refers to one that is not there");
}

}  // namespace

Result<std::vector<Table>> SqliteConnection::tables() {
    TableList all;
    const auto take = [&](const Row& row) {
        all.add(row.text(0), row.text(1), kind_of(row.text(2)));
        if (row.integer(3) > 0) all.add_key(row.text(0), row.text(1));
        return true;
    };
    const FunctionRef<bool(const Row&)> use(take);
    auto asked =
        run("SELECT s.name, c.name, c.type, c.pk FROM sqlite_schema s, pragma_table_info(s.name) c "
            "WHERE s.type = 'table' AND s.name NOT LIKE 'sqlite\\_%' ESCAPE '\\' ORDER BY s.rowid, c.cid",
            {}, &use);
    if (!asked) return pass(std::move(asked.error()));
    return all.finish();
}

Result<std::map<std::string, std::int64_t>> SqliteConnection::counters() {
    std::map<std::string, std::int64_t> all;
    const auto take = [&](const Row& row) {
        all[std::string(row.text(0))] = row.integer(1);
        return true;
    };
    const FunctionRef<bool(const Row&)> use(take);
    return run("SELECT name, seq FROM sqlite_sequence WHERE seq > 0", {}, &use).map([&](std::int64_t) {
        return all;
    });
}

Status replace_sqlite(SqliteConnection& connection, FunctionRef<Status(Refill&)> work) {
    // Emptying a table at once needs it, and so does filling one whose rows refer to each other; all
    // references are looked at before the end.
    if (auto off = connection.script("PRAGMA foreign_keys = OFF"); !off) return off;
    if (auto begun = connection.step("BEGIN IMMEDIATE"); !begun) return begun;
    SqliteRefill refill(connection);
    Status status = work(refill);
    if (status) status = look_at_references(connection);
    if (status) status = connection.step("COMMIT");
    if (connection.in_transaction()) (void)connection.script("ROLLBACK");
    return status;
}

}  // namespace rushlight::store
