#include "store/postgres_connection.h"

#include "base/text.h"
#include "store/dialect.h"
#include "store/postgres_wire.h"

#include <array>
#include <cstdlib>
#include <vector>

#include <libpq-fe.h>

namespace rushlight::store {
namespace {

constexpr std::size_t kMostStatements = 512;

class PostgresRow final : public CheckedRow {
  public:
    ~PostgresRow() = default;

    // The whole of an answer, or the one row of it that has come.
    void look_at(const PGresult* result, int row) {
        result_ = result;
        row_ = row;
        columns_ = PQnfields(result);
    }

    bool is_null(int column) const override {
        return column >= columns_ || PQgetisnull(result_, row_, column) != 0;
    }

    std::int64_t integer(int column) const override {
        const char* data = value(column, "an integer");
        if (data == nullptr) return 0;
        switch (PQftype(result_, column)) {
            case oid::kInt8:
                return static_cast<std::int64_t>(big_endian(data, 8));
            case oid::kInt4:
                return static_cast<std::int32_t>(big_endian(data, 4));
            case oid::kInt2:
                return static_cast<std::int16_t>(big_endian(data, 2));
            case oid::kBool:
                return data[0] != 0 ? 1 : 0;
            default:
                mismatch(column, "an integer", "another type: say CAST(… AS BIGINT)");
                return 0;
        }
    }
    double real(int column) const override {
        const char* data = value(column, "a real number");
        if (data == nullptr) return 0;
        switch (PQftype(result_, column)) {
            case oid::kFloat8:
                return std::bit_cast<double>(big_endian(data, 8));
            case oid::kFloat4:
                return std::bit_cast<float>(static_cast<std::uint32_t>(big_endian(data, 4)));
            default:
                mismatch(column, "a real number", "another type");
                return 0;
        }
    }
    std::string_view text(int column) const override {
        const char* data = value(column, "text");
        if (data == nullptr) return {};
        switch (PQftype(result_, column)) {
            case oid::kText:
            case oid::kVarchar:
            case oid::kBpchar:
            case oid::kName:
            case oid::kUnknown:
                return view(data, column);
            default:
                mismatch(column, "text", "another type");
                return {};
        }
    }
    Bytes bytes(int column) const override {
        const char* data = value(column, "bytes");
        if (data == nullptr) return {};
        if (PQftype(result_, column) == oid::kBytea) return bytes_of(view(data, column));
        mismatch(column, "bytes", "another type");
        return {};
    }

  private:
    std::string_view view(const char* data, int column) const {
        return {data, static_cast<std::size_t>(PQgetlength(result_, row_, column))};
    }
    const char* value(int column, const char* wanted) const {
        if (column >= columns_) {
            mismatch(column, wanted, "not there");
            return nullptr;
        }
        if (PQgetisnull(result_, row_, column) != 0) {
            mismatch(column, wanted, "NULL");
            return nullptr;
        }
        return PQgetvalue(result_, row_, column);
    }

    const PGresult* result_ = nullptr;
    int row_ = 0;
    int columns_ = 0;
};

// The parameters as libpq wants them. Numbers are turned round into their own room; text and bytes are lent.
struct Arguments {
    std::vector<const char*> data;
    std::vector<int> lengths;
    std::vector<int> formats;
    std::vector<std::array<char, 8>> numbers;

    explicit Arguments(std::span<const Value> values)
        : data(values.size()), lengths(values.size()), formats(values.size(), 1), numbers(values.size()) {
        for (std::size_t i = 0; i < values.size(); ++i) {
            const Value& value = values[i];
            switch (value.kind()) {
                case Value::Kind::null:
                    break;
                case Value::Kind::integer:
                case Value::Kind::real:
                    for (std::size_t b = 0; b < 8; ++b)
                        numbers[i][b] = static_cast<char>(bits_of(value) >> (56 - 8 * b) & 0xff);
                    data[i] = numbers[i].data();
                    lengths[i] = 8;
                    break;
                case Value::Kind::text:
                case Value::Kind::bytes:
                    data[i] = value.text().data() != nullptr ? value.text().data() : "";
                    lengths[i] = static_cast<int>(value.text().size());
                    break;
            }
        }
    }
};

std::string message_of(const PGconn* connection, const PGresult* result) {
    const char* words = result != nullptr ? PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY) : nullptr;
    std::string message(words != nullptr ? words : PQerrorMessage(connection));
    return std::string(trim(message));
}

}  // namespace

void ResultDeleter::operator()(pg_result* result) const { PQclear(result); }

