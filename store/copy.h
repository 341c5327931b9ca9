// copy: all that a store holds, out of it and into it, table by table, without knowing what it means. The
// same values come out of SQLite and PostgreSQL, and go into either.
//
//   store.read([&](Reader& r) -> Status {
//       auto all = tables(r);
//       for (const Table& table : *all) each_row(r, table, [&](std::span<const Value> row) { … return true;
//       }); …
//   });
//   other.replace([&](Writer& w, Refill& refill) -> Status {   // one transaction: all of it or nothing
//       refill.empty(*all); refill.begin(table); refill.add(row); …; refill.end();
//       …
//   });
//
// Not copied: which migrations a store has had (it is opened at them), and its life (see Store::life()).
// Threads and errors: as in store/store.h. Memory: one row, or 4 MB on the way into PostgreSQL.
#pragma once

#include "base/result.h"
#include "store/function_ref.h"
#include "store/store.h"
#include "store/value.h"

#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <vector>

namespace rushlight::store {

struct Column {
    std::string name;
    Value::Kind kind = Value::Kind::null;  // of all its values that are not NULL
    bool operator==(const Column&) const = default;
};
struct Table {
    std::string name;
    std::vector<Column> columns;
    std::vector<std::string> key = {};  // the primary key's columns
};

// Those that others refer to come first.
Result<std::vector<Table>> tables(Reader& reader);
// Room → its newest migration in the store.
Result<std::map<std::string, int>> versions(Reader& reader);
// Table → the last number that it gave, where it never gives one twice.
Result<std::map<std::string, std::int64_t>> counters(Reader& reader);
// All rows in the order of the key; `use` ends it with false.
Status each_row(Reader& reader, const Table& table, FunctionRef<bool(std::span<const Value>)> use);
// Whether no table has a row.
Result<bool> is_empty(Reader& reader);

// The half of Store::replace() that puts rows in.
class Refill {
  public:
    virtual ~Refill() = default;
    // Takes all rows out. What stood there before is still what others see, until the transaction ends.
    virtual Status empty(const std::vector<Table>& all) = 0;
    // Tables in an order in which none refers to a later one.
    virtual Status begin(const Table& table) = 0;
    virtual Status add(std::span<const Value> row) = 0;
    virtual Status end() = 0;
    // The next number that this table gives is higher than `last`, and than any it gave before.
    virtual Status count_from(const std::string& table, std::int64_t last) = 0;
};

}  // namespace rushlight::store
