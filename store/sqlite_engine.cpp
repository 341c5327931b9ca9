// SQLite in one folder: a writing connection whose fsync is shared by all who wait, and some reading ones.
#include "store/engine.h"
#include "store/migrate.h"
#include "store/sqlite_connection.h"
#include "store/sqlite_copy.h"
#include "store/sqlite_files.h"
#include "store/sqlite_loader.h"
#include "store/sqlite_watcher.h"

#include <condition_variable>
#include <deque>
#include <exception>
#include <mutex>
#include <thread>

namespace rushlight::store {
namespace {

// A group commit ends after this long even if more is waiting: other processes want a turn too.
constexpr std::chrono::milliseconds kLongestGroup{20};

struct Unit {
    FunctionRef<Status(Writer&)> work;
    Durability durability;
    Status result{};
    std::vector<std::string> announced{};
    std::exception_ptr bug{};
    bool done = false;
};

class SqliteEngine final : public Engine {
  public:
    SqliteEngine(std::string path, const Options& options, std::unique_ptr<SqliteConnection> writer,
                 std::unique_ptr<SqliteConnection> watcher)
        : path_(std::move(path)),
          busy_timeout_(options.busy_timeout),
          most_readers_(std::max(1, options.readers)),
          writer_(std::move(writer)),
          watcher_(std::move(watcher)) {}

    Status read(FunctionRef<Status(Reader&)> work) override;
    // One after the other anyway: a claim is a write.
    Status write(FunctionRef<Status(Writer&)> work, Durability durability, Isolation) override;
    Status replace(FunctionRef<Status(Writer&, Refill&)> work) override {
        // A connection of its own: what it changes about itself ends with it.
        auto connection = SqliteConnection::open(path_, SqliteConnection::Use::writing, busy_timeout_);
        if (!connection) return pass(std::move(connection.error()));
        return replace_sqlite(**connection,
                              [&](Refill& refill) { return run_refill(**connection, refill, work); });
    }
    Result<std::int64_t> changes() override;
    Status check_integrity() override;
    Result<std::unique_ptr<Watcher>> watch(std::string_view topic) override {
        return make_sqlite_watcher(*this, announcements_, topic);
    }
    std::unique_ptr<Loader> load(std::string_view table, std::vector<std::string> columns) override {
        return make_sqlite_loader(*this, table, std::move(columns));
    }

  private:
    Result<std::unique_ptr<SqliteConnection>> take_reader();
    void give_reader(std::unique_ptr<SqliteConnection> reader);
    void commit(std::vector<Unit*>& group);
    void commit_alone(Unit& unit);
    void work_on(Unit& unit);

    const std::string path_;
    const std::chrono::milliseconds busy_timeout_;
    const int most_readers_;

    std::mutex readers_mutex_;
    std::condition_variable reader_free_;
    std::vector<std::unique_ptr<SqliteConnection>> free_readers_;
    int readers_ = 0;

    // Whoever finds nobody leading writes for all who wait; nobody else touches writer_.
    std::mutex queue_mutex_;
    std::condition_variable queue_moved_;
    std::deque<Unit*> queue_;
    std::thread::id leader_;
    std::unique_ptr<SqliteConnection> writer_;

    Announcements announcements_;

