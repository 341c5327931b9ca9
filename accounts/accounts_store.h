// Private: the tables of people, as the rest of the room sees them. Every function works in the caller's
// transaction.
#pragma once

#include "accounts/accounts.h"
#include "accounts/waiting.h"

#include <vector>

namespace rushlight::accounts {

struct PersonRow {
    Person person{};
    std::string password{};      // Argon2id's text; empty: none
    ByteVector totp{};           // sealed; empty: none
    ByteVector pending_totp{};   // begun, not confirmed
    std::int64_t totp_step = 0;  // the last one used
    bool erased = false;
};

enum class TokenKind { setup, reset, reset_all };  // reset_all: the second factor, too
struct TokenRow {
    TokenKind kind = TokenKind::setup;
    AccountId account;  // not of setup
    Time expires;
};

using store::Reader;
using store::Writer;

Result<std::optional<PersonRow>> find_person(Reader& reader, const AccountId& id);
Result<std::optional<PersonRow>> find_person_by_email(Reader& reader, std::string_view folded);
Result<std::vector<Person>> list_people(Reader& reader, const std::optional<AccountId>& after, int limit);
// `conflict` in words where the address is taken.
Status add_person(Writer& writer, const PersonRow& row, std::string_view folded);
Status save_person(Writer& writer, const PersonRow& row);  // all but the address
Status save_email(Writer& writer, const AccountId& id, std::string_view email, std::string_view folded);
Result<std::int64_t> count_administrators(Reader& reader);  // that can sign in

Status add_token(Writer& writer, const Sha256& hash, const TokenRow& row);
Result<std::optional<TokenRow>> find_token(Reader& reader, const Sha256& hash, Time now);
Status drop_setup_tokens(Writer& writer);
Status drop_reset_tokens(Writer& writer, const AccountId& id);

Status add_session(Writer& writer, const Sha256& hash, const Session& session);
Result<std::optional<Session>> find_session(Reader& reader, const Sha256& hash);  // without the person
Result<std::vector<Session>> list_sessions(Reader& reader, const AccountId& id);
Status touch_session(Writer& writer, const Sha256& hash, Time now);
Result<std::int64_t> drop_session(Writer& writer, const AccountId& id, const SessionId& session);
Result<std::int64_t> drop_sessions(Writer& writer, const AccountId& id);

Status replace_recovery_codes(Writer& writer, const AccountId& id, const std::vector<Sha256>& hashes);
Result<bool> use_recovery_code(Writer& writer, const AccountId& id, const Sha256& hash);
Result<std::int64_t> count_recovery_codes(Reader& reader, const AccountId& id);

Result<Failures> find_failures(Reader& reader, const Sha256& key);
Status save_failures(Writer& writer, const Sha256& key, const Failures& failures);
Status drop_failures(Writer& writer, const Sha256& key);

Result<bool> knows_peer(Reader& reader, const AccountId& id, const Sha256& peer);
Status remember_peer(Writer& writer, const AccountId& id, const Sha256& peer, Time now);
Status forget_peers(Writer& writer, const AccountId& id);

// The sealed random key of this installation's keyed hashes; the first one given stays,
// unless it is `lost`.
Result<ByteVector> secret_or(Writer& writer, Bytes sealed, Bytes lost);

Status drop_what_is_over(Writer& writer, Time now, std::chrono::microseconds idle);

}  // namespace rushlight::accounts
