#include "store/sqlite_connection.h"

#include "base/text.h"

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <thread>

#include <fcntl.h>
#include <sqlite3.h>
#include <sys/stat.h>
#include <unistd.h>

namespace rushlight::store {
namespace {

// Rooms have a fixed number of texts; a bug that makes them from data must not fill the memory.
constexpr std::size_t kMostStatements = 512;

const char* type_name(int type) {
    switch (type) {
        case SQLITE_INTEGER:
            return "an integer";
        case SQLITE_FLOAT:
            return "a real number";
        case SQLITE_TEXT:
            return "text";
        case SQLITE_BLOB:
            return "bytes";
        default:
            return "NULL";
    }
}

class SqliteRow final : public CheckedRow {
  public:
    explicit SqliteRow(sqlite3_stmt* statement)
        : statement_(statement), columns_(sqlite3_column_count(statement)) {}
    ~SqliteRow() = default;

    bool is_null(int column) const override {
        return column >= columns_ || sqlite3_column_type(statement_, column) == SQLITE_NULL;
    }
    std::int64_t integer(int column) const override {
        return is(column, SQLITE_INTEGER, "an integer") ? sqlite3_column_int64(statement_, column) : 0;
    }
    double real(int column) const override {
        return is(column, SQLITE_FLOAT, "a real number") ? sqlite3_column_double(statement_, column) : 0;
    }
    std::string_view text(int column) const override {
        if (!is(column, SQLITE_TEXT, "text")) return {};
        const auto* data = reinterpret_cast<const char*>(sqlite3_column_text(statement_, column));
        return {data, static_cast<std::size_t>(sqlite3_column_bytes(statement_, column))};
    }
    Bytes bytes(int column) const override {
        if (!is(column, SQLITE_BLOB, "bytes")) return {};
        const auto* data = static_cast<const std::byte*>(sqlite3_column_blob(statement_, column));
        return {data, static_cast<std::size_t>(sqlite3_column_bytes(statement_, column))};
    }

  private:
    bool is(int column, int wanted, const char* wanted_name) const {
        if (column >= columns_) {
            mismatch(column, wanted_name, "not there");
            return false;
        }
        const int type = sqlite3_column_type(statement_, column);
        if (type == wanted) return true;
        mismatch(column, wanted_name, type_name(type));
        return false;
    }

