// What is the same for both databases when all of a store is copied.
#include "store/copy.h"

#include "base/random.h"
#include "store/engine.h"

#include <algorithm>
#include <array>
#include <cstring>

namespace rushlight::store {
namespace {

bool is_of_this_store_only(std::string_view table) {
    return table == "store_migration" || table == "store_life";
}

}  // namespace

struct CopyAccess {
    static Connection& of(Reader& reader) { return reader.connection_; }
};

void TableList::add(std::string_view table, std::string_view column, Value::Kind kind) {
    if (is_of_this_store_only(table)) return;
    if (tables_.empty() || tables_.back().name != table)
        tables_.push_back({.name = std::string(table), .columns = {}});
    tables_.back().columns.push_back({std::string(column), kind});
    if (kind == Value::Kind::null) odd_ = table;
}

void TableList::add_key(std::string_view table, std::string_view column) {
    const auto found = std::ranges::find(tables_, table, &Table::name);
    if (found != tables_.end()) found->key.emplace_back(column);
}

Result<std::vector<Table>> TableList::finish() {
    if (!odd_.empty()) return fail(ErrorCode::corrupt, "the table '" + odd_ + "' is none of ours");
    return std::move(tables_);
}

std::string quoted_name(std::string_view name) {
    std::string out = "\"";
    for (const char c : name) out += c == '"' ? std::string("\"\"") : std::string(1, c);
    return out + '"';
}

std::string insert_into(const Table& table) {
    std::string names;
    std::string values;
    for (std::size_t i = 0; i < table.columns.size(); ++i) {
        names += (i == 0 ? "" : ", ") + quoted_name(table.columns[i].name);
        values += (i == 0 ? "$" : ", $") + std::to_string(i + 1);
    }
    return "INSERT INTO " + quoted_name(table.name) + " (" + names + ") VALUES (" + values + ")";
}

Result<std::vector<Table>> tables(Reader& reader) { return CopyAccess::of(reader).tables(); }

Result<std::map<std::string, std::int64_t>> counters(Reader& reader) {
    return CopyAccess::of(reader).counters();
}

Result<std::map<std::string, int>> versions(Reader& reader) {
    std::map<std::string, int> all;
    return reader
        .each("SELECT room, max(number) FROM store_migration GROUP BY room", {},
              [&](const Row& row) { all[std::string(row.text(0))] = static_cast<int>(row.integer(1)); })
        .map([&] { return all; });
}

Status each_row(Reader& reader, const Table& table, FunctionRef<bool(std::span<const Value>)> use) {
    std::string names;
    std::string order;
    for (const Column& column : table.columns)
        names += (names.empty() ? "" : ", ") + quoted_name(column.name);
    for (const std::string& column : table.key)
        order += (order.empty() ? " ORDER BY " : ", ") + quoted_name(column);
    std::vector<Value> values(table.columns.size());
    return reader.each("SELECT " + names + " FROM " + quoted_name(table.name) + order, {},
                       [&](const Row& row) {
                           for (std::size_t i = 0; i < values.size(); ++i) {
                               const int at = static_cast<int>(i);
                               if (row.is_null(at)) {
                                   values[i] = nullptr;
                                   continue;
                               }
                               switch (table.columns[i].kind) {
                                   case Value::Kind::integer:
                                       values[i] = row.integer(at);
                                       break;
                                   case Value::Kind::real:
                                       values[i] = row.real(at);
                                       break;
                                   case Value::Kind::text:
                                       values[i] = row.text(at);
                                       break;
                                   default:
                                       values[i] = row.bytes(at);
                               }
                           }
                           return use(values);
                       });
}

Result<bool> is_empty(Reader& reader) {
    const auto all = tables(reader);
    if (!all) return pass(all.error());
    for (const Table& table : *all) {
        auto some = reader.integer("SELECT 1 FROM " + quoted_name(table.name) + " LIMIT 1");
        if (!some) return pass(some.error());
        if (*some) return false;
    }
    return true;
}

Status Engine::run_refill(Connection& connection, Refill& refill,
                          FunctionRef<Status(Writer&, Refill&)> work) {
    Claimer writer(connection);
    auto status = work(writer, refill);
    std::array<std::byte, 8> random{};
    fill_random(random);
    std::int64_t life = 0;
    std::memcpy(&life, random.data(), sizeof life);
    const Value values[] = {life & INT64_MAX};
    if (status) status = connection.script("DELETE FROM store_life");
    if (status)
        status = connection.run("INSERT INTO store_life (life) VALUES ($1)", values, nullptr)
                     .map([](std::int64_t) {});
    if (status && writer.failed_) return pass(*writer.failed_);
    return status;
}

}  // namespace rushlight::store
