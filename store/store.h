// store: everything Rushlight keeps, in SQLite (one folder, the default) or PostgreSQL, behind one thin door.
//
//   auto store = Store::open({.where = "./var", .schemas = {lists::schema()}});
//   store->write([&](Writer& w) -> Status {
//       return w.run("INSERT INTO list (name, created_at) VALUES ($1, $2)", {name, now}).map([](auto) {});
//   });
//   store->read([&](Reader& r) {
//       return r.each("SELECT id, name FROM list", {}, [&](const Row& row) { use(row.integer(0),
//       row.text(1)); });
//   });
//
// The SQL is the subset of store/README.md, which both understand; a room owns its tables, and nobody else
// touches them. Parameters are $1, $2, … in both.
//
// Threads: a Store may be used from any thread. A Reader, a Writer and a Row belong to the callback that got
// them and die with it. Callbacks are short (others wait), do not open a transaction of the same store inside
// one of a Writer, and MAY RUN MORE THAN ONCE (a conflict on PostgreSQL, a neighbour that failed): they set
// results, they do not add to them. A write's callback may run on another thread than the caller's, which
// waits for it.
//
// Errors: a failed statement fails its transaction: everything that it did is undone, later statements in it
// return the same error, and so does read() or write(). `conflict`: a row with that key is there already.
// `invalid`: another rule of the schema, or wrong SQL. `unavailable`: locked or out of reach; try later.
// `io`: disk full, for instance; `corrupt`: the stored data is damaged. The message says where and what to
// do.
#pragma once

#include "base/result.h"
#include "base/time.h"
#include "store/function_ref.h"
#include "store/value.h"

#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

