// engine: what the two databases have in common, seen from inside the room.
#pragma once

#include "store/copy.h"
#include "store/store.h"

#include <cstdint>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace rushlight::store {

// One connection to either database; used by one thread at a time.
class Connection {
  public:
    virtual ~Connection() = default;
    // One statement. With `use`: streams the rows to it. Returns the number of rows given, or changed.
    virtual Result<std::int64_t> run(std::string_view sql, std::span<const Value> values,
                                     const FunctionRef<bool(const Row&)>* use) = 0;
    // Several statements without parameters or answers.
    virtual Status script(std::string_view sql) = 0;
    virtual Status take_turn(std::string_view name) = 0;
    // What a SELECT says at its end to take only rows that nobody else has taken.
    virtual std::string_view skip_locked() const = 0;
    // store/copy.h, without the store's own two tables.
    virtual Result<std::vector<Table>> tables() = 0;
    virtual Result<std::map<std::string, std::int64_t>> counters() = 0;
};

// What Row's getters found wrong; told once the callback has returned.
class CheckedRow : public Row {
  public:
    bool faulty() const { return faulty_; }
    tl::unexpected<Error> fault() const { return fail(ErrorCode::corrupt, message_); }

  protected:
    ~CheckedRow() = default;
    void mismatch(int column, const char* wanted, const char* found) const;

  private:
    mutable bool faulty_ = false;
    mutable std::string message_;
};

enum class Isolation {
    serial,  // as if all writes ran one after the other
    claim,   // Store::claim()
};

class Engine {
  public:
    virtual ~Engine() = default;
    virtual Status read(FunctionRef<Status(Reader&)> work) = 0;
    virtual Status write(FunctionRef<Status(Writer&)> work, Durability durability, Isolation isolation) = 0;
    virtual Status replace(FunctionRef<Status(Writer&, Refill&)> work) = 0;
    virtual Result<std::unique_ptr<Watcher>> watch(std::string_view topic) = 0;
    virtual std::unique_ptr<Loader> load(std::string_view table, std::vector<std::string> columns) = 0;
    virtual Result<std::int64_t> changes() = 0;
    virtual Status check_integrity() { return {}; }

    std::string where;
    int schema_version = 0;

  protected:
    // The callback, with the rule that a failed statement fails the whole.
    static Status run_reader(Connection& connection, FunctionRef<Status(Reader&)> work);
    static Status run_writer(Connection& connection, FunctionRef<Status(Writer&)> work,
                             std::vector<std::string>& announced);
    // The callback of replace(), and the new life.
    static Status run_refill(Connection& connection, Refill& refill,
                             FunctionRef<Status(Writer&, Refill&)> work);
};

class Watcher {
  public:
    virtual ~Watcher() = default;
    virtual bool wait(std::chrono::milliseconds timeout, const std::stop_token& stop) = 0;
};

class Loader {
  public:
    virtual ~Loader() = default;
    virtual Status add(std::span<const Value> row) = 0;
    virtual Status finish() = 0;
};

// Text that one of the two would refuse or cut is refused by both.
Status check_values(std::span<const Value> values);

// The tables that a database names, column by column; those that are not copied are left out.
class TableList {
  public:
    // A table's columns come one after the other; of no kind of ours, the table is none of ours.
    void add(std::string_view table, std::string_view column, Value::Kind kind);
    void add_key(std::string_view table, std::string_view column);
    // `corrupt` where there is one that is none of ours.
    Result<std::vector<Table>> finish();

  private:
    std::vector<Table> tables_;
    std::string odd_;
};
// "a", as both databases take it.
std::string quoted_name(std::string_view name);
// INSERT INTO "t" ("a", "b") VALUES ($1, $2)
std::string insert_into(const Table& table);

// The room's own tables: the outbox, and the store's life.
Schema own_schema();

Result<std::unique_ptr<Engine>> open_sqlite(const Options& options);
Result<std::unique_ptr<Engine>> open_postgres(const Options& options);

}  // namespace rushlight::store
