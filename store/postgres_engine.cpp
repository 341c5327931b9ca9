// PostgreSQL: a pool of connections; reads see one snapshot, writes behave as if they ran one after the
// other.
#include "store/engine.h"
#include "store/migrate.h"
#include "store/postgres_connection.h"
#include "store/postgres_copy.h"
#include "store/postgres_loader.h"
#include "store/postgres_watcher.h"

#include <algorithm>
#include <condition_variable>
#include <mutex>
#include <random>
#include <thread>

#include <libpq-fe.h>

namespace rushlight::store {
namespace {

constexpr int kMostTries = 30;  // of a transaction that others interfere with
// The lock under which schemas change; any number that nobody else of this database uses.
constexpr std::string_view kMigrationLock = "SELECT pg_advisory_lock(7305113)";

class PostgresEngine final : public Engine {
  public:
    PostgresEngine(std::string address, int most, std::chrono::milliseconds longest_wait,
                   std::unique_ptr<PostgresConnection> first)
        : address_(std::move(address)), most_(std::max(2, most)), longest_wait_(longest_wait) {
        free_.push_back(std::move(first));
    }

    Status read(FunctionRef<Status(Reader&)> work) override;
    Status write(FunctionRef<Status(Writer&)> work, Durability durability, Isolation isolation) override;
    Result<std::unique_ptr<Watcher>> watch(std::string_view topic) override {
        return make_postgres_watcher(address_, where, topic);
    }
    Status replace(FunctionRef<Status(Writer&, Refill&)> work) override;
    Result<std::int64_t> changes() override;
    std::unique_ptr<Loader> load(std::string_view table, std::vector<std::string> columns) override;

  private:
    // A connection of the pool for as long as this lives.
    class Lease {
      public:
        Lease(PostgresEngine& engine, std::unique_ptr<PostgresConnection> connection)
            : engine_(&engine), connection_(std::move(connection)) {}
        Lease(Lease&&) = default;
        Lease& operator=(Lease&&) = delete;
        ~Lease() {
            if (connection_) engine_->give(std::move(connection_));
        }
        PostgresConnection* operator->() const { return connection_.get(); }
        PostgresConnection& operator*() const { return *connection_; }

      private:
        PostgresEngine* engine_;
        std::unique_ptr<PostgresConnection> connection_;
    };

    Result<Lease> take();
    void give(std::unique_ptr<PostgresConnection> connection);
    // A leased connection in a transaction; a connection that went away while it was idle is replaced.
    Result<Lease> begin(std::string_view sql);

