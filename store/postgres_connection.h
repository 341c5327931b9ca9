// One connection to PostgreSQL: binary parameters and answers, its statements, and its errors in words.
#pragma once

#include "store/engine.h"

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>

struct pg_conn;
struct pg_result;

namespace rushlight::store {

struct ResultDeleter {
    void operator()(pg_result* result) const;
};
using PgResult = std::unique_ptr<pg_result, ResultDeleter>;

class PostgresConnection final : public Connection {
  public:
    // `address` is a postgresql:// URL without a password; `name` is it as people see it.
    static Result<std::unique_ptr<PostgresConnection>> open(const std::string& address,
                                                            const std::string& name);
    ~PostgresConnection() override;
    PostgresConnection(const PostgresConnection&) = delete;
    PostgresConnection& operator=(const PostgresConnection&) = delete;

    Result<std::int64_t> run(std::string_view sql, std::span<const Value> values,
                             const FunctionRef<bool(const Row&)>* use) override;
    Status script(std::string_view sql) override;
    Status take_turn(std::string_view name) override;
    std::string_view skip_locked() const override { return " FOR UPDATE SKIP LOCKED"; }
    Result<std::vector<Table>> tables() override;
    Result<std::map<std::string, std::int64_t>> counters() override;

    // COPY … FROM STDIN of whole binary data.
    Status copy_in(std::string_view sql, std::string_view data);

    // Tells the sessions that listen on a channel.
    Status notify(std::string_view channel);
    // Takes what the server has sent: whether there was a notification.
    bool take_notifications();
    int socket() const;

    bool usable() const;                          // still connected, and in no transaction
    bool lost() const;                            // the server is gone
    bool should_retry() const { return retry_; }  // the last error was a conflict between transactions

  private:
    PostgresConnection(pg_conn* handle, std::string name) : handle_(handle), name_(std::move(name)) {}

    struct TextHash {
        using is_transparent = void;
        std::size_t operator()(std::string_view text) const { return std::hash<std::string_view>{}(text); }
    };

    Result<std::string> prepare(std::string_view sql, std::span<const Value> values);
    tl::unexpected<Error> error(const pg_result* result, std::string_view sql);

    pg_conn* handle_;
    std::string name_;
    std::unordered_map<std::string, std::string, TextHash, std::equal_to<>>
        statements_;  // kinds + SQL → name
    std::string key_;
    std::size_t prepared_ = 0;
    bool retry_ = false;
};

}  // namespace rushlight::store