    std::mutex watcher_mutex_;
    std::unique_ptr<SqliteConnection> watcher_;
};

Result<std::unique_ptr<SqliteConnection>> SqliteEngine::take_reader() {
    {
        std::unique_lock lock(readers_mutex_);
        reader_free_.wait(lock, [&] { return !free_readers_.empty() || readers_ < most_readers_; });
        if (!free_readers_.empty()) {
            auto reader = std::move(free_readers_.back());
            free_readers_.pop_back();
            return reader;
        }
        ++readers_;
    }
    auto reader = SqliteConnection::open(path_, SqliteConnection::Use::reading, busy_timeout_);
    if (!reader) give_reader(nullptr);
    return reader;
}

void SqliteEngine::give_reader(std::unique_ptr<SqliteConnection> reader) {
    {
        const std::lock_guard lock(readers_mutex_);
        if (reader) {
            free_readers_.push_back(std::move(reader));
        } else {
            --readers_;
        }
    }
    reader_free_.notify_one();
}

Status SqliteEngine::read(FunctionRef<Status(Reader&)> work) {
    auto reader = take_reader();
    if (!reader) return pass(std::move(reader.error()));
    struct Return {
        SqliteEngine& engine;
        std::unique_ptr<SqliteConnection>& reader;
        ~Return() {
            // A connection that cannot end its transaction is not used again.
            if (reader->in_transaction() && !reader->step("COMMIT")) reader.reset();
            engine.give_reader(std::move(reader));
        }
    } give_back{*this, *reader};
    if (auto begun = (*reader)->step("BEGIN"); !begun) return begun;
    return run_reader(**reader, work);
}

Status SqliteEngine::write(FunctionRef<Status(Writer&)> work, Durability durability, Isolation) {
    Unit unit{work, durability};
    std::unique_lock lock(queue_mutex_);
    if (leader_ == std::this_thread::get_id())
        return fail(ErrorCode::invalid, "a write was begun inside a write of the same store");
    queue_.push_back(&unit);
    queue_moved_.wait(lock, [&] { return unit.done || leader_ == std::thread::id(); });
    if (!unit.done) {
        leader_ = std::this_thread::get_id();
        while (!unit.done) {
            std::vector<Unit*> group(queue_.begin(), queue_.end());
            queue_.clear();
            lock.unlock();
            commit(group);  // takes out of the group what it had no time for
            lock.lock();
            for (Unit* done : group) done->done = true;
            queue_moved_.notify_all();
        }
        leader_ = std::thread::id();
        lock.unlock();
        queue_moved_.notify_all();
    }
    if (unit.bug) std::rethrow_exception(unit.bug);
    if (unit.result) announcements_.announce(unit.announced);
    return std::move(unit.result);
}

void SqliteEngine::work_on(Unit& unit) {
    unit.bug = nullptr;
    try {
        unit.result = run_writer(*writer_, unit.work, unit.announced);
    } catch (...) {  // belongs to the caller, who may be another thread than this
        unit.bug = std::current_exception();
        unit.result = fail(ErrorCode::cancelled, "an exception ended this write");
    }
}

void SqliteEngine::commit_alone(Unit& unit) {
    auto begun =
        writer_->set_durability(unit.durability).and_then([&] { return writer_->step("BEGIN IMMEDIATE"); });
    if (!begun) {
        unit.result = begun;
        return;
    }
    work_on(unit);
    if (unit.result) unit.result = writer_->step("COMMIT");
    if (writer_->in_transaction()) (void)writer_->script("ROLLBACK");
}

// One transaction and one fsync for all, a savepoint for each. Where the whole fails (a full disk, say) each
// is tried again by itself, so that it gets its own answer.
void SqliteEngine::commit(std::vector<Unit*>& group) {
    if (group.size() == 1) return commit_alone(*group.front());
    auto durability = Durability::process;
    for (const Unit* unit : group)
        if (unit->durability == Durability::power_cut) durability = Durability::power_cut;
    auto whole =
        writer_->set_durability(durability).and_then([&] { return writer_->step("BEGIN IMMEDIATE"); });
    if (!whole) {
        for (Unit* unit : group) unit->result = whole;
        return;
    }
    const auto began = Steady::now();
    std::size_t worked = 0;
    while (whole && worked < group.size() && (worked == 0 || Steady::now() - began < kLongestGroup)) {
        Unit& unit = *group[worked++];
        whole = writer_->step("SAVEPOINT unit");
        if (!whole) break;
        work_on(unit);
        if (!writer_->in_transaction()) {  // SQLite has undone everything
            whole = fail(ErrorCode::io, "the transaction was undone");
            break;
        }
        if (!unit.result) whole = writer_->step("ROLLBACK TO unit");
        if (whole) whole = writer_->step("RELEASE unit");
    }
    if (whole) whole = writer_->step("COMMIT");
    if (writer_->in_transaction()) (void)writer_->script("ROLLBACK");
    {
        const std::lock_guard lock(queue_mutex_);
        queue_.insert(queue_.begin(), group.begin() + static_cast<std::ptrdiff_t>(worked), group.end());
    }
    group.resize(worked);
    if (!whole)
        for (Unit* unit : group) commit_alone(*unit);
}

Result<std::int64_t> SqliteEngine::changes() {
    const std::lock_guard lock(watcher_mutex_);
    std::int64_t version = 0;
    const auto take = [&](const Row& row) {
        version = row.integer(0);
        return true;
    };
    const FunctionRef<bool(const Row&)> use(take);
    return watcher_->run("PRAGMA data_version", {}, &use).map([&](std::int64_t) { return version; });
}

Status SqliteEngine::check_integrity() {
    auto reader = take_reader();
    if (!reader) return pass(std::move(reader.error()));
    std::string found;
    const auto take = [&](const Row& row) {
        found += (found.empty() ? "" : "; ") + std::string(row.text(0));
        return true;
    };
    const FunctionRef<bool(const Row&)> use(take);
    auto looked = (*reader)->run("PRAGMA quick_check(3)", {}, &use);
    give_reader(std::move(*reader));
    if (!looked) return pass(std::move(looked.error()));
    if (found == "ok") return {};
    return fail(ErrorCode::corrupt, "'" + path_ + "' is damaged (" + found.substr(0, 300) + "). " +
                                        std::string(kWhatToDoAboutDamage));
}

}  // namespace

Result<std::unique_ptr<Engine>> open_sqlite(const Options& options) {
    const std::string folder = options.where;
    if (auto made = make_folder(folder); !made) return pass(std::move(made.error()));
    // Held while the file is made and upgraded, so that two processes starting at once do not meet there.
    auto lock = lock_folder(folder, options.migration_timeout);
    if (!lock) return pass(std::move(lock.error()));

    const std::string path = folder + "/rushlight.db";
    auto writer = SqliteConnection::open(path, SqliteConnection::Use::writing, options.busy_timeout);
    if (!writer) return pass(std::move(writer.error()));
    auto watcher = SqliteConnection::open(path, SqliteConnection::Use::reading, options.busy_timeout);
    if (!watcher) return pass(std::move(watcher.error()));
    const auto back_up = [&](int version) {
        return back_up_folder(**watcher, folder, version, options.backups_kept);
    };
    auto version = migrate(**writer, options.schemas, {.begin = "BEGIN IMMEDIATE", .back_up = back_up});
    if (!version) return pass(std::move(version.error()));

    auto engine = std::make_unique<SqliteEngine>(path, options, std::move(*writer), std::move(*watcher));
    engine->where = path;
    engine->schema_version = *version;
    return engine;
}

}  // namespace rushlight::store
