#include "queue/queue_store.h"

#include "base/text.h"

#include <algorithm>
#include <set>
#include <tuple>
#include <utility>

namespace rushlight::queue {
namespace {

using store::Claimer;
using store::Reader;
using store::Row;
using store::Writer;

// Written out in the statements, so that the partial indexes are used:
//   0 delayed  1 ready  2 behind (another job of its key is before it)  3 running
constexpr int kMostWoken = 64;  // keys whose next job one take() lets go
constexpr int kMostTries = 10;  // of a change that met an enqueue() of the same unique name
constexpr std::size_t kMostWhy = 500;

std::optional<std::string_view> or_null(std::string_view text) {
    return text.empty() ? std::nullopt : std::optional(text);
}

// What is said of a failure may come from anywhere.
std::string shown(std::string_view why) { return printable(why.substr(0, kMostWhy)); }

Status check_name(std::string_view what, std::string_view name) {
    if (name.size() <= kMostName) return {};
    return fail(ErrorCode::invalid, "a job's " + std::string(what) + " may have " +
                                        std::to_string(kMostName) + " bytes, not " +
                                        std::to_string(name.size()));
}

Status check(const NewJob& job) {
    if (job.kind.empty()) return fail(ErrorCode::invalid, "a job without a kind");
    if (job.body.size() > kMostBody)
        return fail(ErrorCode::invalid, "a job's body may have " + std::to_string(kMostBody) +
                                            " bytes, not " + std::to_string(job.body.size()));
    if (job.priority < kLowestPriority || job.priority > kHighestPriority)
        return fail(ErrorCode::invalid, "a job's priority lies between -100 and 100");
    return check_name("kind", job.kind).and_then([&] { return check_name("key", job.key); }).and_then([&] {
        return check_name("unique name", job.unique);
    });
}

// The key's next job may have become the first: take() looks. Nothing is read here, since the caller's
// transaction may see an old state.
Status note_moved(Writer& writer, std::string_view key) {
    if (key.empty()) return {};
    return writer.run("INSERT INTO queue_moved (key) VALUES ($1)", {key}).map([](auto) {});
}

// Makes first jobs of keys in which something moved ready, or lets them wait for their time.
Status wake_keys(Claimer& claimer, Time now, bool& some) {
    std::vector<std::pair<std::int64_t, std::string>> moved;
    auto read = claimer.each_free("SELECT id, key FROM queue_moved ORDER BY id LIMIT $1", {kMostWoken},
                                  [&](const Row& row) { moved.emplace_back(row.integer(0), row.text(1)); });
    if (!read) return read;
    some = !moved.empty();
    std::set<std::string_view> seen;
    for (const auto& [id, key] : moved) {
        if (seen.insert(key).second) {
            auto woken = claimer.run(
                "UPDATE queue_job SET state = CASE WHEN due <= $1 THEN 1 ELSE 0 END WHERE state = 2 AND id = "
                "(SELECT min(id) FROM queue_job WHERE key = $2)",
                {now, key});
            if (!woken) return pass(woken.error());
        }
        if (auto gone = claimer.run("DELETE FROM queue_moved WHERE id = $1", {id}); !gone)
            return pass(gone.error());
    }
    return {};
}

// Kinds with a ready job, by skipping through the index.
Status ready_kinds(Reader& reader, std::set<std::string, std::less<>>& kinds) {
    return reader.each(
        "WITH RECURSIVE found (kind) AS (SELECT (SELECT min(kind) FROM queue_job WHERE state = 1) UNION ALL "
        "SELECT (SELECT min(kind) FROM queue_job WHERE state = 1 AND kind > found.kind) FROM found "
        "WHERE found.kind IS NOT NULL) SELECT kind FROM found WHERE kind IS NOT NULL",
        {}, [&](const Row& row) { kinds.emplace(row.text(0)); });
}

Result<bool> bury_job(Writer& writer, JobId job, std::string_view key, std::string_view why, Time now) {
    auto copied = writer.run(
        "INSERT INTO queue_dead (id, kind, body, key, unique_name, priority, attempts, enqueued_at, died_at, "
        "why) "
        "SELECT id, kind, body, key, unique_name, priority, attempt, enqueued_at, $2, $3 FROM queue_job "
        "WHERE id = $1",
        {job.value, now, shown(why)});
    if (!copied) return pass(copied.error());
    if (auto gone = writer.run("DELETE FROM queue_job WHERE id = $1", {job.value}); !gone)
        return pass(gone.error());
    return note_moved(writer, key).map([&] { return *copied > 0; });
}

// A job that waits again has its unique name back, unless a newer job took it.
Status take_name_back(Writer& writer, JobId job) {
    return writer
        .run(
            "UPDATE queue_job SET waiting_name = unique_name WHERE id = $1 AND unique_name IS NOT NULL AND "
            "NOT EXISTS (SELECT 1 FROM queue_job AS other WHERE other.waiting_name = queue_job.unique_name)",
            {job.value})
        .map([](auto) {});
}

// An enqueue() of the same unique name at the same moment makes it a conflict: then the other one has it.
template <class Work>
Status claim_again_on_conflict(store::Store& store, const Work& work) {
    for (int attempt = 1;; ++attempt) {
        auto status = store.claim(work);
        if (status || status.error().code != ErrorCode::conflict || attempt == kMostTries) return status;
    }
}

// All running jobs of a worker. One of them may be what kills its process: those that had more than one try
// come back one a second, so that it does not take the others along each time.
Result<std::int64_t> put_back_all(Claimer& claimer, std::int64_t worker, std::string_view why, Time now) {
    std::vector<std::pair<JobId, bool>> jobs;
    auto found =
        claimer.each("SELECT id, attempt FROM queue_job WHERE worker = $1 ORDER BY id", {worker},
                     [&](const Row& row) { jobs.emplace_back(JobId{row.integer(0)}, row.integer(1) > 1); });
    if (!found) return pass(found.error());
    std::chrono::seconds wait{0};
    for (const auto& [job, suspect] : jobs) {
        auto back = claimer.run(
            "UPDATE queue_job SET state = $4, worker = NULL, due = $5, why = $3 WHERE id = $1 AND worker = "
            "$2",
            {job.value, worker, why, suspect ? 0 : 1, suspect ? now + wait : now});
        if (!back) return pass(back.error());
        if (suspect) ++wait;
        if (auto named = take_name_back(claimer, job); !named) return pass(named.error());
    }
    if (!jobs.empty()) claimer.announce(kTopic);
    return static_cast<std::int64_t>(jobs.size());
}

}  // namespace

store::Schema schema() {
    return {.room = "queue", .migrations = {{.number = 1, .name = "jobs, dead letters, workers", .sql = R"(
                CREATE TABLE queue_job (
                    id INTEGER PRIMARY KEY AUTOINCREMENT,
                    kind TEXT NOT NULL,
                    body TEXT NOT NULL,
                    key TEXT,
                    unique_name TEXT,
                    waiting_name TEXT,
                    priority INTEGER NOT NULL,
                    due INTEGER NOT NULL,
                    enqueued_at INTEGER NOT NULL,
                    state INTEGER NOT NULL,
                    worker INTEGER,
                    attempt INTEGER NOT NULL DEFAULT 0,
                    why TEXT NOT NULL DEFAULT ''
                ) STRICT;
                CREATE INDEX queue_job_ready ON queue_job (kind, priority DESC, id) WHERE state = 1;
                CREATE INDEX queue_job_delayed ON queue_job (due) WHERE state = 0;
                CREATE INDEX queue_job_key ON queue_job (key, id) WHERE key IS NOT NULL;
                CREATE INDEX queue_job_worker ON queue_job (worker) WHERE worker IS NOT NULL;
                CREATE UNIQUE INDEX queue_job_name ON queue_job (waiting_name) WHERE waiting_name IS NOT NULL;
                CREATE TABLE queue_moved (
                    id INTEGER PRIMARY KEY AUTOINCREMENT,
                    key TEXT NOT NULL
                ) STRICT;
                CREATE TABLE queue_dead (
                    id INTEGER PRIMARY KEY,
                    kind TEXT NOT NULL,
                    body TEXT NOT NULL,
                    key TEXT,
                    unique_name TEXT,
                    priority INTEGER NOT NULL,
                    attempts INTEGER NOT NULL,
                    enqueued_at INTEGER NOT NULL,
                    died_at INTEGER NOT NULL,
                    why TEXT NOT NULL
                ) STRICT;
                CREATE INDEX queue_dead_kind ON queue_dead (kind, id);
                CREATE INDEX queue_dead_key ON queue_dead (key, id) WHERE key IS NOT NULL;
                CREATE INDEX queue_dead_died ON queue_dead (died_at);
                CREATE TABLE queue_worker (
                    id INTEGER PRIMARY KEY AUTOINCREMENT,
                    beat INTEGER NOT NULL
                ) STRICT;
                CREATE TABLE queue_done (
                    kind TEXT PRIMARY KEY,
                    done INTEGER NOT NULL
                ) STRICT;
            )"}}};
}

Result<JobId> enqueue(Writer& writer, const NewJob& job, Time now) {
    if (auto checked = check(job); !checked) return pass(checked.error());
    // Numbers of a key become visible in their order.
    if (!job.key.empty())
        if (auto turn = writer.take_turn("queue_key " + std::string(job.key)); !turn)
            return pass(turn.error());
    const Time due = std::max(job.not_before, now);
    const int state = !job.key.empty() ? 2 : due > now ? 0 : 1;
    // Even where it changes nothing the update holds the waiting job: nobody begins it before this
    // transaction has ended, so its handler sees what this transaction wrote.
    auto id = writer.integer(
        "INSERT INTO queue_job (kind, body, key, unique_name, waiting_name, priority, due, enqueued_at, "
        "state) "
        "VALUES ($1, $2, $3, $4, $4, $5, $6, $7, $8) "
        "ON CONFLICT (waiting_name) WHERE waiting_name IS NOT NULL DO UPDATE SET "
        "priority = CASE WHEN excluded.priority > queue_job.priority THEN excluded.priority "
        "ELSE queue_job.priority END, "
        "due = CASE WHEN excluded.due < queue_job.due AND queue_job.attempt = 0 THEN excluded.due "
        "ELSE queue_job.due END "
        "RETURNING id",
        {job.kind, job.body, or_null(job.key), or_null(job.unique), job.priority, due, now, state});
    if (!id) return pass(id.error());
    if (auto noted = note_moved(writer, job.key); !noted) return pass(noted.error());
    writer.announce(kTopic);
    return JobId{id->value_or(0)};
}

Status finish(Writer& writer, Job& job) {
    job.finishing = true;
    auto gone = writer.run("DELETE FROM queue_job WHERE id = $1 AND worker = $2 AND attempt = $3",
                           {job.id.value, job.worker, job.attempt});
    if (!gone) return pass(gone.error());
    if (*gone == 0)
        return fail(ErrorCode::conflict,
                    "job " + std::to_string(job.id.value) +
                        " is another worker's by now: what was done for it here is undone");
    return note_moved(writer, job.key);
}

Result<std::int64_t> QueueStore::join() {
    std::int64_t worker = 0;
    auto status = store_->claim([&](Claimer& claimer) {
        return claimer.integer("INSERT INTO queue_worker (beat) VALUES (0) RETURNING id").map([&](auto id) {
            worker = id.value_or(0);
        });
    });
    if (!status) return pass(status.error());
    return worker;
}

Result<bool> QueueStore::beat(std::int64_t worker, const std::map<std::string, std::int64_t>& done) {
    bool alive = false;
    auto status = store_->claim([&](Claimer& claimer) -> Status {
        for (const auto& [kind, count] : done) {
            auto counted = claimer.run(
                "INSERT INTO queue_done (kind, done) VALUES ($1, $2) ON CONFLICT (kind) DO UPDATE SET "
                "done = queue_done.done + excluded.done",
                {kind, count});
            if (!counted) return pass(counted.error());
        }
        return claimer.run("UPDATE queue_worker SET beat = beat + 1 WHERE id = $1", {worker})
            .map([&](std::int64_t rows) { alive = rows > 0; });
    });
    if (!status) return pass(status.error());
    return alive;
}

Result<std::vector<Neighbour>> QueueStore::neighbours() {
    std::vector<Neighbour> all;
    auto status = store_->read([&](Reader& reader) {
        all.clear();
        return reader.each("SELECT id, beat FROM queue_worker", {}, [&](const Row& row) {
            all.push_back({.worker = row.integer(0), .beat = row.integer(1)});
        });
    });
    if (!status) return pass(status.error());
    return all;
}

Result<std::optional<std::int64_t>> QueueStore::bury_worker(const Neighbour& silent, Time now) {
    std::optional<std::int64_t> jobs;
    auto status = claim_again_on_conflict(*store_, [&](Claimer& claimer) -> Status {
        jobs.reset();
        auto gone =
            claimer.run("DELETE FROM queue_worker WHERE id = $1 AND beat = $2", {silent.worker, silent.beat});
        if (!gone) return pass(gone.error());
        if (*gone == 0) return {};
        return put_back_all(claimer, silent.worker, "its worker ended without a word", now)
            .map([&](auto count) { jobs = count; });
    });
    if (!status) return pass(status.error());
    return jobs;
}

Status QueueStore::leave(std::int64_t worker, Time now) {
    return claim_again_on_conflict(*store_, [&](Claimer& claimer) -> Status {
        auto gone = claimer.run("DELETE FROM queue_worker WHERE id = $1", {worker});
        if (!gone) return pass(gone.error());
        return put_back_all(claimer, worker, "its worker stopped", now).map([](auto) {});
    });
}

Result<Outlook> QueueStore::look(const std::vector<Wanted>& wanted, Time now) {
    Outlook outlook;
    auto status = store_->read([&](Reader& reader) -> Status {
        outlook = {};
        auto due = reader.integer("SELECT min(due) FROM queue_job WHERE state = 0");
        if (!due) return pass(due.error());
        if (*due) outlook.next_due = Time{**due};
        auto moved = reader.integer("SELECT min(id) FROM queue_moved");
        if (!moved) return pass(moved.error());
        std::set<std::string, std::less<>> kinds;
        if (auto read = ready_kinds(reader, kinds); !read) return read;
        outlook.work =
            moved->has_value() || (outlook.next_due && *outlook.next_due <= now) ||
            std::ranges::any_of(wanted, [&](const Wanted& one) { return kinds.contains(one.kind); });
        return {};
    });
    if (!status) return pass(status.error());
    return outlook;
}

Result<Taken> QueueStore::take(std::int64_t worker, const std::vector<Wanted>& wanted, int limit, Time now) {
    struct Candidate {
        std::int64_t priority = 0;
        JobId id;
        std::int64_t attempt = 0;
        std::string key;
        const Wanted* kind = nullptr;
    };
    Taken taken;
    const auto work = [&](Claimer& claimer) -> Status {
        taken = {};
        auto alive = claimer.run("UPDATE queue_worker SET beat = beat + 1 WHERE id = $1", {worker});
        if (!alive) return pass(alive.error());
        taken.lost = *alive == 0;
        if (taken.lost) return {};
        auto come = claimer.run("UPDATE queue_job SET state = 1 WHERE state = 0 AND due <= $1", {now});
        if (!come) return pass(come.error());
        bool some = false;
        if (auto woken = wake_keys(claimer, now, some); !woken) return woken;
        some = some || *come > 0;
        std::set<std::string, std::less<>> ready;
        if (auto read = ready_kinds(claimer, ready); !read) return read;

        std::vector<Candidate> best;
        for (const Wanted& kind : wanted) {
            if (!ready.contains(kind.kind)) continue;
            auto found = claimer.each_free(
                "SELECT priority, id, attempt, key FROM queue_job WHERE state = 1 AND kind = $1 "
                "ORDER BY priority DESC, id LIMIT $2",
                {kind.kind, std::min(limit, kind.most)}, [&](const Row& row) {
                    best.push_back({.priority = row.integer(0),
                                    .id = {row.integer(1)},
                                    .attempt = row.integer(2),
                                    .key = std::string(row.text_or_empty(3)),
                                    .kind = &kind});
                });
            if (!found) return found;
        }
        std::ranges::sort(best, [](const Candidate& a, const Candidate& b) {
            return std::tuple(-a.priority, a.id) < std::tuple(-b.priority, b.id);
        });
        for (const Candidate& one : best) {
            if (one.attempt >= one.kind->attempts) {
                auto buried = bury_job(claimer, one.id, one.key,
                                       "it was started " + std::to_string(one.attempt) +
                                           " times, and its worker ended each time or it failed",
                                       now);
                if (!buried) return pass(buried.error());
                ++taken.buried;
                continue;
            }
            if (std::ssize(taken.jobs) == limit) break;
            auto begun = claimer.one(
                "UPDATE queue_job SET state = 3, worker = $2, waiting_name = NULL, attempt = attempt + 1 "
                "WHERE id = $1 AND state = 1 RETURNING kind, body, key, attempt, enqueued_at",
                {one.id.value, worker}, [&](const Row& row) {
                    taken.jobs.push_back({.id = one.id,
                                          .kind = std::string(row.text(0)),
                                          .body = std::string(row.text(1)),
                                          .key = std::string(row.text_or_empty(2)),
                                          .attempt = static_cast<int>(row.integer(3)),
                                          .enqueued_at = row.time(4),
                                          .worker = worker});
                });
            if (!begun) return pass(begun.error());
        }
        // What became ready here may be for others.
        if (some) claimer.announce(kTopic);
        return {};
    };
    if (auto status = store_->claim(work); !status) return pass(status.error());
    return taken;
}

Result<std::vector<Job>> QueueStore::held_by(std::int64_t worker) {
    std::vector<Job> jobs;
    auto status = store_->read([&](Reader& reader) {
        jobs.clear();
        return reader.each(
            "SELECT id, attempt FROM queue_job WHERE worker = $1", {worker}, [&](const Row& row) {
                jobs.push_back(
                    {.id = {row.integer(0)}, .attempt = static_cast<int>(row.integer(1)), .worker = worker});
            });
    });
    if (!status) return pass(status.error());
    return jobs;
}

Result<bool> QueueStore::end(Job& job) {
    auto status = store_->claim([&](Claimer& claimer) { return finish(claimer, job); });
    if (status) return true;
    if (status.error().code == ErrorCode::conflict) return false;
    return pass(status.error());
}

Result<bool> QueueStore::retry(const Job& job, Time due, std::string_view why) {
    bool ours = false;
    auto status = claim_again_on_conflict(*store_, [&](Claimer& claimer) -> Status {
        auto changed = claimer.run(
            "UPDATE queue_job SET state = 0, worker = NULL, due = $4, why = $5 "
            "WHERE id = $1 AND worker = $2 AND attempt = $3",
            {job.id.value, job.worker, job.attempt, due, shown(why)});
        if (!changed) return pass(changed.error());
        ours = *changed > 0;
        return ours ? take_name_back(claimer, job.id) : Status();
    });
    if (!status) return pass(status.error());
    return ours;
}

Result<bool> QueueStore::bury(const Job& job, std::string_view why, Time now) {
    bool ours = false;
    auto status = store_->claim([&](Claimer& claimer) -> Status {
        // Held from here on, if it is ours.
        auto held =
            claimer.run("UPDATE queue_job SET worker = worker WHERE id = $1 AND worker = $2 AND attempt = $3",
                        {job.id.value, job.worker, job.attempt});
        if (!held) return pass(held.error());
        ours = *held > 0;
        if (!ours) return {};
        return bury_job(claimer, job.id, job.key, why, now).map([](bool) {});
    });
    if (!status) return pass(status.error());
    return ours;
}

Result<bool> QueueStore::put_back(const Job& job) {
    bool ours = false;
    auto status = claim_again_on_conflict(*store_, [&](Claimer& claimer) -> Status {
        auto changed = claimer.run(
            "UPDATE queue_job SET state = 1, worker = NULL, attempt = attempt - 1 "
            "WHERE id = $1 AND worker = $2 AND attempt = $3",
            {job.id.value, job.worker, job.attempt});
        if (!changed) return pass(changed.error());
        ours = *changed > 0;
        claimer.announce(kTopic);
        return ours ? take_name_back(claimer, job.id) : Status();
    });
    if (!status) return pass(status.error());
    return ours;
}

Result<std::vector<Count>> counts(Reader& reader, Time now) {
    std::map<std::string, Count> all;
    const auto of = [&](std::string_view kind) -> Count& {
        Count& count = all[std::string(kind)];
        count.kind = kind;
        return count;
    };
    auto living = reader.each("SELECT kind, state, count(*), min(due) FROM queue_job GROUP BY kind, state",
                              {}, [&](const Row& row) {
                                  Count& count = of(row.text(0));
                                  if (row.integer(1) == 3) {
                                      count.running += row.integer(2);
                                      return;
                                  }
                                  count.waiting += row.integer(2);
                                  const Time due = row.time(3);
                                  if (due <= now && (!count.oldest_due || due < *count.oldest_due))
                                      count.oldest_due = due;
                              });
    if (!living) return pass(living.error());
    auto dead = reader.each("SELECT kind, count(*) FROM queue_dead GROUP BY kind", {},
                            [&](const Row& row) { of(row.text(0)).dead = row.integer(1); });
    if (!dead) return pass(dead.error());
    auto done = reader.each("SELECT kind, done FROM queue_done", {},
                            [&](const Row& row) { of(row.text(0)).done = row.integer(1); });
    if (!done) return pass(done.error());
    std::vector<Count> list;
    list.reserve(all.size());
    for (auto& [kind, count] : all) list.push_back(std::move(count));
    return list;
}

Result<std::vector<DeadLetter>> dead_letters(Reader& reader, const DeadQuery& query) {
    std::vector<DeadLetter> letters;
    const std::int64_t below = query.below.value > 0 ? query.below.value : INT64_MAX;
    const auto take = [&](const Row& row) {
        letters.push_back({.id = {row.integer(0)},
                           .kind = std::string(row.text(1)),
                           .body = std::string(row.text(2)),
                           .key = std::string(row.text_or_empty(3)),
                           .attempts = static_cast<int>(row.integer(4)),
                           .enqueued_at = row.time(5),
                           .died_at = row.time(6),
                           .why = std::string(row.text(7))});
    };
    std::string sql =
        "SELECT id, kind, body, key, attempts, enqueued_at, died_at, why FROM queue_dead WHERE id < $1";
    std::vector<store::Value> values{below, std::clamp(query.limit, 1, 1'000)};
    for (const auto& [column, value] : {std::pair("kind", query.kind), std::pair("key", query.key)}) {
        if (value.empty()) continue;
        values.emplace_back(value);
        sql.append(" AND ").append(column).append(" = $").append(std::to_string(values.size()));
    }
    if (auto read =
            reader.each(sql + (query.oldest_first ? " ORDER BY id LIMIT $2" : " ORDER BY id DESC LIMIT $2"),
                        values, take);
        !read)
        return pass(read.error());
    return letters;
}

Result<JobId> resend(Writer& writer, JobId dead, Time now) {
    std::string kind;
    std::string body;
    std::string key;
    std::string unique;
    int priority = 0;
    auto found = writer.one("SELECT kind, body, key, unique_name, priority FROM queue_dead WHERE id = $1",
                            {dead.value}, [&](const Row& row) {
                                kind = row.text(0);
                                body = row.text(1);
                                key = row.text_or_empty(2);
                                unique = row.text_or_empty(3);
                                priority = static_cast<int>(row.integer(4));
                            });
    if (!found) return pass(found.error());
    if (!*found)
        return fail(ErrorCode::not_found,
                    "there is no dead letter " + std::to_string(dead.value) + " (any more)");
    if (auto gone = drop(writer, dead); !gone) return pass(gone.error());
    return enqueue(writer, {.kind = kind, .body = body, .key = key, .priority = priority, .unique = unique},
                   now);
}

Status drop(Writer& writer, JobId dead) {
    auto gone = writer.run("DELETE FROM queue_dead WHERE id = $1", {dead.value});
    if (!gone) return pass(gone.error());
    if (*gone == 0)
        return fail(ErrorCode::not_found,
                    "there is no dead letter " + std::to_string(dead.value) + " (any more)");
    return {};
}

Result<std::int64_t> drop_dead_before(Writer& writer, Time time, int limit) {
    return writer.run(
        "DELETE FROM queue_dead WHERE id IN (SELECT id FROM queue_dead WHERE died_at < $1 ORDER BY died_at, "
        "id "
        "LIMIT $2)",
        {time, limit});
}

}  // namespace rushlight::queue
