// One SQLite connection: its statements, and its errors in words.
#pragma once

#include "store/engine.h"

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

struct sqlite3;
struct sqlite3_stmt;

namespace rushlight::store {

// What the words of every kind of damage end with.
inline constexpr std::string_view kWhatToDoAboutDamage =
    "Put a backup in its place; without one, export what can still be read of each list (rushlight list "
    "export "
    "NAME) and import it into a new data folder.";

class SqliteConnection final : public Connection {
  public:
    enum class Use { writing, reading };
    // Makes the file where it is missing.
    static Result<std::unique_ptr<SqliteConnection>> open(const std::string& path, Use use,
                                                          std::chrono::milliseconds busy_timeout);
    ~SqliteConnection() override;
    SqliteConnection(const SqliteConnection&) = delete;
    SqliteConnection& operator=(const SqliteConnection&) = delete;

    Result<std::int64_t> run(std::string_view sql, std::span<const Value> values,
                             const FunctionRef<bool(const Row&)>* use) override;
    Status script(std::string_view sql) override;
    Status take_turn(std::string_view) override { return {}; }    // one writer at a time anyway
    std::string_view skip_locked() const override { return {}; }  // so nobody else holds any
    Result<std::vector<Table>> tables() override;
    Result<std::map<std::string, std::int64_t>> counters() override;

    // One statement without parameters that is kept prepared: BEGIN, COMMIT …
    Status step(std::string_view sql) {
        return run(sql, {}, nullptr).map([](std::int64_t) {});
    }

    bool in_transaction() const;
    // May not be called inside a transaction.
    Status set_durability(Durability durability);
    // A copy of what is committed, as a file that appears whole or not at all.
    Status back_up_to(const std::string& path);

  private:
    struct Statement {
        sqlite3_stmt* handle = nullptr;
        std::vector<int> parameter;  // position in the statement → number after the $
    };
    struct TextHash {
        using is_transparent = void;
        std::size_t operator()(std::string_view text) const { return std::hash<std::string_view>{}(text); }
    };

    SqliteConnection(sqlite3* handle, std::string path, std::chrono::milliseconds busy_timeout)
        : handle_(handle), path_(std::move(path)), busy_timeout_(busy_timeout) {}

    static int wait_for_lock(void* self, int attempt);
    Result<Statement*> prepare(std::string_view sql);
    Status bind(const Statement& statement, std::span<const Value> values, std::string_view sql);
    tl::unexpected<Error> error(int code, std::string_view sql) const;
    void forget_statements();

    sqlite3* handle_;
    std::string path_;
    std::chrono::milliseconds busy_timeout_;
    Steady::time_point wait_began_;
    std::unordered_map<std::string, Statement, TextHash, std::equal_to<>> statements_;
    bool power_cut_ = true;
};

}  // namespace rushlight::store