Result<std::unique_ptr<PostgresConnection>> PostgresConnection::open(const std::string& address,
                                                                     const std::string& name) {
    // What stands behind "dbname" wins over the address's own settings, what stands before it does not.
    // A server that has gone without a word is given up after some ten seconds (the last time is in ms).
    constexpr std::array kKeys{"connect_timeout",  "keepalives_idle",  "keepalives_interval",
                               "keepalives_count", "tcp_user_timeout", "fallback_application_name",
                               "dbname",           "client_encoding",  static_cast<const char*>(nullptr)};
    const std::array<const char*, kKeys.size()> settings{
        "10", "10", "3", "3", "10000", "rushlight", address.c_str(), "UTF8", nullptr};
    PGconn* handle = PQconnectdbParams(kKeys.data(), settings.data(), 1);
    std::unique_ptr<PostgresConnection> connection(new PostgresConnection(handle, name));
    if (handle == nullptr) return fail(ErrorCode::io, "not enough memory to connect to " + name);
    if (PQstatus(handle) != CONNECTION_OK) {
        const std::string reason = message_of(handle, nullptr);
        if (PQconnectionNeedsPassword(handle) != 0)
            return fail(ErrorCode::denied,
                        "the database server of " + name +
                            " asks for a password: put it into a file as PostgreSQL's documentation "
                            "on password files says, and name that file in PGPASSFILE.");
        return fail(ErrorCode::unavailable,
                    "cannot reach the database " + name + ": " + reason +
                        ". Is the server running, and are the address and the user right?");
    }
    PQsetNoticeProcessor(
        handle, [](void*, const char*) {}, nullptr);  // "relation exists, skipping" is no news
    if (PQserverVersion(handle) < 130000)
        return fail(ErrorCode::unavailable,
                    "the database server of " + name + " is older than PostgreSQL 13");
    // Without this a server goes on for hours with the work of a process that was killed, and keeps its
    // locks.
    if (PQserverVersion(handle) >= 140000)
        if (auto set = connection->script("SET client_connection_check_interval = 1000"); !set)
            return pass(std::move(set.error()));
    return connection;
}

PostgresConnection::~PostgresConnection() { PQfinish(handle_); }

bool PostgresConnection::usable() const {
    return PQstatus(handle_) == CONNECTION_OK && PQtransactionStatus(handle_) == PQTRANS_IDLE;
}
bool PostgresConnection::lost() const { return PQstatus(handle_) != CONNECTION_OK; }

Result<std::string> PostgresConnection::prepare(std::string_view sql, std::span<const Value> values) {
    key_.clear();
    for (const Value& value : values) key_ += static_cast<char>('0' + static_cast<int>(value.kind()));
    key_ += sql;
    if (const auto found = statements_.find(key_); found != statements_.end()) return found->second;
    if (static_cast<std::size_t>(highest_parameter(sql)) != values.size())
        return fail(ErrorCode::invalid, "as many values as parameters are needed: " + std::string(sql));
    if (statements_.size() >= kMostStatements) {
        if (auto forgotten = script("DEALLOCATE ALL"); !forgotten) return pass(std::move(forgotten.error()));
        statements_.clear();
    }
    std::vector<Oid> types;
    for (const Value& value : values) types.push_back(type_of(value.kind()));
    std::string name = "s" + std::to_string(prepared_++);
    const PgResult result(PQprepare(handle_, name.c_str(), std::string(sql).c_str(),
                                    static_cast<int>(types.size()), types.data()));
    if (PQresultStatus(result.get()) != PGRES_COMMAND_OK) return error(result.get(), sql);
    statements_.emplace(key_, name);
    return name;
}

Result<std::int64_t> PostgresConnection::run(std::string_view sql, std::span<const Value> values,
                                             const FunctionRef<bool(const Row&)>* use) {
    retry_ = false;
    const auto name = prepare(sql, values);
    if (!name) return pass(name.error());
    const Arguments arguments(values);
    if (PQsendQueryPrepared(handle_, name->c_str(), static_cast<int>(values.size()), arguments.data.data(),
                            arguments.lengths.data(), arguments.formats.data(), 1) == 0)
        return error(nullptr, sql);
    if (use != nullptr) {
#ifdef LIBPQ_HAS_CHUNK_MODE
        PQsetChunkedRowsMode(handle_, 1024);
#else
        PQsetSingleRowMode(handle_);
#endif
    }

    // The connection takes nothing new before it has given its whole answer, so each way out leads to the end
    // of it.
    // NOLINTNEXTLINE(cppcoreguidelines-special-member-functions): there is only the one below
    struct Drain {
        PGconn* handle;
        ~Drain() {
            while (PGresult* result = PQgetResult(handle)) PQclear(result);
        }
    } drain{handle_};
    std::int64_t rows = 0;
    PostgresRow row;
    while (PgResult result{PQgetResult(handle_)}) {
        const ExecStatusType status = PQresultStatus(result.get());
        if (status == PGRES_COMMAND_OK || (use == nullptr && status == PGRES_TUPLES_OK)) {
            rows = std::strtoll(PQcmdTuples(result.get()), nullptr, 10);
            continue;
        }
        bool some = status == PGRES_TUPLES_OK || status == PGRES_SINGLE_TUPLE;
#ifdef LIBPQ_HAS_CHUNK_MODE
        some = some || status == PGRES_TUPLES_CHUNK;
#endif
        if (!some) return error(result.get(), sql);
        for (int i = 0; i < PQntuples(result.get()); ++i) {
            row.look_at(result.get(), i);
            ++rows;
            const bool more = (*use)(row);
            if (row.faulty()) return row.fault();
            if (!more) return rows;
        }
    }
    return rows;
}

