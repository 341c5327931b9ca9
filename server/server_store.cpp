#include "server/server_store.h"

#include "audit/audit.h"
#include "base/bytes.h"
#include "base/text.h"
#include "server/settings.h"

#include <algorithm>
#include <utility>

#include <nlohmann/json.hpp>

namespace rushlight::server {

store::Schema schema() {
    return {.room = "server", .migrations = {{.number = 1, .name = "settings and idempotency keys", .sql = R"(
                CREATE TABLE server_setting (
                    id INTEGER NOT NULL PRIMARY KEY,
                    body TEXT NOT NULL,
                    saved_by TEXT NOT NULL,
                    at INTEGER NOT NULL
                ) STRICT;
                CREATE TABLE server_idempotency (
                    who TEXT NOT NULL,
                    name TEXT NOT NULL,
                    asked BLOB NOT NULL,
                    status INTEGER NOT NULL,
                    body TEXT NOT NULL,
                    at INTEGER NOT NULL,
                    PRIMARY KEY (who, name)
                ) STRICT;
                CREATE INDEX server_idempotency_at ON server_idempotency (at);
            )"}}};
}

Result<std::unique_ptr<SettingsKeeper>> SettingsKeeper::open(store::Store& store) {
    std::unique_ptr<SettingsKeeper> keeper(new SettingsKeeper(store));
    if (auto followed = keeper->follow(); !followed) return pass(followed.error());
    return keeper;
}

Status SettingsKeeper::follow() {
    const std::scoped_lock one_at_a_time(storing_);
    std::string body;
    const Status read = store_->read([&](store::Reader& reader) -> Status {
        body.clear();
        return reader
            .one("SELECT body FROM server_setting WHERE id = 1", {},
                 [&](const store::Row& row) { body = std::string(row.text(0)); })
            .map([](bool) {});
    });
    if (!read) return read;
    if (body.empty()) return {};
    auto settings = changed({}, nlohmann::json::parse(body, nullptr, false));
    if (!settings)
        return fail(ErrorCode::corrupt, "the stored settings cannot be read: " + settings.error().message);
    const std::scoped_lock lock(mutex_);
    settings_ = std::move(*settings);
    return {};
}

Status SettingsKeeper::set(const Settings& settings, std::string_view who, Time now) {
    const std::scoped_lock one_at_a_time(storing_);
    const std::string body = to_json(settings).dump();
    const Status written = store_->write([&](store::Writer& writer) -> Status {
        const auto saved = writer.run(
            "INSERT INTO server_setting (id, body, saved_by, at) VALUES (1, $1, $2, $3) ON CONFLICT (id) DO "
            "UPDATE "
            "SET body = excluded.body, saved_by = excluded.saved_by, at = excluded.at",
            {body, who, now});
        if (!saved) return pass(saved.error());
        return audit::append(writer,
                             {.who = std::string(who),
                              .what = "settings.saved",
                              .on = {"settings", "1"},
                              // All of them: who reads the log sees what was in force from then on.
                              .detail = nlohmann::json(to_json(settings)).dump()},
                             now)
            .map([](std::int64_t) {});
    });
    if (!written) return written;
    const std::scoped_lock lock(mutex_);
    settings_ = settings;
    return {};
}

namespace {

std::string purpose_of(std::string_view who, std::string_view key, std::string_view part) {
    return std::string("server.idempotency.").append(part).append(":").append(who).append("\n").append(key);
}
std::string piece_name(std::size_t number, std::size_t pieces) {
    return "answer." + std::to_string(number) + '/' + std::to_string(pieces);
}

// The vault seals small secrets: a long answer is sealed in pieces, a line of base64 each.
Result<std::string> seal_answer(const vault::Sealer& sealer, std::string_view who, std::string_view key,
                                std::string_view answer) {
    const std::size_t pieces =
        std::max<std::size_t>(1, (answer.size() + vault::kMostSecret - 1) / vault::kMostSecret);
    std::string lines;
    for (std::size_t i = 0; i < pieces; ++i) {
        const std::string_view piece = answer.substr(i * vault::kMostSecret, vault::kMostSecret);
        const auto sealed = sealer.seal(purpose_of(who, key, piece_name(i, pieces)), bytes_of(piece));
        if (!sealed) return pass(sealed.error());
        if (i > 0) lines += '\n';
        lines += to_base64(*sealed);
    }
    return lines;
}
std::optional<std::string> open_answer(const vault::Sealer& sealer, std::string_view who,
                                       std::string_view key, std::string_view lines) {
    const auto pieces = split(lines, '\n');
    std::string answer;
    for (std::size_t i = 0; i < pieces.size(); ++i) {
        const auto sealed = parse_base64(pieces[i]);
        if (!sealed) return std::nullopt;
        const auto piece = sealer.open(purpose_of(who, key, piece_name(i, pieces.size())), *sealed);
        if (!piece) return std::nullopt;
        answer += text_of(*piece);
    }
    return answer;
}

KeptAnswer kept_of(const vault::Sealer& sealer, std::string_view who, std::string_view key,
                   const store::Row& row) {
    KeptAnswer kept{
        .lost = true, .asked = {}, .status = static_cast<int>(row.integer(1)), .body = {}, .at = row.time(3)};
    const auto asked = sealer.open(purpose_of(who, key, "asked"), row.bytes(0));
    const auto digest = asked ? Sha256::from(*asked) : std::nullopt;
    if (!digest) return kept;
    kept.asked = *digest;
    if (kept.status != 0) {
        auto body = open_answer(sealer, who, key, row.text(2));
        if (!body) return kept;
        kept.body = std::move(*body);
    }
    kept.lost = false;
    return kept;
}

}  // namespace

// A first request that has not been answered by then never will be: its server was killed.
constexpr std::chrono::microseconds kAbandoned = std::chrono::minutes(15);

Result<std::optional<KeptAnswer>> IdempotencyStore::begin(std::string_view who, std::string_view key,
                                                          const Sha256& asked, Time now) {
    const auto sealed = sealer_->seal(purpose_of(who, key, "asked"), asked.value);
    if (!sealed) return pass(sealed.error());
    std::optional<KeptAnswer> kept;
    const Status written = store_->write([&](store::Writer& writer) -> Status {
        kept.reset();
        const auto ours = writer.run(
            "INSERT INTO server_idempotency (who, name, asked, status, body, at) VALUES ($1, $2, $3, 0, '', "
            "$4) "
            "ON CONFLICT (who, name) DO UPDATE SET asked = excluded.asked, at = excluded.at "
            "WHERE server_idempotency.status = 0 AND server_idempotency.at < $5",
            {who, key, *sealed, now, now + -kAbandoned});
        if (!ours) return pass(ours.error());
        if (*ours == 1) return {};
        return writer
            .one("SELECT asked, status, body, at FROM server_idempotency WHERE who = $1 AND name = $2",
                 {who, key}, [&](const store::Row& row) { kept = kept_of(*sealer_, who, key, row); })
            .map([](bool) {});
    });
    if (!written) return pass(written.error());
    return kept;
}

Status IdempotencyStore::finish(std::string_view who, std::string_view key, int status,
                                std::string_view body) {
    const auto sealed = seal_answer(*sealer_, who, key, body);
    if (!sealed) return pass(sealed.error());
    return store_->write([&](store::Writer& writer) -> Status {
        return writer
            .run("UPDATE server_idempotency SET status = $1, body = $2 WHERE who = $3 AND name = $4",
                 {status, *sealed, who, key})
            .map([](std::int64_t) {});
    });
}

Status IdempotencyStore::give_up(std::string_view who, std::string_view key) {
    return store_->write([&](store::Writer& writer) -> Status {
        return writer
            .run("DELETE FROM server_idempotency WHERE who = $1 AND name = $2 AND status = 0", {who, key})
            .map([](std::int64_t) {});
    });
}

Status IdempotencyStore::forget(Time older_than) {
    return store_->write([&](store::Writer& writer) -> Status {
        return writer.run("DELETE FROM server_idempotency WHERE at < $1", {older_than}).map([](std::int64_t) {
        });
    });
}

}  // namespace rushlight::server