namespace rushlight::store {

class Connection;  // private: one connection to either database
class Refill;      // store/copy.h
struct CopyAccess;
class Engine;   // private: the connections and who may use them when
class Loader;   // private: the half of BulkLoad that knows its database
class Watcher;  // private: the half of Watch that knows its database

// One step of a room's schema; forward only, never changed once released. Several statements, written as
// SQLite's DDL with the words of store/README.md (INTEGER, REAL, TEXT, BLOB, INTEGER PRIMARY KEY, STRICT …),
// which PostgreSQL gets translated. Where that is not enough `postgres` holds its own text.
struct Migration {
    int number = 0;         // 1, 2, 3 … without a gap
    std::string_view name;  // "lists and entries", for people
    std::string_view sql;
    std::string_view postgres = {};
};

// What one room brings. The texts must outlive the call of open() only.
struct Schema {
    std::string_view room;  // "match"
    std::vector<Migration> migrations;
};

struct Options {
    std::string
        where;  // a folder (made if need be; the file in it is rushlight.db), or postgresql://user@host/db
    std::vector<Schema> schemas = {};  // of every room of the program, in floor order
    int readers = 4;                   // reads at the same time; PostgreSQL: connections for all uses
    std::chrono::milliseconds busy_timeout{10'000};        // to wait for another process, or a connection
    std::chrono::milliseconds migration_timeout{600'000};  // … while that one migrates
    int backups_kept = 3;  // in DATA/backup, one before each upgrade of the schema
    // Room → its last migration to apply, none where a room is not named: a store as an older program made
    // it.
    std::optional<std::map<std::string, int>> stop_at = {};
};

// What an acknowledged write survives.
enum class Durability {
    power_cut,  // a power cut, and all below: one fsync, shared by the writes that wait at the same time
    process,    // the end of this process, kill -9 too; a power cut (PostgreSQL: a crash of the server) may
                // undo the last moments, never more and never half of a transaction
};

// One row of an answer. Columns count from 0. Views are valid until the callback returns.
// Asking for another type than the column has, or for anything but is_null() of a NULL, fails the transaction
// with `corrupt`, after the callback; the value returned then is zero or empty.
class Row {
  public:
    virtual bool is_null(int column) const = 0;
    virtual std::int64_t integer(int column) const = 0;  // also of a comparison: 0, 1
    virtual double real(int column) const = 0;
    virtual std::string_view text(int column) const = 0;
    virtual Bytes bytes(int column) const = 0;
    Time time(int column) const { return {integer(column)}; }
    std::optional<std::int64_t> integer_or_null(int column) const {
        return is_null(column) ? std::nullopt : std::optional(integer(column));
    }
    std::string_view text_or_empty(int column) const {
        return is_null(column) ? std::string_view{} : text(column);
    }

  protected:
    ~Row() = default;
};

// A consistent state of the whole store: what others commit meanwhile is not seen.
class Reader {
  public:
    // Calls `use` with each row. `use` returns nothing, or bool: false ends the reading (PostgreSQL still
    // sends the rest: say LIMIT where you can). Rows stream; memory does not grow with their number. No other
    // statement of this Reader may run inside `use`.
    template <class F>
    Status each(std::string_view sql, Params params, F&& use);
    // At most one row: whether there was one. A second row is not looked at.
    template <class F>
    Result<bool> one(std::string_view sql, Params params, F&& use);
    // The first column of the only row; nullopt where there is no row or NULL in it.
    Result<std::optional<std::int64_t>> integer(std::string_view sql, Params params = {});

  protected:
    friend class Engine;
    friend struct CopyAccess;
    explicit Reader(Connection& connection) : connection_(connection) {}
    Result<std::int64_t> execute(std::string_view sql, Params params,
                                 const FunctionRef<bool(const Row&)>* use);

    Connection& connection_;
    std::optional<Error> failed_;
    bool busy_ = false;
};

// The same inside a transaction that writes; it sees its own changes.
class Writer : public Reader {
  public:
    // Returns how many rows were inserted, changed or deleted. For INSERT … RETURNING use integer() or one().
    Result<std::int64_t> run(std::string_view sql, Params params = {});
    // From here until the end of this transaction no other transaction runs that asked for the same name:
    // numbers drawn meanwhile become visible in their order, so that a reader that remembers the last one it
    // saw misses none. (SQLite writes one after the other anyway.)
    Status take_turn(std::string_view name);
    // Once this transaction has been committed, whoever watches this topic (Store::watch) wakes, in every
    // process that has the store open. The topic goes into SQL: it is the program's own, letters only.
    void announce(std::string_view topic);

  protected:
    friend class Engine;
    using Reader::Reader;

  private:
    std::vector<std::string> announced_;
};

// Inside Store::claim(): a Writer that can also take rows which nobody else is taking.
class Claimer final : public Writer {
  public:
    // The rows of a SELECT from one table that no other claim holds, in its order and up to its LIMIT. They
    // are held, and passed over by the claims of others, until this transaction ends: change them now.
    template <class F>
    Status each_free(std::string_view sql, Params params, F&& use);

  private:
    friend class Engine;
    using Writer::Writer;
    Status execute_free(std::string_view sql, Params params, const FunctionRef<bool(const Row&)>& use);
};

// Very many rows into one table, fast, in many small transactions (some 20 ms each), so that others can write
// in between: 10 million rows never hold anybody up. Rows are visible as they come; a room stages them (a
// table or an import number that nobody looks at yet) and publishes with one short write() after finish(),
// and deletes what a killed import left. Not for several threads.
class BulkLoad {
  public:
    BulkLoad(BulkLoad&&) noexcept;
    BulkLoad& operator=(BulkLoad&&) noexcept;
    ~BulkLoad();  // without finish(), the last rows are not stored

    // One row, in the order of the columns; kinds are exactly the columns' own. After an error all calls
    // fail.
    Status add(Params row);
    // Stores the rest. They survive a power cut with the next write() of Durability::power_cut.
    Status finish();
    std::int64_t added() const { return added_; }

  private:
    friend class Store;
    explicit BulkLoad(std::unique_ptr<Loader> loader);

    std::unique_ptr<Loader> loader_;
    std::int64_t added_ = 0;
};

// Wakes whoever waits for work. For one thread; must not outlive its Store. On PostgreSQL it holds a
// connection of its own.
class Watch {
  public:
    Watch(Watch&&) noexcept;
    Watch& operator=(Watch&&) noexcept;
    ~Watch();

    // True when the topic was announced since the last call, or since the watch was made: nothing is missed
    // in between. It may also be true where nothing happened, so look and wait again. False when the time is
    // over or a stop was asked for. Where the database is out of reach nobody can be told: it waits on and
    // answers true when it is back. An announcement can be lost with the process that made it, so look now
    // and then.
    bool wait_for_change(std::chrono::milliseconds timeout, const std::stop_token& stop);

  private:
    friend class Store;
    explicit Watch(std::unique_ptr<Watcher> watcher);

    std::unique_ptr<Watcher> watcher_;
};

class Store {
  public:
    // Opens, makes what is missing, and brings the schema up to date (under a lock, each migration in its own
    // transaction, after a backup where the store is a folder that already holds something).
    // `conflict` where a newer Rushlight made it.
    static Result<Store> open(Options options);
    Store(Store&&) noexcept;
    Store& operator=(Store&&) noexcept;
    ~Store();  // no transaction may be running

    // F: Status(Reader&). Never waits for a write.
    template <class F>
    Status read(F&& work) {
        return read_with(work);
    }
    // F: Status(Writer&); an error that it returns undoes its work. Returns when the work is as durable as
    // asked.
    template <class F>
    Status write(F&& work, Durability durability = Durability::power_cut) {
        return write_with(work, durability);
    }
    // F: Status(Claimer&). For taking work off a table that several processes share, without standing in each
    // other's way. On PostgreSQL its statements see what others have committed up to each of them, not one
    // state: so change only rows that each_free() gave, or that one statement finds and changes itself.
    // Lost with a power cut unless asked otherwise: what was taken is then simply there to be taken again.
    template <class F>
    Status claim(F&& work, Durability durability = Durability::process) {
        const auto as_claimer = [&work](Writer& writer) -> Status {
            return work(static_cast<Claimer&>(writer));
        };
        return claim_with(as_claimer, durability);
    }
    // F: Status(Writer&, Refill&), of store/copy.h: puts other content into the place of all that is there,
    // in one transaction that nobody sees half of, and that waits for no one but keeps all writers waiting.
    // It begins a new life of the store. Not on a store that others upgrade at the same time.
    template <class F>
    Status replace(F&& work) {
        return replace_with(work);
    }
    // Another number after each replace(): what was kept in memory of the store before is not true any more.
    Result<std::int64_t> life();
    Result<Watch> watch(std::string_view topic);
    // The names go into SQL as they are: they are the program's own, never from outside.
    Result<BulkLoad> bulk_load(std::string_view table, std::vector<std::string> columns);

    // Differs from an earlier answer of this Store if anybody committed a change in between, in this or
    // another process (it may also differ where nothing changed). Takes microseconds: made to be asked many
    // times a second.
    Result<std::int64_t> changes();
    // Reads all that is stored, and fails with `corrupt` in words where the file is damaged: SQLite's own
    // check of its pages, seconds a gigabyte. A PostgreSQL server looks after its pages itself, nothing is
    // done.
    Status check_integrity();
    // How many migrations the store has had, over all rooms.
    int schema_version() const;
    // For people: the file's path, or the server's address without any password.
    const std::string& where() const;

  private:
    explicit Store(std::unique_ptr<Engine> engine);
    Status read_with(FunctionRef<Status(Reader&)> work);
    Status write_with(FunctionRef<Status(Writer&)> work, Durability durability);
    Status claim_with(FunctionRef<Status(Writer&)> work, Durability durability);
    Status replace_with(FunctionRef<Status(Writer&, Refill&)> work);

    std::unique_ptr<Engine> engine_;
};

// The outbox: what one room hands to a later one, stored in the same transaction as the reason for it. A
// consumer reads in order behind its own position and moves that on in the transaction that did the work:
// each item is worked on once, none is lost.
namespace outbox {

struct Item {
    std::int64_t id = 0;  // rises in the order in which items become visible
    Time at;
    std::string_view body;
};

Status append(Writer& writer, std::string_view topic, std::string_view body, Time at);
Result<std::int64_t> position(Reader& reader, std::string_view consumer,
                              std::string_view topic);  // 0: at the start
// Up to `limit` items behind `after`.
Status items(Reader& reader, std::string_view topic, std::int64_t after, int limit,
             FunctionRef<void(const Item&)> use);
Status advance(Writer& writer, std::string_view consumer, std::string_view topic, std::int64_t to);

}  // namespace outbox

// ---------------------------------------------------------------------------------------------------------------

template <class F>
Status Reader::each(std::string_view sql, Params params, F&& use) {
    auto take = [&use](const Row& row) {
        if constexpr (std::is_void_v<decltype(use(row))>) {
            use(row);
            return true;
        } else {
            return static_cast<bool>(use(row));
        }
    };
    const FunctionRef<bool(const Row&)> ref(take);
    return execute(sql, params, &ref).map([](std::int64_t) {});
}

template <class F>
Status Claimer::each_free(std::string_view sql, Params params, F&& use) {
    auto take = [&use](const Row& row) {
        use(row);
        return true;
    };
    return execute_free(sql, params, take);
}

template <class F>
Result<bool> Reader::one(std::string_view sql, Params params, F&& use) {
    bool found = false;
    auto status = each(sql, params, [&](const Row& row) {
        found = true;
        use(row);
        return false;
    });
    return status.map([&] { return found; });
}

}  // namespace rushlight::store