Status PostgresConnection::script(std::string_view sql) {
    retry_ = false;
    const PgResult result(PQexec(handle_, std::string(sql).c_str()));
    const ExecStatusType status = PQresultStatus(result.get());
    if (status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK) return {};
    return error(result.get(), sql);
}

Status PostgresConnection::take_turn(std::string_view name) {
    // A hash of the name: two names that share one only wait for each other needlessly.
    const Value values[] = {name};
    return run("SELECT pg_advisory_xact_lock(hashtextextended($1, 7305))", values, nullptr)
        .map([](std::int64_t) {});
}

Status PostgresConnection::notify(std::string_view channel) {
    const Value values[] = {channel};
    return run("SELECT pg_notify($1, '')", values, nullptr).map([](std::int64_t) {});
}

bool PostgresConnection::take_notifications() {
    bool some = false;
    if (PQconsumeInput(handle_) == 0) return false;
    while (PGnotify* notification = PQnotifies(handle_)) {
        PQfreemem(notification);
        some = true;
    }
    return some;
}

int PostgresConnection::socket() const { return PQsocket(handle_); }

Status PostgresConnection::copy_in(std::string_view sql, std::string_view data) {
    {
        const PgResult result(PQexec(handle_, std::string(sql).c_str()));
        if (PQresultStatus(result.get()) != PGRES_COPY_IN) return error(result.get(), sql);
    }
    constexpr std::size_t kPiece = 1U << 20;
    for (std::size_t at = 0; at < data.size(); at += kPiece) {
        const std::string_view piece = data.substr(at, kPiece);
        if (PQputCopyData(handle_, piece.data(), static_cast<int>(piece.size())) != 1) break;  // told below
    }
    PQputCopyEnd(handle_, nullptr);
    Status status;
    while (PgResult result{PQgetResult(handle_)})
        if (PQresultStatus(result.get()) != PGRES_COMMAND_OK && status) status = error(result.get(), sql);
    if (status && lost()) status = error(nullptr, sql);
    return status;
}

tl::unexpected<Error> PostgresConnection::error(const pg_result* result, std::string_view sql) {
    const char* field = result != nullptr ? PQresultErrorField(result, PG_DIAG_SQLSTATE) : nullptr;
    const std::string_view state = field != nullptr ? field : "";
    const std::string reason = message_of(handle_, result);
    retry_ = state == "40001" || state == "40P01";
    if (lost() || state.starts_with("08") || state.starts_with("57P"))
        return fail(ErrorCode::unavailable, "the connection to the database " + name_ + " was lost: " +
                                                reason + ". Try again when the server is back.");
    if (retry_)
        return fail(ErrorCode::unavailable, "others kept changing the same rows of " + name_ + ": try again");
    if (state == "53100")
        return fail(ErrorCode::io,
                    "the disk of the database " + name_ + " is full: " + reason +
                        ". Free some space there and try again. Nothing that was stored before is lost.");
    if (state == "53300" || state == "55P03" || state.starts_with("53"))
        return fail(ErrorCode::unavailable,
                    "the database " + name_ + " is busy: " + reason + ". Try again later.");
    if (state == "57014")
        return fail(ErrorCode::cancelled, "the database " + name_ + " stopped the statement");
    if (state == "42501" || state.starts_with("28"))
        return fail(ErrorCode::denied, "the database " + name_ + " does not permit it: " + reason);
    if (state == "25006")
        return fail(ErrorCode::denied, "the database " + name_ + " can only be read (a standby?): " + reason);
    if (state == "23505") return fail(ErrorCode::conflict, "there is such a row already: " + reason);
    if (state.starts_with("23")) return fail(ErrorCode::invalid, "a rule of the schema is broken: " + reason);
    if (state.starts_with("XX0"))
        return fail(ErrorCode::corrupt, "the database " + name_ + " is damaged: " + reason);
    if (state.starts_with("54"))
        return fail(ErrorCode::limit, "too much for the database " + name_ + ": " + reason);
    return fail(ErrorCode::invalid, reason + ", in: " + std::string(sql.substr(0, 500)));
}

}  // namespace rushlight::store
