#include "check/check_store.h"

#include "check/service.h"

#include <algorithm>
#include <utility>

#include <nlohmann/json.hpp>

namespace rushlight::check {
namespace {

constexpr std::int64_t kMinute = 60'000'000;

// What the numbers in the tables stand for; never renumbered.
constexpr std::array kDecisions = {Decision::exact, Decision::near, Decision::none, Decision::unreadable};
constexpr std::array kActions = {Action::allow, Action::hold, Action::block};

template <class Enum, std::size_t N>
std::int64_t number_of(const std::array<Enum, N>& all, Enum value) {
    return std::ranges::find(all, value) - all.begin();
}
template <class Enum, std::size_t N>
Enum value_of(const std::array<Enum, N>& all, std::int64_t number) {
    return all.at(static_cast<std::size_t>(std::clamp<std::int64_t>(number, 0, N - 1)));
}

Result<Policy> policy_of(const store::Row& row) {
    const auto object = nlohmann::json::parse(row.text(3), nullptr, false);
    auto policy = parse_policy(object);
    if (!policy) return fail(ErrorCode::corrupt, "a stored policy cannot be read: " + policy.error().message);
    policy->version = row.integer(0);
    policy->by = row.text(1);
    policy->at = row.time(2);
    return policy;
}

Seen seen_of(const store::Row& row) {
    return {.number = row.integer(0),
            .id = std::string(row.text(1)),
            .at = row.time(2),
            .by = std::string(row.text(3)),
            .decision = value_of(kDecisions, row.integer(4)),
            .action = value_of(kActions, row.integer(5)),
            .answer = std::string(row.text(6)),
            .context = std::string(row.text(7)),
            .held = std::string(row.text(8))};
}

constexpr std::string_view kSeenColumns =
    "SELECT number, id, at, asked_by, decision, action, answer, context, held FROM check_seen ";

}  // namespace

store::Schema schema() {
    return {.room = "check",
            .migrations = {{.number = 1, .name = "policies, matches, counts, canary", .sql = R"(
                CREATE TABLE check_policy (
                    version INTEGER NOT NULL PRIMARY KEY,
                    saved_by TEXT NOT NULL,
                    at INTEGER NOT NULL,
                    body TEXT NOT NULL
                ) STRICT;
                CREATE TABLE check_seen (
                    number INTEGER PRIMARY KEY AUTOINCREMENT,
                    id TEXT NOT NULL UNIQUE,
                    at INTEGER NOT NULL,
                    asked_by TEXT NOT NULL,
                    decision INTEGER NOT NULL,
                    action INTEGER NOT NULL,
                    answer TEXT NOT NULL,
                    context TEXT NOT NULL,
                    held TEXT NOT NULL
                ) STRICT;
                CREATE INDEX check_seen_at ON check_seen (at);
                CREATE INDEX check_seen_decision ON check_seen (decision, number);
                CREATE TABLE check_count (
                    minute INTEGER NOT NULL,
                    decision INTEGER NOT NULL,
                    action INTEGER NOT NULL,
                    checks INTEGER NOT NULL,
                    PRIMARY KEY (minute, decision, action)
                ) STRICT;
                CREATE TABLE check_canary (
                    at INTEGER NOT NULL,
                    ok INTEGER NOT NULL,
                    ms INTEGER NOT NULL,
                    error TEXT NOT NULL
                ) STRICT;
                CREATE INDEX check_canary_at ON check_canary (at);
                CREATE TABLE check_later (
                    id TEXT NOT NULL PRIMARY KEY,
                    asked_by TEXT NOT NULL,
                    at INTEGER NOT NULL,
                    process TEXT NOT NULL,
                    alive INTEGER NOT NULL,
                    answer TEXT NOT NULL
                ) STRICT;
                CREATE INDEX check_later_waiting ON check_later (answer, alive);
            )"}}};
}

Result<std::vector<Policy>> CheckStore::policies(int limit) {
    std::vector<Policy> policies;
    std::optional<Error> broken;
    const Status read = store_->read([&](store::Reader& reader) -> Status {
        policies.clear();
        return reader.each(
            "SELECT version, saved_by, at, body FROM check_policy ORDER BY version DESC LIMIT $1", {limit},
            [&](const store::Row& row) {
                auto policy = policy_of(row);
                if (policy) {
                    policies.push_back(std::move(*policy));
                } else {
                    broken = std::move(policy.error());
                }
            });
    });
    if (!read) return pass(read.error());
    if (broken) return pass(*broken);
    return policies;
}

Result<Policy> CheckStore::policy() {
    auto newest = policies(1);
    if (!newest) return pass(newest.error());
    return newest->empty() ? Policy{} : std::move(newest->front());
}

Result<Policy> CheckStore::save_policy(store::Writer& writer, Policy policy, std::int64_t expected) {
    const auto newest = writer.integer("SELECT max(version) FROM check_policy");
    if (!newest) return pass(newest.error());
    if (newest->value_or(0) != expected) {
        return fail(ErrorCode::conflict, "the policy was changed meanwhile (it is at version " +
                                             std::to_string(newest->value_or(0)) +
                                             " now): look at it again before you save yours");
    }
    policy.version = expected + 1;
    const auto saved =
        writer.run("INSERT INTO check_policy (version, saved_by, at, body) VALUES ($1, $2, $3, $4)",
                   {policy.version, policy.by, policy.at, to_json(policy).dump()});
    if (!saved) return pass(saved.error());
    return policy;
}

Status CheckStore::save_seen(store::Writer& writer, const Seen& seen) {
    return writer
        .run(
            "INSERT INTO check_seen (id, at, asked_by, decision, action, answer, context, held) "
            "VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
            {seen.id, seen.at, seen.by, number_of(kDecisions, seen.decision),
             number_of(kActions, seen.action), seen.answer, seen.context, seen.held})
        .map([](std::int64_t) {});
}

Result<std::optional<Seen>> CheckStore::seen(std::string_view id) {
    std::optional<Seen> found;
    const Status read = store_->read([&](store::Reader& reader) -> Status {
        found.reset();
        return reader
            .one(std::string(kSeenColumns) + "WHERE id = $1", {id},
                 [&](const store::Row& row) { found = seen_of(row); })
            .map([](bool) {});
    });
    if (!read) return pass(read.error());
    return found;
}

Result<std::vector<Seen>> CheckStore::seen_page(std::optional<Decision> decision,
                                                std::optional<std::int64_t> before, int limit,
                                                std::string_view by) {
    std::vector<Seen> page;
    const std::int64_t below = before.value_or(INT64_MAX);
    const Status read = store_->read([&](store::Reader& reader) -> Status {
        page.clear();
        const auto take = [&](const store::Row& row) { page.push_back(seen_of(row)); };
        if (decision) {
            return reader.each(std::string(kSeenColumns) +
                                   "WHERE decision = $1 AND number < $2 AND ($4 = '' OR asked_by = $4) "
                                   "ORDER BY number DESC LIMIT $3",
                               {number_of(kDecisions, *decision), below, limit, by}, take);
        }
        return reader.each(
            std::string(kSeenColumns) +
                "WHERE number < $1 AND ($3 = '' OR asked_by = $3) ORDER BY number DESC LIMIT $2",
            {below, limit, by}, take);
    });
    if (!read) return pass(read.error());
    return page;
}

Result<std::int64_t> CheckStore::forget_seen(Time older_than) {
    std::int64_t gone = 0;
    const Status written = store_->write([&](store::Writer& writer) -> Status {
        const auto deleted = writer.run("DELETE FROM check_seen WHERE at < $1", {older_than});
        if (!deleted) return pass(deleted.error());
        gone = *deleted;
        return {};
    });
    if (!written) return pass(written.error());
    return gone;
}

Status CheckStore::add_counts(std::span<const Count> counts) {
    return store_->write(
        [&](store::Writer& writer) -> Status {
            for (const Count& count : counts) {
                const auto added = writer.run(
                    "INSERT INTO check_count (minute, decision, action, checks) VALUES ($1, $2, $3, $4) "
                    "ON CONFLICT (minute, decision, action) DO UPDATE SET checks = check_count.checks + "
                    "excluded.checks",
                    {count.minute.micros / kMinute, number_of(kDecisions, count.decision),
                     number_of(kActions, count.action), count.checks});
                if (!added) return pass(added.error());
            }
            return {};
        },
        store::Durability::process);
}

Result<std::vector<Count>> CheckStore::counts(Time from, Time to, std::int64_t step_minutes) {
    std::vector<Count> counts;
    const std::int64_t step = std::max<std::int64_t>(step_minutes, 1);
    const Status read = store_->read([&](store::Reader& reader) -> Status {
        counts.clear();
        return reader.each(
            "SELECT minute / $1 * $1, decision, action, CAST(sum(checks) AS BIGINT) FROM check_count "
            "WHERE minute >= $2 AND minute < $3 GROUP BY minute / $1 * $1, decision, action ORDER BY 1, 2, 3",
            {step, from.micros / kMinute, to.micros / kMinute}, [&](const store::Row& row) {
                counts.push_back({.minute = Time{row.integer(0) * kMinute},
                                  .decision = value_of(kDecisions, row.integer(1)),
                                  .action = value_of(kActions, row.integer(2)),
                                  .checks = row.integer(3)});
            });
    });
    if (!read) return pass(read.error());
    return counts;
}

Status CheckStore::save_canary(const CanaryRun& run, Time keep_since) {
    return store_->write([&](store::Writer& writer) -> Status {
        auto saved = writer.run("INSERT INTO check_canary (at, ok, ms, error) VALUES ($1, $2, $3, $4)",
                                {run.at, run.ok, run.ms, run.error});
        if (!saved) return pass(saved.error());
        return writer.run("DELETE FROM check_canary WHERE at < $1", {keep_since}).map([](std::int64_t) {});
    });
}

Result<std::vector<CanaryRun>> CheckStore::canary_runs(int limit) {
    std::vector<CanaryRun> runs;
    const Status read = store_->read([&](store::Reader& reader) -> Status {
        runs.clear();
        return reader.each("SELECT at, ok, ms, error FROM check_canary ORDER BY at DESC LIMIT $1", {limit},
                           [&](const store::Row& row) {
                               runs.push_back({.at = row.time(0),
                                               .ok = row.integer(1) != 0,
                                               .ms = row.integer(2),
                                               .error = std::string(row.text(3))});
                           });
    });
    if (!read) return pass(read.error());
    return runs;
}

Status CheckStore::save_later(const Later& later, std::string_view process) {
    return store_->write([&](store::Writer& writer) -> Status {
        return writer
            .run(
                "INSERT INTO check_later (id, asked_by, at, process, alive, answer) VALUES ($1, $2, $3, $4, "
                "$3, $5)",
                {later.id, later.by, later.at, process, later.answer})
            .map([](std::int64_t) {});
    });
}

Result<bool> CheckStore::finish_later(store::Writer& writer, std::string_view id, std::string_view answer) {
    return writer.run("UPDATE check_later SET answer = $1 WHERE id = $2 AND answer = ''", {answer, id})
        .map([](std::int64_t rows) { return rows > 0; });
}

Status CheckStore::correct_later(store::Writer& writer, std::string_view id, std::string_view answer) {
    return writer.run("UPDATE check_later SET answer = $1 WHERE id = $2", {answer, id}).map([](std::int64_t) {
    });
}

Result<std::optional<CheckStore::Later>> CheckStore::later(std::string_view id) {
    std::optional<Later> found;
    const Status read = store_->read([&](store::Reader& reader) -> Status {
        found.reset();
        return reader
            .one("SELECT id, asked_by, at, answer FROM check_later WHERE id = $1", {id},
                 [&](const store::Row& row) {
                     found = Later{.id = std::string(row.text(0)),
                                   .by = std::string(row.text(1)),
                                   .at = row.time(2),
                                   .answer = std::string(row.text(3))};
                 })
            .map([](bool) {});
    });
    if (!read) return pass(read.error());
    return found;
}

Status CheckStore::say_alive(std::string_view process, Time now) {
    return store_->write([&](store::Writer& writer) -> Status {
        return writer
            .run("UPDATE check_later SET alive = $1 WHERE process = $2 AND answer = ''", {now, process})
            .map([](std::int64_t) {});
    });
}

Result<std::vector<CheckStore::Later>> CheckStore::lost(Time not_alive_since) {
    std::vector<Later> all;
    const Status read = store_->read([&](store::Reader& reader) -> Status {
        all.clear();
        return reader.each(
            "SELECT id, asked_by, at FROM check_later WHERE answer = '' AND alive < $1 ORDER BY at",
            {not_alive_since}, [&](const store::Row& row) {
                all.push_back({.id = std::string(row.text(0)),
                               .by = std::string(row.text(1)),
                               .at = row.time(2),
                               .answer = {}});
            });
    });
    if (!read) return pass(read.error());
    return all;
}

Status CheckStore::forget_later(Time older_than) {
    return store_->write([&](store::Writer& writer) -> Status {
        return writer.run("DELETE FROM check_later WHERE at < $1 AND answer <> ''", {older_than})
            .map([](std::int64_t) {});
    });
}

}  // namespace rushlight::check
