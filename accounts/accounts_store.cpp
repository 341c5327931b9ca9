#include "accounts/accounts_store.h"

#include <algorithm>
#include <utility>

namespace rushlight::accounts {
namespace {

using store::Row;

constexpr const char* kPersonColumns =
    "id, email, roles, active, password, totp, pending_totp, totp_step, made_at, signed_in_at, erased";

ByteVector copy_of(Bytes bytes) { return {bytes.begin(), bytes.end()}; }
void nothing(std::int64_t) {}

PersonRow person_of(const Row& row) {
    PersonRow found{.person = {.id = {std::string(row.text(0))},
                               .email = std::string(row.text(1)),
                               .roles = Roles::from_bits(row.integer(2), kRoles),
                               .active = row.integer(3) != 0,
                               .made = row.time(8)},
                    .password = std::string(row.text(4)),
                    .totp = copy_of(row.bytes(5)),
                    .pending_totp = copy_of(row.bytes(6)),
                    .totp_step = row.integer(7),
                    .erased = row.integer(10) != 0};
    found.person.has_password = !found.password.empty();
    found.person.second_factor = !found.totp.empty();
    if (!row.is_null(9)) found.person.signed_in = row.time(9);
    return found;
}

Session session_of(const Row& row) {
    Session session{.id = SessionId::from(row.bytes(0)).value_or(SessionId{}),
                    .person = {},
                    .made = row.time(2),
                    .used = row.time(3),
                    .ends = row.time(4)};
    session.person.id.text = row.text(1);
    return session;
}

}  // namespace

store::Schema schema() {
    return {.room = "accounts", .migrations = {{.number = 1, .name = "people, sessions, API keys", .sql = R"(
                CREATE TABLE accounts_person (
                    id TEXT NOT NULL PRIMARY KEY,
                    email TEXT NOT NULL,
                    email_folded TEXT NOT NULL UNIQUE,
                    roles INTEGER NOT NULL,
                    active INTEGER NOT NULL,
                    password TEXT NOT NULL,
                    totp BLOB NOT NULL,
                    pending_totp BLOB NOT NULL,
                    totp_step INTEGER NOT NULL,
                    made_at INTEGER NOT NULL,
                    signed_in_at INTEGER,
                    erased INTEGER NOT NULL DEFAULT 0
                ) STRICT;
                CREATE TABLE accounts_token (
                    hash BLOB NOT NULL PRIMARY KEY,
                    kind INTEGER NOT NULL,
                    account TEXT NOT NULL,
                    expires_at INTEGER NOT NULL
                ) STRICT;
                CREATE TABLE accounts_session (
                    hash BLOB NOT NULL PRIMARY KEY,
                    id BLOB NOT NULL,
                    account TEXT NOT NULL REFERENCES accounts_person (id),
                    made_at INTEGER NOT NULL,
                    used_at INTEGER NOT NULL,
                    ends_at INTEGER NOT NULL
                ) STRICT;
                CREATE INDEX accounts_session_account ON accounts_session (account);
                CREATE TABLE accounts_recovery (
                    account TEXT NOT NULL REFERENCES accounts_person (id),
                    hash BLOB NOT NULL,
                    PRIMARY KEY (account, hash)
                ) STRICT;
                CREATE TABLE accounts_failures (
                    bucket BLOB NOT NULL PRIMARY KEY,
                    failures INTEGER NOT NULL,
                    last_at INTEGER NOT NULL,
                    open_at INTEGER NOT NULL
                ) STRICT;
                CREATE TABLE accounts_known_peer (
                    account TEXT NOT NULL REFERENCES accounts_person (id),
                    peer BLOB NOT NULL,
                    seen_at INTEGER NOT NULL,
                    PRIMARY KEY (account, peer)
                ) STRICT;
                CREATE TABLE accounts_secret (
                    only_row INTEGER NOT NULL PRIMARY KEY CHECK (only_row = 1),
                    sealed BLOB NOT NULL
                ) STRICT;
                CREATE TABLE accounts_key (
                    id BLOB NOT NULL PRIMARY KEY,
                    name TEXT NOT NULL,
                    hash BLOB NOT NULL,
                    scopes INTEGER NOT NULL,
                    made_at INTEGER NOT NULL,
                    made_by TEXT NOT NULL,
                    expires_at INTEGER,
                    revoked_at INTEGER,
                    used_at INTEGER
                ) STRICT;
                CREATE TABLE accounts_key_change (
                    only_row INTEGER NOT NULL PRIMARY KEY CHECK (only_row = 1),
                    number INTEGER NOT NULL
                ) STRICT;
            )"}}};
}

Result<std::optional<PersonRow>> find_person(Reader& reader, const AccountId& id) {
    std::optional<PersonRow> person;
    auto found = reader.one(std::string("SELECT ") + kPersonColumns + " FROM accounts_person WHERE id = $1",
                            {id.text}, [&](const Row& row) { person = person_of(row); });
    if (!found) return pass(found.error());
    return person;
}

Result<std::optional<PersonRow>> find_person_by_email(Reader& reader, std::string_view folded) {
    std::optional<PersonRow> person;
    auto found = reader.one(std::string("SELECT ") + kPersonColumns +
                                " FROM accounts_person WHERE email_folded = $1 AND erased = 0",
                            {folded}, [&](const Row& row) { person = person_of(row); });
    if (!found) return pass(found.error());
    return person;
}

Result<std::vector<Person>> list_people(Reader& reader, const std::optional<AccountId>& after, int limit) {
    std::vector<Person> people;
    auto read = reader.each(std::string("SELECT ") + kPersonColumns +
                                " FROM accounts_person WHERE id > $1 AND erased = 0 ORDER BY id LIMIT $2",
                            {after ? std::string_view(after->text) : "", std::clamp(limit, 1, 1000)},
                            [&](const Row& row) { people.push_back(person_of(row).person); });
    if (!read) return pass(read.error());
    return people;
}

Status add_person(Writer& writer, const PersonRow& row, std::string_view folded) {
    auto added = writer.run(
        "INSERT INTO accounts_person (id, email, email_folded, roles, active, password, totp, pending_totp, "
        "totp_step, made_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) ON CONFLICT (email_folded) DO "
        "NOTHING",
        {row.person.id.text, row.person.email, folded, row.person.roles.bits(), row.person.active,
         row.password, row.totp, row.pending_totp, row.totp_step, row.person.made});
    if (!added) return pass(added.error());
    if (*added == 0) return fail(ErrorCode::conflict, "there is an account with this e-mail address already");
    return {};
}

Status save_person(Writer& writer, const PersonRow& row) {
    return writer
        .run(
            "UPDATE accounts_person SET roles = $1, active = $2, password = $3, totp = $4, pending_totp = "
            "$5, "
            "totp_step = $6, signed_in_at = $7, erased = $8 WHERE id = $9",
            {row.person.roles.bits(), row.person.active, row.password, row.totp, row.pending_totp,
             row.totp_step, row.person.signed_in, row.erased, row.person.id.text})
        .map(nothing);
}

Status save_email(Writer& writer, const AccountId& id, std::string_view email, std::string_view folded) {
    return writer
        .run("UPDATE accounts_person SET email = $1, email_folded = $2 WHERE id = $3",
             {email, folded, id.text})
        .map(nothing);
}

Result<std::int64_t> count_administrators(Reader& reader) {
    std::int64_t count = 0;
    auto read = reader.each("SELECT roles FROM accounts_person WHERE active = 1 AND erased = 0", {},
                            [&](const Row& row) {
                                if (Roles::from_bits(row.integer(0), kRoles).has(Role::admin)) ++count;
                            });
    if (!read) return pass(read.error());
    return count;
}

Status add_token(Writer& writer, const Sha256& hash, const TokenRow& row) {
    return writer
        .run("INSERT INTO accounts_token (hash, kind, account, expires_at) VALUES ($1, $2, $3, $4)",
             {hash, static_cast<int>(row.kind), row.account.text, row.expires})
        .map(nothing);
}

Result<std::optional<TokenRow>> find_token(Reader& reader, const Sha256& hash, Time now) {
    std::optional<TokenRow> token;
    auto found =
        reader.one("SELECT kind, account, expires_at FROM accounts_token WHERE hash = $1 AND expires_at > $2",
                   {hash, now}, [&](const Row& row) {
                       token = {.kind = static_cast<TokenKind>(row.integer(0)),
                                .account = {std::string(row.text(1))},
                                .expires = row.time(2)};
                   });
    if (!found) return pass(found.error());
    return token;
}

Status drop_setup_tokens(Writer& writer) {
    return writer.run("DELETE FROM accounts_token WHERE kind = $1", {static_cast<int>(TokenKind::setup)})
        .map(nothing);
}
Status drop_reset_tokens(Writer& writer, const AccountId& id) {
    return writer
        .run("DELETE FROM accounts_token WHERE account = $1 AND kind <> $2",
             {id.text, static_cast<int>(TokenKind::setup)})
        .map(nothing);
}

Status add_session(Writer& writer, const Sha256& hash, const Session& session) {
    return writer
        .run(
            "INSERT INTO accounts_session (hash, id, account, made_at, used_at, ends_at) VALUES ($1, $2, $3, "
            "$4, $5, $6)",
            {hash, session.id, session.person.id.text, session.made, session.used, session.ends})
        .map(nothing);
}

Result<std::optional<Session>> find_session(Reader& reader, const Sha256& hash) {
    std::optional<Session> session;
    auto found =
        reader.one("SELECT id, account, made_at, used_at, ends_at FROM accounts_session WHERE hash = $1",
                   {hash}, [&](const Row& row) { session = session_of(row); });
    if (!found) return pass(found.error());
    return session;
}

Result<std::vector<Session>> list_sessions(Reader& reader, const AccountId& id) {
    std::vector<Session> sessions;
    auto read = reader.each(
        "SELECT id, account, made_at, used_at, ends_at FROM accounts_session WHERE account = $1 ORDER BY "
        "made_at, id",
        {id.text}, [&](const Row& row) { sessions.push_back(session_of(row)); });
    if (!read) return pass(read.error());
    return sessions;
}

Status touch_session(Writer& writer, const Sha256& hash, Time now) {
    return writer.run("UPDATE accounts_session SET used_at = $1 WHERE hash = $2", {now, hash}).map(nothing);
}
Result<std::int64_t> drop_session(Writer& writer, const AccountId& id, const SessionId& session) {
    return writer.run("DELETE FROM accounts_session WHERE account = $1 AND id = $2", {id.text, session});
}
Result<std::int64_t> drop_sessions(Writer& writer, const AccountId& id) {
    return writer.run("DELETE FROM accounts_session WHERE account = $1", {id.text});
}

Status replace_recovery_codes(Writer& writer, const AccountId& id, const std::vector<Sha256>& hashes) {
    if (auto gone = writer.run("DELETE FROM accounts_recovery WHERE account = $1", {id.text}); !gone)
        return pass(gone.error());
    for (const Sha256& hash : hashes) {
        auto added =
            writer.run("INSERT INTO accounts_recovery (account, hash) VALUES ($1, $2)", {id.text, hash});
        if (!added) return pass(added.error());
    }
    return {};
}

Result<bool> use_recovery_code(Writer& writer, const AccountId& id, const Sha256& hash) {
    return writer.run("DELETE FROM accounts_recovery WHERE account = $1 AND hash = $2", {id.text, hash})
        .map([](std::int64_t rows) { return rows > 0; });
}

Result<std::int64_t> count_recovery_codes(Reader& reader, const AccountId& id) {
    return reader.integer("SELECT count(*) FROM accounts_recovery WHERE account = $1", {id.text})
        .map([](std::optional<std::int64_t> count) { return count.value_or(0); });
}

Result<Failures> find_failures(Reader& reader, const Sha256& key) {
    Failures failures;
    auto found =
        reader.one("SELECT failures, last_at, open_at FROM accounts_failures WHERE bucket = $1", {key},
                   [&](const Row& row) { failures = {row.integer(0), row.time(1), row.time(2)}; });
    if (!found) return pass(found.error());
    return failures;
}

Status save_failures(Writer& writer, const Sha256& key, const Failures& failures) {
    return writer
        .run(
            "INSERT INTO accounts_failures (bucket, failures, last_at, open_at) VALUES ($1, $2, $3, $4) "
            "ON CONFLICT (bucket) DO UPDATE SET failures = excluded.failures, last_at = excluded.last_at, "
            "open_at = excluded.open_at",
            {key, failures.count, failures.last, failures.open})
        .map(nothing);
}
Status drop_failures(Writer& writer, const Sha256& key) {
    return writer.run("DELETE FROM accounts_failures WHERE bucket = $1", {key}).map(nothing);
}

Result<bool> knows_peer(Reader& reader, const AccountId& id, const Sha256& peer) {
    return reader.one("SELECT seen_at FROM accounts_known_peer WHERE account = $1 AND peer = $2",
                      {id.text, peer}, [](const Row&) {});
}
Status remember_peer(Writer& writer, const AccountId& id, const Sha256& peer, Time now) {
    return writer
        .run(
            "INSERT INTO accounts_known_peer (account, peer, seen_at) VALUES ($1, $2, $3) "
            "ON CONFLICT (account, peer) DO UPDATE SET seen_at = excluded.seen_at",
            {id.text, peer, now})
        .map(nothing);
}
Status forget_peers(Writer& writer, const AccountId& id) {
    return writer.run("DELETE FROM accounts_known_peer WHERE account = $1", {id.text}).map(nothing);
}

Result<ByteVector> secret_or(Writer& writer, Bytes sealed, Bytes lost) {
    if (auto gone = writer.run("DELETE FROM accounts_secret WHERE sealed = $1", {lost}); !gone)
        return pass(gone.error());
    auto added = writer.run(
        "INSERT INTO accounts_secret (only_row, sealed) VALUES (1, $1) ON CONFLICT (only_row) DO NOTHING",
        {sealed});
    if (!added) return pass(added.error());
    ByteVector secret;
    auto found = writer.one("SELECT sealed FROM accounts_secret", {},
                            [&](const Row& row) { secret = copy_of(row.bytes(0)); });
    if (!found) return pass(found.error());
    return secret;
}

Status end_all_sessions(Writer& writer) {
    for (const char* sql : {"DELETE FROM accounts_session", "DELETE FROM accounts_token"})
        if (auto done = writer.run(sql); !done) return pass(done.error());
    return {};
}

Status drop_what_is_over(Writer& writer, Time now, std::chrono::microseconds idle) {
    constexpr auto kFailures = std::chrono::hours(48);
    constexpr auto kPeers = std::chrono::hours(24 * 90);
    const std::pair<const char*, Time> steps[] = {
        {"DELETE FROM accounts_session WHERE ends_at <= $1", now},
        {"DELETE FROM accounts_session WHERE used_at <= $1", now + -idle},
        {"DELETE FROM accounts_token WHERE expires_at <= $1", now},
        {"DELETE FROM accounts_failures WHERE last_at <= $1", now + -kFailures},
        {"DELETE FROM accounts_known_peer WHERE seen_at <= $1", now + -kPeers},
    };
    for (const auto& [sql, time] : steps)
        if (auto done = writer.run(sql, {time}); !done) return pass(done.error());
    return {};
}

}  // namespace rushlight::accounts
