// People: making, changing and forgetting them; the first administrator; resets.
#include "accounts/accounts.h"

#include "accounts/state.h"
#include "accounts/tokens.h"
#include "base/text.h"

#include <algorithm>

namespace rushlight::accounts {
namespace {

using AccountNumber = Hash<8, struct AccountNumberTag>;

tl::unexpected<Error> no_person() { return fail(ErrorCode::not_found, "there is no such account"); }
tl::unexpected<Error> no_email(std::string_view email) {
    return fail(
        ErrorCode::invalid,
        "'" + printable(email) + "' is no e-mail address that can be used: it wants name@host in ASCII");
}
tl::unexpected<Error> bad_token() {
    return fail(ErrorCode::denied,
                "this link is not valid: it was used, is too old, or was replaced by a newer one");
}

// Where this person is the last who can administer, nothing may take that away.
Status keep_an_administrator(Reader& reader, const PersonRow& before) {
    if (!before.person.active || !before.person.roles.has(Role::admin)) return {};
    const auto count = count_administrators(reader);
    if (!count) return pass(count.error());
    if (*count > 1) return {};
    return fail(ErrorCode::conflict, "this is the last administrator: make another one first");
}

}  // namespace

Accounts::Accounts(std::unique_ptr<State> state) : state_(std::move(state)) {}
Accounts::Accounts(Accounts&&) noexcept = default;
Accounts& Accounts::operator=(Accounts&&) noexcept = default;
Accounts::~Accounts() = default;
std::int64_t Accounts::passwords_tried() const { return state_->passwords.tried(); }

Result<PersonRow> person_in(Reader& reader, const AccountId& id) {
    auto row = find_person(reader, id);
    if (!row) return pass(row.error());
    if (!*row || (*row)->erased) return no_person();
    return std::move(**row);
}

Status note(Writer& writer, std::string_view who, const char* what, const AccountId& id, std::string detail,
            Time now) {
    return audit::append(
               writer,
               {.who = std::string(who), .what = what, .on = subject_of(id), .detail = std::move(detail)},
               now)
        .map([](std::int64_t) {});
}

Result<Accounts> Accounts::open(store::Store& store, const vault::Sealer& sealer, AccountOptions options,
                                Time) {
    constexpr std::string_view kPurpose = "accounts.pepper";
    if (options.hashes_at_once < 1 || options.hashes_waiting < 0)
        return fail(ErrorCode::invalid, "at least one password has to be tried at a time");
    auto state = std::make_unique<State>(store, sealer, options);
    auto sealed = sealer.seal(kPurpose, random_hash<Sha256>().value);
    if (!sealed) return pass(sealed.error());
    ByteVector lost;
    for (int attempt = 0; attempt < 2; ++attempt) {
        const auto kept =
            state->writing<ByteVector>([&](Writer& writer) { return secret_or(writer, *sealed, lost); });
        if (!kept) return pass(kept.error());
        const auto secret = sealer.open(kPurpose, *kept);
        if (secret) {
            state->pepper = Sha256::from(*secret).value_or(Sha256{});
            return Accounts(std::move(state));
        }
        // Its key is gone, which an operator accepted (Sealer::open() refuses else): recovery codes and known
        // peers made with it do not count any more.
        if (secret.error().code != ErrorCode::not_found)
            return fail(secret.error().code, "accounts cannot be used: " + secret.error().message);
        lost = *kept;
    }
    return fail(ErrorCode::corrupt, "accounts cannot be used: their secret does not stay");
}

Result<Person> Accounts::create(const NewPerson& person, std::string_view who, Time now) {
    const auto folded = fold_email(person.email);
    if (!folded) return no_email(person.email);
    if (person.roles.empty()) return fail(ErrorCode::invalid, "an account wants at least one role");
    PersonRow row{.person = {.id = {random_hash<AccountNumber>().hex()},
                             .email = std::string(trim(person.email)),
                             .roles = person.roles,
                             .made = now}};
    if (person.password) {
        if (auto fits = check_password(*person.password, *folded); !fits) return pass(fits.error());
        auto hash = state_->passwords.hash(*person.password);
        if (!hash) return pass(hash.error());
        row.password = std::move(*hash);
        row.person.has_password = true;
    }
    return state_->writing<Person>([&](Writer& writer) -> Result<Person> {
        if (auto added = add_person(writer, row, *folded); !added) return pass(added.error());
        auto email = audit::pseudonym(writer, subject_of(row.person.id), "email", *folded);
        if (!email) return pass(email.error());
        auto noted = note(writer, who, "account.created", row.person.id,
                          audit::detail({{"roles", names_of(row.person.roles)}, {"email", *email}}), now);
        if (!noted) return pass(noted.error());
        return row.person;
    });
}

Result<Person> Accounts::find(const AccountId& id) const {
    return state_->reading<Person>([&](Reader& reader) -> Result<Person> {
        auto row = person_in(reader, id);
        if (!row) return pass(row.error());
        return row->person;
    });
}

Result<Person> Accounts::find_email(std::string_view email) const {
    const auto folded = fold_email(email);
    if (!folded) return no_email(email);
    return state_->reading<Person>([&](Reader& reader) -> Result<Person> {
        auto row = find_person_by_email(reader, *folded);
        if (!row) return pass(row.error());
        if (!*row) return no_person();
        return (*row)->person;
    });
}

Result<std::vector<Person>> Accounts::list(std::optional<AccountId> after, int limit) const {
    return state_->reading<std::vector<Person>>(
        [&](Reader& reader) { return list_people(reader, after, limit); });
}

Status Accounts::set_roles(const AccountId& id, Roles roles, std::string_view who, Time now) {
    if (roles.empty()) return fail(ErrorCode::invalid, "an account wants at least one role");
    return state_->store.write([&](Writer& writer) -> Status {
        auto row = person_in(writer, id);
        if (!row) return pass(row.error());
        if (row->person.roles == roles) return {};
        if (!roles.has(Role::admin))
            if (auto kept = keep_an_administrator(writer, *row); !kept) return kept;
        const Roles before = std::exchange(row->person.roles, roles);
        if (auto saved = save_person(writer, *row); !saved) return saved;
        if (auto ended = drop_sessions(writer, id); !ended) return pass(ended.error());
        return note(writer, who, "account.roles_changed", id,
                    audit::detail({{"from", names_of(before)}, {"to", names_of(roles)}}), now);
    });
}

Status Accounts::set_active(const AccountId& id, bool active, std::string_view who, Time now) {
    return state_->store.write([&](Writer& writer) -> Status {
        auto row = person_in(writer, id);
        if (!row) return pass(row.error());
        if (row->person.active == active) return {};
        if (!active)
            if (auto kept = keep_an_administrator(writer, *row); !kept) return kept;
        row->person.active = active;
        if (auto saved = save_person(writer, *row); !saved) return saved;
        if (auto ended = drop_sessions(writer, id); !ended) return pass(ended.error());
        return note(writer, who, active ? "account.opened" : "account.closed", id, "{}", now);
    });
}

Status Accounts::set_password(const AccountId& id, std::string_view password, std::string_view who,
                              Time now) {
    const auto person = find(id);
    if (!person) return pass(person.error());
    if (auto fits = check_password(password, person->email); !fits) return fits;
    const auto hash = state_->passwords.hash(password);
    if (!hash) return pass(hash.error());
    return state_->store.write([&](Writer& writer) -> Status {
        auto row = person_in(writer, id);
        if (!row) return pass(row.error());
        row->password = *hash;
        if (auto saved = save_person(writer, *row); !saved) return saved;
        if (auto ended = drop_sessions(writer, id); !ended) return pass(ended.error());
        if (auto dropped = drop_reset_tokens(writer, id); !dropped) return dropped;
        return note(writer, who, "account.password_changed", id, "{}", now);
    });
}

Status Accounts::erase(const AccountId& id, std::string_view who, Time now) {
    return state_->store.write([&](Writer& writer) -> Status {
        auto row = person_in(writer, id);
        if (!row) return pass(row.error());
        if (auto kept = keep_an_administrator(writer, *row); !kept) return kept;
        const PersonRow erased{.person = {.id = id,
                                          .email = {},
                                          .roles = row->person.roles,
                                          .active = false,
                                          .made = row->person.made},
                               .erased = true};
        if (auto saved = save_person(writer, erased); !saved) return saved;
        if (auto saved = save_email(writer, id, "", "erased:" + id.text); !saved) return saved;
        if (auto ended = drop_sessions(writer, id); !ended) return pass(ended.error());
        if (auto dropped = drop_reset_tokens(writer, id); !dropped) return dropped;
        if (auto dropped = replace_recovery_codes(writer, id, {}); !dropped) return dropped;
        if (auto dropped = forget_peers(writer, id); !dropped) return dropped;
        if (auto forgot = audit::forget(writer, subject_of(id)); !forgot) return pass(forgot.error());
        return note(writer, who, "account.erased", id, "{}", now);
    });
}

// ---- the first administrator
// ---------------------------------------------------------------------------------

Result<bool> Accounts::has_administrator() const {
    return state_->reading<bool>([](Reader& reader) {
        return count_administrators(reader).map([](std::int64_t count) { return count > 0; });
    });
}

Result<Token> Accounts::make_setup_token(Time now) {
    const Token token{.text = random_token(), .expires = now + state_->options.setup_valid};
    const Sha256 hash = hash_of_token(token.text).value_or(Sha256{});
    return state_->writing<Token>([&](Writer& writer) -> Result<Token> {
        const auto count = count_administrators(writer);
        if (!count) return pass(count.error());
        if (*count > 0)
            return fail(ErrorCode::conflict, "there is an administrator already: nothing is left to set up");
        if (auto dropped = drop_setup_tokens(writer); !dropped) return pass(dropped.error());
        const TokenRow row{.kind = TokenKind::setup, .account = {}, .expires = token.expires};
        if (auto added = add_token(writer, hash, row); !added) return pass(added.error());
        return token;
    });
}

Result<bool> Accounts::is_setup_token(std::string_view token, Time now) const {
    const auto hash = hash_of_token(token);
    if (!hash) return false;
    return state_->reading<bool>([&](Reader& reader) -> Result<bool> {
        const auto row = find_token(reader, *hash, now);
        if (!row) return pass(row.error());
        const auto count = count_administrators(reader);
        if (!count) return pass(count.error());
        return *row && (*row)->kind == TokenKind::setup && *count == 0;
    });
}

Result<Person> Accounts::set_up(std::string_view token, std::string_view email, std::string_view password,
                                Time now) {
    const auto valid = is_setup_token(token, now);
    if (!valid) return pass(valid.error());
    if (!*valid) return bad_token();
    const auto folded = fold_email(email);
    if (!folded) return no_email(email);
    if (auto fits = check_password(password, *folded); !fits) return pass(fits.error());
    const auto hash = state_->passwords.hash(password);
    if (!hash) return pass(hash.error());
    const PersonRow person{.person = {.id = {random_hash<AccountNumber>().hex()},
                                      .email = std::string(trim(email)),
                                      .roles = {Role::admin},
                                      .has_password = true,
                                      .made = now},
                           .password = *hash};
    const Sha256 token_hash = hash_of_token(token).value_or(Sha256{});
    return state_->writing<Person>([&](Writer& writer) -> Result<Person> {
        const auto row = find_token(writer, token_hash, now);
        if (!row) return pass(row.error());
        const auto count = count_administrators(writer);
        if (!count) return pass(count.error());
        if (!*row || (*row)->kind != TokenKind::setup || *count > 0) return bad_token();
        if (auto dropped = drop_setup_tokens(writer); !dropped) return pass(dropped.error());
        if (auto added = add_person(writer, person, *folded); !added) return pass(added.error());
        auto pseudonym = audit::pseudonym(writer, subject_of(person.person.id), "email", *folded);
        if (!pseudonym) return pass(pseudonym.error());
        auto noted =
            note(writer, "system", "account.set_up", person.person.id,
                 audit::detail({{"roles", names_of(person.person.roles)}, {"email", *pseudonym}}), now);
        if (!noted) return pass(noted.error());
        return person.person;
    });
}

// ---- resets
// --------------------------------------------------------------------------------------------------

Result<Token> Accounts::make_reset_token(const AccountId& id, bool second_factor_too, std::string_view who,
                                         Time now) {
    const Token token{.text = random_token(), .expires = now + state_->options.reset_valid};
    const Sha256 hash = hash_of_token(token.text).value_or(Sha256{});
    return state_->writing<Token>([&](Writer& writer) -> Result<Token> {
        const auto row = person_in(writer, id);
        if (!row) return pass(row.error());
        if (auto dropped = drop_reset_tokens(writer, id); !dropped) return pass(dropped.error());
        const TokenRow token_row{.kind = second_factor_too ? TokenKind::reset_all : TokenKind::reset,
                                 .account = id,
                                 .expires = token.expires};
        if (auto added = add_token(writer, hash, token_row); !added) return pass(added.error());
        auto noted = note(
            writer, who, "account.reset_offered", id,
            audit::detail({{"second_factor", second_factor_too}, {"until", token.expires.rfc3339()}}), now);
        if (!noted) return pass(noted.error());
        return token;
    });
}

Result<Person> Accounts::reset(std::string_view token, std::string_view password, Time now) {
    const auto token_hash = hash_of_token(token);
    if (!token_hash) return bad_token();
    // The token with its person, or the refusal.
    const auto look = [&](Reader& reader) -> Result<std::pair<TokenRow, PersonRow>> {
        const auto row = find_token(reader, *token_hash, now);
        if (!row) return pass(row.error());
        if (!*row || (*row)->kind == TokenKind::setup) return bad_token();
        auto person = person_in(reader, (*row)->account);
        if (!person) return bad_token();
        return std::pair(**row, std::move(*person));
    };
    const auto found = state_->reading<std::pair<TokenRow, PersonRow>>(look);
    if (!found) return pass(found.error());
    if (auto fits = check_password(password, found->second.person.email); !fits) return pass(fits.error());
    const auto hash = state_->passwords.hash(password);
    if (!hash) return pass(hash.error());
    return state_->writing<Person>([&](Writer& writer) -> Result<Person> {
        auto again = look(writer);
        if (!again) return pass(again.error());
        auto& [row, person] = *again;
        const AccountId id = person.person.id;
        const bool all = row.kind == TokenKind::reset_all;
        person.password = *hash;
        person.person.has_password = true;
        if (all) {
            person.totp.clear();
            person.pending_totp.clear();
            person.person.second_factor = false;
            if (auto dropped = replace_recovery_codes(writer, id, {}); !dropped) return pass(dropped.error());
        }
        if (auto saved = save_person(writer, person); !saved) return pass(saved.error());
        if (auto ended = drop_sessions(writer, id); !ended) return pass(ended.error());
        if (auto dropped = drop_reset_tokens(writer, id); !dropped) return pass(dropped.error());
        const auto folded = fold_email(person.person.email).value_or("");
        for (const Bucket& bucket : {state_->account_bucket(folded), state_->code_bucket(id)})
            if (auto dropped = drop_failures(writer, bucket.key); !dropped) return pass(dropped.error());
        auto noted = note(writer, who(id), "account.reset", id, audit::detail({{"second_factor", all}}), now);
        if (!noted) return pass(noted.error());
        return person.person;
    });
}

Status Accounts::sweep(Time now) {
    return state_->store.write(
        [&](Writer& writer) { return drop_what_is_over(writer, now, state_->options.idle); });
}

}  // namespace rushlight::accounts
