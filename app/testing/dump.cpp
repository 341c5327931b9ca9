#include "app/testing/dump.h"

#include "base/digest.h"

#include <algorithm>
#include <filesystem>
#include <memory>
#include <set>
#include <stdexcept>
#include <string_view>
#include <utility>
#include <vector>

#include <sqlite3.h>

namespace rushlight::app::testing {
namespace {

namespace fs = std::filesystem;

bool is_left_out(std::string_view table) {
    static const std::set<std::string_view> names{
        "check_canary",       // the canary sings by its own clock
        "check_count",        // … and is counted
        "queue_worker",       // workers say that they are alive
        "audit_checkpoint",   // once an hour
        "accounts_failures",  // wrong passwords are counted on purpose
        "accounts_known_peer",
    };
    return table.starts_with("sqlite_") || names.contains(table);
}

bool is_left_out(std::string_view table, std::string_view column) {
    static const std::set<std::pair<std::string_view, std::string_view>> names{
        {"accounts_session", "used_at"},  // whoever asks with it uses it
        {"accounts_session", "ends_at"},
        {"accounts_key", "used_at"},
    };
    return names.contains({table, column});
}

class Database {
  public:
    explicit Database(const std::string& file) {
        if (::sqlite3_open_v2(file.c_str(), &db_, SQLITE_OPEN_READONLY, nullptr) != SQLITE_OK)
            throw std::runtime_error("cannot open " + file);
        ::sqlite3_busy_timeout(db_, 10'000);
    }
    ~Database() { ::sqlite3_close(db_); }
    Database(const Database&) = delete;
    Database& operator=(const Database&) = delete;

    // The first column of each row.
    std::vector<std::string> texts(const std::string& sql) const {
        sqlite3_stmt* prepared = nullptr;
        if (::sqlite3_prepare_v2(db_, sql.c_str(), -1, &prepared, nullptr) != SQLITE_OK)
            throw std::runtime_error(std::string(::sqlite3_errmsg(db_)) + ": " + sql);
        const std::unique_ptr<sqlite3_stmt, int (*)(sqlite3_stmt*)> statement(prepared, ::sqlite3_finalize);
        std::vector<std::string> rows;
        int result = SQLITE_ROW;
        while ((result = ::sqlite3_step(prepared)) == SQLITE_ROW) {
            const auto* text = reinterpret_cast<const char*>(::sqlite3_column_text(prepared, 0));
            rows.emplace_back(text != nullptr ? text : "");
        }
        if (result != SQLITE_DONE) throw std::runtime_error(::sqlite3_errmsg(db_));
        return rows;
    }

  private:
    sqlite3* db_ = nullptr;
};

std::string line_of(const Database& database, const std::string& table) {
    std::string values;
    for (const std::string& column : database.texts("SELECT name FROM pragma_table_info('" + table + "')")) {
        if (is_left_out(table, column)) continue;
        values += (values.empty() ? "quote(\"" : " || ',' || quote(\"") + column + "\")";
    }
    auto rows = database.texts("SELECT " + values + " FROM \"" + table + '"');
    std::ranges::sort(rows);
    std::string all;
    for (const std::string& row : rows) all += row + '\n';
    return std::to_string(rows.size()) + " rows " + sha256_of(bytes_of(all)).hex().substr(0, 16);
}

}  // namespace

std::map<std::string, std::string> dump(const std::string& data) {
    std::map<std::string, std::string> lines;
    const Database database(data + "/rushlight.db");
    for (const std::string& table : database.texts("SELECT name FROM sqlite_schema WHERE type = 'table'")) {
        if (!is_left_out(table)) lines[table] = line_of(database, table);
    }
    for (const auto& entry : fs::recursive_directory_iterator(data)) {
        const std::string name = fs::relative(entry.path(), data).native();
        if (!entry.is_regular_file() || name.starts_with("rushlight.db")) continue;
        lines[name] = std::to_string(entry.file_size()) + " bytes";
    }
    return lines;
}

std::string difference(const std::map<std::string, std::string>& before,
                       const std::map<std::string, std::string>& after) {
    std::string text;
    for (const auto& [name, line] : before) {
        const auto now = after.find(name);
        if (now == after.end()) {
            text += name + " is gone\n";
        } else if (now->second != line) {
            text += name + ": " + line + " -> " + now->second + '\n';
        }
    }
    for (const auto& [name, line] : after) {
        if (!before.contains(name)) text += name + " is new: " + line + '\n';
    }
    return text;
}

}  // namespace rushlight::app::testing