    sqlite3_stmt* statement_;
    int columns_;
};

// SQLite gives the log and the shared memory the rights of the file, so it is enough to make that one
// private. A file that is there already may not be opened here, not even for a moment: closing it would let
// go of all the locks that this process has on it (POSIX), and another process could then remove the log with
// what is in it.
Status make_private_file(const std::string& path) {
    const int fd = ::open(path.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0) return errno == EEXIST ? Status() : Status(fail_errno("cannot make '" + path + "'"));
    ::close(fd);
    return {};
}

}  // namespace

Result<std::unique_ptr<SqliteConnection>> SqliteConnection::open(const std::string& path, Use use,
                                                                 std::chrono::milliseconds busy_timeout) {
    if (auto made = make_private_file(path); !made) return pass(std::move(made.error()));
    sqlite3* handle = nullptr;
    const int opened = sqlite3_open_v2(
        path.c_str(), &handle, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE, nullptr);
    std::unique_ptr<SqliteConnection> connection(new SqliteConnection(handle, path, busy_timeout));
    if (opened != SQLITE_OK) return connection->error(opened, "open");
    sqlite3_busy_handler(handle, &SqliteConnection::wait_for_lock, connection.get());
    sqlite3_db_config(handle, SQLITE_DBCONFIG_DEFENSIVE, 1, nullptr);
    sqlite3_db_config(handle, SQLITE_DBCONFIG_DQS_DML, 0, nullptr);  // "text" is a name, as in PostgreSQL
    sqlite3_db_config(handle, SQLITE_DBCONFIG_DQS_DDL, 0, nullptr);
    sqlite3_db_config(handle, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, nullptr);
    // A page whose cells can't be is an error, in place of rows that are not there. The log is cut back to 64
    // MB once it has grown beyond that.
    auto status = connection->script(
        "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON; "
        "PRAGMA cell_size_check = ON; "
        "PRAGMA journal_size_limit = 67108864; PRAGMA cache_size = -16000");
    if (status && use == Use::reading) status = connection->script("PRAGMA query_only = ON");
    if (!status) return pass(std::move(status.error()));
    return connection;
}

SqliteConnection::~SqliteConnection() {
    forget_statements();
    sqlite3_close(handle_);
}

// SQLite's own handler sleeps longer and longer, so that a busy neighbour could starve us; a millisecond is
// as long as the gap that BulkLoad leaves between its transactions.
int SqliteConnection::wait_for_lock(void* self, int attempt) {
    auto& connection = *static_cast<SqliteConnection*>(self);
    const auto now = Steady::now();
    if (attempt == 0) connection.wait_began_ = now;
    if (now - connection.wait_began_ >= connection.busy_timeout_) return 0;
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
    return 1;
}

void SqliteConnection::forget_statements() {
    for (auto& [sql, statement] : statements_) sqlite3_finalize(statement.handle);
    statements_.clear();
}

bool SqliteConnection::in_transaction() const { return sqlite3_get_autocommit(handle_) == 0; }

Status SqliteConnection::set_durability(Durability durability) {
    const bool power_cut = durability == Durability::power_cut;
    if (power_cut == power_cut_) return {};
    auto status = script(power_cut ? "PRAGMA synchronous = FULL" : "PRAGMA synchronous = NORMAL");
    if (status) power_cut_ = power_cut;
    return status;
}

Result<SqliteConnection::Statement*> SqliteConnection::prepare(std::string_view sql) {
    if (const auto found = statements_.find(sql); found != statements_.end()) return &found->second;
    if (statements_.size() >= kMostStatements) forget_statements();
    Statement statement;
    const char* rest = nullptr;
    const int code = sqlite3_prepare_v3(handle_, sql.data(), static_cast<int>(sql.size()),
                                        SQLITE_PREPARE_PERSISTENT, &statement.handle, &rest);
    if (code != SQLITE_OK) return error(code, sql);
    if (statement.handle == nullptr) return fail(ErrorCode::invalid, "an empty statement");
    if (!trim(sql.substr(static_cast<std::size_t>(rest - sql.data()))).empty()) {
        sqlite3_finalize(statement.handle);
        return fail(ErrorCode::invalid,
                    "more than one statement at once: " + std::string(sql.substr(0, 500)));
    }
    const int count = sqlite3_bind_parameter_count(statement.handle);
    for (int i = 1; i <= count; ++i) {
        const char* name = sqlite3_bind_parameter_name(statement.handle, i);
        statement.parameter.push_back(name != nullptr && name[0] == '$' ? std::atoi(name + 1) : 0);
    }
    return &statements_.emplace(std::string(sql), std::move(statement)).first->second;
}

Status SqliteConnection::bind(const Statement& statement, std::span<const Value> values,
                              std::string_view sql) {
    const auto highest = std::max_element(statement.parameter.begin(), statement.parameter.end());
    if (values.size() != (highest == statement.parameter.end() ? 0 : static_cast<std::size_t>(*highest)))
        return fail(ErrorCode::invalid, "as many values as parameters are needed: " + std::string(sql));
    for (std::size_t i = 0; i < statement.parameter.size(); ++i) {
        const int number = statement.parameter[i];
        if (number < 1) return fail(ErrorCode::invalid, "parameters are $1, $2, …: " + std::string(sql));
        const Value& value = values[static_cast<std::size_t>(number) - 1];
        const int at = static_cast<int>(i) + 1;
        int code = SQLITE_OK;
        switch (value.kind()) {
            case Value::Kind::null:
                code = sqlite3_bind_null(statement.handle, at);
                break;
            case Value::Kind::integer:
                code = sqlite3_bind_int64(statement.handle, at, value.integer());
                break;
            case Value::Kind::real:
                code = sqlite3_bind_double(statement.handle, at, value.real());
                break;
            case Value::Kind::text: {
                const auto text = value.text();
                code = sqlite3_bind_text64(statement.handle, at, text.data() != nullptr ? text.data() : "",
                                           text.size(), SQLITE_STATIC, SQLITE_UTF8);
                break;
            }
            case Value::Kind::bytes: {
                const auto bytes = value.bytes();  // no bytes are not NULL
                code = bytes.empty() ? sqlite3_bind_zeroblob(statement.handle, at, 0)
                                     : sqlite3_bind_blob64(statement.handle, at, bytes.data(), bytes.size(),
                                                           SQLITE_STATIC);
                break;
            }
        }
        if (code != SQLITE_OK) return error(code, sql);
    }
    return {};
}

Result<std::int64_t> SqliteConnection::run(std::string_view sql, std::span<const Value> values,
                                           const FunctionRef<bool(const Row&)>* use) {
    auto prepared = prepare(sql);
    if (!prepared) return pass(std::move(prepared.error()));
    const Statement& statement = **prepared;
    struct Reset {
        sqlite3_stmt* handle;
        ~Reset() {
            sqlite3_reset(handle);
            sqlite3_clear_bindings(handle);  // the values were only lent
        }
    } reset{statement.handle};
    if (auto bound = bind(statement, values, sql); !bound) return pass(std::move(bound.error()));

    std::int64_t rows = 0;
    const SqliteRow row(statement.handle);
    int code = sqlite3_step(statement.handle);
    for (; code == SQLITE_ROW; code = sqlite3_step(statement.handle)) {
        ++rows;
        if (use == nullptr) continue;
        const bool more = (*use)(row);
        if (row.faulty()) return row.fault();
        if (!more) break;
    }
    if (code != SQLITE_ROW && code != SQLITE_DONE) return error(code, sql);
    if (use != nullptr) return rows;
    return sqlite3_stmt_readonly(statement.handle) != 0 ? 0 : sqlite3_changes64(handle_);
}

Status SqliteConnection::script(std::string_view sql) {
    const std::string text(sql);
    const int code = sqlite3_exec(handle_, text.c_str(), nullptr, nullptr, nullptr);
    if (code != SQLITE_OK) return error(code, sql);
    return {};
}

tl::unexpected<Error> SqliteConnection::error(int code, std::string_view sql) const {
    const std::string file = "'" + path_ + "'";
    const std::string reason = handle_ != nullptr ? sqlite3_errmsg(handle_) : sqlite3_errstr(code);
    const std::string kept = " Nothing that was stored before is lost.";
    switch (code & 0xff) {
        case SQLITE_FULL:
            return fail(ErrorCode::io, "the disk is full: " + file +
                                           " cannot grow. Free some space there and try again." + kept);
        case SQLITE_IOERR:
            // A limit or a quota of the file system; shared memory that cannot grow is a full disk too.
            if (code == SQLITE_IOERR_WRITE || code == SQLITE_IOERR_SHMSIZE)
                return fail(ErrorCode::io,
                            "the disk is full, or a size limit or quota was reached: " + file +
                                " cannot grow. Free some space or raise the limit, and try again." + kept);
            return fail(ErrorCode::io, "the system failed to read or write " + file + ": " + reason +
                                           ". Look at the disk's health." + kept);
        case SQLITE_BUSY:
        case SQLITE_LOCKED:
            return fail(ErrorCode::unavailable, "another process has kept " + file + " locked for " +
                                                    std::to_string(busy_timeout_.count() / 1000) +
                                                    " s. Wait until it is done, or end it, and try again.");
        case SQLITE_CANTOPEN:
        case SQLITE_PERM:
        case SQLITE_READONLY:
            return fail(ErrorCode::denied, "cannot write to " + file + " (" + reason +
                                               "). It and its folder must be writable for this user.");
        case SQLITE_CORRUPT:
        case SQLITE_NOTADB:
            return fail(ErrorCode::corrupt, file + " is damaged or no database (" + reason + "). " +
                                                std::string(kWhatToDoAboutDamage));
        case SQLITE_CONSTRAINT:
            if (code == SQLITE_CONSTRAINT_UNIQUE || code == SQLITE_CONSTRAINT_PRIMARYKEY ||
                code == SQLITE_CONSTRAINT_ROWID)
                return fail(ErrorCode::conflict, "there is such a row already: " + reason);
            return fail(ErrorCode::invalid, "a rule of the schema is broken: " + reason);
        case SQLITE_NOMEM:
            return fail(ErrorCode::io, "not enough memory for " + file);
        case SQLITE_TOOBIG:
            return fail(ErrorCode::limit, "a value is too large for " + file);
        default:
            return fail(ErrorCode::invalid, reason + ", in: " + std::string(sql.substr(0, 500)));
    }
}

Status SqliteConnection::back_up_to(const std::string& path) {
    const std::string part = path + ".part";
    ::unlink(part.c_str());
    if (auto made = make_private_file(part); !made) return made;
    sqlite3* copy = nullptr;
    int code = sqlite3_open_v2(part.c_str(), &copy, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, nullptr);
    if (code == SQLITE_OK) {
        sqlite3_backup* backup = sqlite3_backup_init(copy, "main", handle_, "main");
        if (backup != nullptr) sqlite3_backup_step(backup, -1);
        code = backup != nullptr ? sqlite3_backup_finish(backup) : sqlite3_errcode(copy);
    }
    sqlite3_close(copy);
    if (code != SQLITE_OK) {
        ::unlink(part.c_str());
        return fail(ErrorCode::io, "cannot write the backup '" + path +
                                       "' that an upgrade of the store needs: " + sqlite3_errstr(code) +
                                       ". Is the disk full? Nothing was changed.");
    }
    if (::rename(part.c_str(), path.c_str()) != 0)
        return fail_errno("cannot write the backup '" + path + "'");
    return {};
}

}  // namespace rushlight::store