    const std::string address_;
    const int most_;
    const std::chrono::milliseconds longest_wait_;  // for a connection of the pool
    std::mutex mutex_;
    std::condition_variable changed_;
    std::vector<std::unique_ptr<PostgresConnection>> free_;
    int out_ = 0;
    std::vector<std::thread::id> writing_;
};

Result<PostgresEngine::Lease> PostgresEngine::take() {
    {
        std::unique_lock lock(mutex_);
        if (!changed_.wait_for(lock, longest_wait_, [&] { return out_ < most_; }))
            return fail(ErrorCode::unavailable, "all " + std::to_string(most_) + " connections to " + where +
                                                    " were in use for too long: try again later");
        ++out_;
        if (!free_.empty()) {
            auto connection = std::move(free_.back());
            free_.pop_back();
            return Lease(*this, std::move(connection));
        }
    }
    auto opened = PostgresConnection::open(address_, where);
    if (opened) return Lease(*this, std::move(*opened));
    give(nullptr);
    return pass(std::move(opened.error()));
}

void PostgresEngine::give(std::unique_ptr<PostgresConnection> connection) {
    if (connection && !connection->lost() && !connection->usable()) (void)connection->script("ROLLBACK");
    {
        const std::lock_guard lock(mutex_);
        --out_;
        if (connection && connection->usable()) free_.push_back(std::move(connection));
    }
    changed_.notify_one();
}

Result<PostgresEngine::Lease> PostgresEngine::begin(std::string_view sql) {
    for (;;) {
        auto lease = take();
        if (!lease) return lease;
        auto begun = (*lease)->script(sql);
        if (begun) return lease;
        if (!(*lease)->lost()) return pass(std::move(begun.error()));
        // The pool may hold more that were lost with it; each is dropped, and then a new one is tried.
        const std::lock_guard lock(mutex_);
        std::erase_if(free_, [](const auto& idle) { return idle->lost(); });
        if (free_.empty()) break;
        free_.clear();
    }
    auto lease = take();
    if (!lease) return lease;
    auto begun = (*lease)->script(sql);
    if (!begun) return pass(std::move(begun.error()));
    return lease;
}

Status PostgresEngine::read(FunctionRef<Status(Reader&)> work) {
    auto lease = begin("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY");
    if (!lease) return pass(std::move(lease.error()));
    auto status = run_reader(**lease, work);
    (void)(*lease)->script("COMMIT");  // nothing can be lost here
    return status;
}

Status PostgresEngine::write(FunctionRef<Status(Writer&)> work, Durability durability, Isolation isolation) {
    const std::thread::id self = std::this_thread::get_id();
    {
        const std::lock_guard lock(mutex_);
        if (std::ranges::find(writing_, self) != writing_.end())  // could wait for itself for ever
            return fail(ErrorCode::invalid, "a write was begun inside a write of the same store");
        writing_.push_back(self);
    }
    struct Done {
        PostgresEngine& engine;
        std::thread::id thread;
        ~Done() {
            const std::lock_guard lock(engine.mutex_);
            std::erase(engine.writing_, thread);
        }
    } done{*this, self};
    std::string first = isolation == Isolation::serial ? "BEGIN ISOLATION LEVEL SERIALIZABLE"
                                                       : "BEGIN ISOLATION LEVEL READ COMMITTED";
    if (durability == Durability::process) first += "; SET LOCAL synchronous_commit = off";
    std::vector<std::string> announced;
    std::minstd_rand random(static_cast<unsigned>(Steady::now().time_since_epoch().count()));
    for (int attempt = 1;; ++attempt) {
        auto lease = begin(first);
        if (!lease) return pass(std::move(lease.error()));
        auto status = run_writer(**lease, work, announced);
        bool retry = !status && (*lease)->should_retry();
        if (status) {
            status = (*lease)->script("COMMIT");
            retry = !status && (*lease)->should_retry();
            if (!status && (*lease)->lost())
                status.error().message += " What was being stored at that moment may or may not be there.";
        }
        // Not within the transaction: those that notify commit one after the other, disk included.
        if (status)
            for (const std::string& topic : announced) (void)(*lease)->notify(channel_of(topic));
        if (!retry || attempt == kMostTries) return status;
        // Each try waits a random time, so that two which met do not meet again.
        std::this_thread::sleep_for(std::chrono::microseconds(random() % (500U << std::min(attempt, 7))));
    }
}

// SERIALIZABLE, so that whoever wrote by what stood here before is told to do it again; the locks before the
// first look, so that nobody writes between the look and the end. Others read on. Nothing is truncated: a
// reader that began before would then find nothing at all.
Status PostgresEngine::replace(FunctionRef<Status(Writer&, Refill&)> work) {
    for (int attempt = 1;; ++attempt) {
        std::string locks;
        {
            auto lease = begin("BEGIN READ ONLY");
            if (!lease) return pass(std::move(lease.error()));
            auto all = (*lease)->tables();
            if (!all) return pass(std::move(all.error()));
            for (const Table& table : *all) locks += (locks.empty() ? "" : ", ") + quoted_name(table.name);
        }
        auto lease = begin("BEGIN ISOLATION LEVEL SERIALIZABLE");
        if (!lease) return pass(std::move(lease.error()));
        Status status;
        if (!locks.empty()) status = (*lease)->script("LOCK TABLE " + locks + " IN EXCLUSIVE MODE");
        if (status) {
            PostgresRefill refill(**lease);
            status = run_refill(**lease, refill, work);
        }
        if (status) status = (*lease)->script("COMMIT");
        if (status || !(*lease)->should_retry() || attempt == kMostTries) return status;
    }
}

// Which transactions have ended: differs as soon as one more has.
Result<std::int64_t> PostgresEngine::changes() {
    auto lease = begin("BEGIN READ ONLY");
    if (!lease) return pass(std::move(lease.error()));
    std::size_t state = 0;
    const auto take_row = [&](const Row& row) {
        state = std::hash<std::string_view>{}(row.text(0));
        return true;
    };
    const FunctionRef<bool(const Row&)> use(take_row);
    auto asked = (*lease)->run("SELECT CAST(pg_current_snapshot() AS TEXT)", {}, &use);
    return asked.map([&](std::int64_t) { return static_cast<std::int64_t>(state); });
}

std::unique_ptr<Loader> PostgresEngine::load(std::string_view table, std::vector<std::string> columns) {
    return make_postgres_loader(
        [this](std::string_view sql, std::string_view data) -> Status {
            auto lease = begin("BEGIN");
            if (!lease) return pass(std::move(lease.error()));
            return (*lease)->copy_in(sql, data).and_then([&] { return (*lease)->script("COMMIT"); });
        },
        table, columns);
}

// "postgresql://user@host:port/db" for people; `invalid` where the address is none or holds a password.
Result<std::string> shown_address(const std::string& address) {
    char* words = nullptr;
    PQconninfoOption* options = PQconninfoParse(address.c_str(), &words);
    const std::unique_ptr<char, void (*)(void*)> free_words(words, PQfreemem);
    if (options == nullptr)
        return fail(ErrorCode::invalid, std::string("the database's address cannot be read: ") +
                                            (words != nullptr ? words : "") +
                                            ". It looks like postgresql://user@host/database.");
    const std::unique_ptr<PQconninfoOption, void (*)(PQconninfoOption*)> free_options(options,
                                                                                      PQconninfoFree);
    std::string user;
    std::string host = "localhost";
    std::string port;
    std::string database;
    for (const PQconninfoOption* option = options; option->keyword != nullptr; ++option) {
        if (option->val == nullptr) continue;
        const std::string_view key = option->keyword;
        if (key == "password" || key == "sslpassword")
            return fail(ErrorCode::invalid,
                        "the database's address holds a password, which others on this machine could "
                        "read: put it into a password file and name that in PGPASSFILE");
        if (key == "user") user = std::string(option->val) + "@";
        if (key == "host" || key == "hostaddr") host = option->val;
        if (key == "port") port = std::string(":") + option->val;
        if (key == "dbname") database = option->val;
    }
    return "postgresql://" + user + host + port + "/" + database;
}

}  // namespace

Result<std::unique_ptr<Engine>> open_postgres(const Options& options) {
    auto name = shown_address(options.where);
    if (!name) return pass(std::move(name.error()));
    auto connection = PostgresConnection::open(options.where, *name);
    if (!connection) return pass(std::move(connection.error()));

    const std::string wait = "SET lock_timeout = " + std::to_string(options.migration_timeout.count());
    auto locked = (*connection)->script(wait).and_then([&] { return (*connection)->script(kMigrationLock); });
    if (!locked)
        return fail(locked.error().code, "another process is opening or upgrading the store in " + *name +
                                             ": " + locked.error().message);
    const auto no_backup = [](int) -> Status { return {}; };  // the server has its own
    auto version =
        migrate(**connection, options.schemas, {.begin = "BEGIN", .postgres = true, .back_up = no_backup});
    if (!version) return pass(std::move(version.error()));  // the lock goes with the connection
    auto unlocked = (*connection)->script("SELECT pg_advisory_unlock(7305113)").and_then([&] {
        return (*connection)->script("RESET lock_timeout");
    });
    if (!unlocked) return pass(std::move(unlocked.error()));

    auto engine = std::make_unique<PostgresEngine>(options.where, options.readers, options.busy_timeout,
                                                   std::move(*connection));
    engine->where = *name;
    engine->schema_version = *version;
    return engine;
}

}  // namespace rushlight::store
