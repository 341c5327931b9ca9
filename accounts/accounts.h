// accounts: people who sign in, their roles, sessions and second factors. Programs' keys stand in
// accounts/api_keys.h.
//
//   auto accounts = Accounts::open(store, sealer, {}, clock.now());
//   auto result = accounts->sign_in({.email = e, .password = p, .code = c, .peer = "192.0.2.7"}, now);
//   if (result && result->state == SignIn::State::signed_in) set_cookie(result->token);
//   auto session = accounts->session(cookie, now);      // on each request; `denied` where there is none
//   if (!same(csrf_token(cookie), header)) refuse();    // on each that changes something
//
// Every change writes its audit entry in the same transaction; `who` is who did it ("account:a1",
// "local:1000", "system"). E-mail addresses stand in the audit log as pseudonyms only.
//
// Passwords: Argon2id, a bounded number at once (each takes the memory of `effort`); who comes when too many
// wait is told `unavailable`. An unknown address and a wrong password take the same steps and give the same
// answer. Guessing is slowed by waiting times that double: for an address from one peer, for a peer, and,
// with a short limit, for an address from everywhere – but not where the person signed in before, so that
// nobody can lock another out.
// Tokens (sessions, set-up, reset) have 256 random bits; at rest there are only their SHA-256. Second
// factors are RFC 6238 codes (SHA-1, 6 digits, 30 s, one step either way, each step once) or recovery codes,
// each once.
//
// Threads: any. Errors: `denied` for a wrong token or password, `invalid` for what breaks a rule, `conflict`,
// `not_found`, `limit` and `unavailable` in words.
#pragma once

#include "accounts/rights.h"
#include "base/hash.h"
#include "base/result.h"
#include "base/time.h"
#include "store/store.h"
#include "vault/vault.h"

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace rushlight::accounts {

store::Schema schema();

struct AccountId {
    std::string text;  // opaque

    bool operator==(const AccountId&) const = default;
};
// For audit entries: "account:" and the id.
inline std::string who(const AccountId& id) { return "account:" + id.text; }

struct AccountOptions {
    vault::Effort effort{};                                  // of each password: libsodium's "moderate"
    int hashes_at_once = 2;                                  // so many of them take memory at the same time
    int hashes_waiting = 32;                                 // … and so many wait; more are turned away
    std::chrono::microseconds idle = std::chrono::hours(1);  // a session that nobody uses ends
    std::chrono::microseconds absolute = std::chrono::hours(12);  // … and any after this
    std::chrono::microseconds setup_valid = std::chrono::hours(24);
    std::chrono::microseconds reset_valid = std::chrono::hours(1);
};

struct Person {
    AccountId id;
    std::string email;  // as it was written; found again whatever its case
    Roles roles;
    bool active = true;
    bool has_password = false;  // false: has a reset link to use first
    bool second_factor = false;
    Time made;
    std::optional<Time> signed_in{};  // last time
};

struct NewPerson {
    std::string email;
    Roles roles;
    std::optional<std::string> password{};  // none: give them a reset token
};

// A secret that is shown once.
struct Token {
    std::string text;
    Time expires;
};

struct Attempt {
    std::string email, password;
    std::string code{};  // of the second factor: six digits or a recovery code; empty: none given yet
    std::string peer{};  // an IP address, the nearest that can be trusted
};

using SessionId = Hash<8, struct SessionIdTag>;

struct Session {
    SessionId id;  // for lists; no secret
    Person person;
    Time made, used, ends;
};

struct SignIn {
    enum class State {
        signed_in,
        second_factor_wanted,  // the password is right: ask for a code, and send both again
        refused,               // address, password or code is wrong: nothing says which
        slowed,                // too many attempts: come back in `wait`
    };
    State state = State::refused;
    std::string token{};  // for the session cookie
    std::optional<Session> session{};
    std::chrono::seconds wait{};
    bool used_recovery_code = false;
    std::int64_t recovery_codes_left = 0;  // where one was used
};

// What a form has to send along, drawn from the session's token.
std::string csrf_token(std::string_view session_token);
// Takes the same time however much of the two is equal.
bool same(std::string_view a, std::string_view b);

// An address folded to the form that makes it unique; nullopt for what is none. ASCII only, up to 254 bytes.
std::optional<std::string> fold_email(std::string_view email);
// `invalid` says which rule a new password breaks: 12 to 1024 bytes, none of the commonest, not the address.
Status check_password(std::string_view password, std::string_view email);

// Signs everybody out, and makes set-up and reset links useless: for a store that comes out of a backup.
Status end_all_sessions(store::Writer& writer);

class Accounts {
  public:
    // `store` and `sealer` must outlive it.
    static Result<Accounts> open(store::Store& store, const vault::Sealer& sealer, AccountOptions options,
                                 Time now);
    Accounts(Accounts&&) noexcept;
    Accounts& operator=(Accounts&&) noexcept;
    ~Accounts();

    // ---- people
    Result<Person> create(const NewPerson& person, std::string_view who, Time now);
    Result<Person> find(const AccountId& id) const;
    Result<Person> find_email(std::string_view email) const;
    // In the order of their ids, from behind `after` on; `limit` up to 1,000.
    Result<std::vector<Person>> list(std::optional<AccountId> after, int limit) const;
    // `conflict` where no active administrator would be left. Sessions end.
    Status set_roles(const AccountId& id, Roles roles, std::string_view who, Time now);
    Status set_active(const AccountId& id, bool active, std::string_view who, Time now);
    // By an administrator or at the machine. All sessions end.
    Status set_password(const AccountId& id, std::string_view password, std::string_view who, Time now);
    // By the person, who knows the old one; slowed like a sign-in (`limit`). All sessions end.
    Status change_password(const AccountId& id, std::string_view old_password, std::string_view new_password,
                           std::string_view peer, Time now);
    // Forgets the person: address, password, second factor, sessions, and the salt of their pseudonyms. The
    // id stays, so that old entries keep their meaning.
    Status erase(const AccountId& id, std::string_view who, Time now);

    // ---- the first administrator, and people who cannot sign in
    Result<bool> has_administrator() const;
    // `conflict` once there is an administrator. An older token goes.
    Result<Token> make_setup_token(Time now);
    // Whether set_up() would take it.
    Result<bool> is_setup_token(std::string_view token, Time now) const;
    Result<Person> set_up(std::string_view token, std::string_view email, std::string_view password,
                          Time now);
    // For one new password; takes waiting times off, and the second factor where that is lost, too.
    Result<Token> make_reset_token(const AccountId& id, bool second_factor_too, std::string_view who,
                                   Time now);
    Result<Person> reset(std::string_view token, std::string_view password, Time now);

    // ---- sessions
    Result<SignIn> sign_in(const Attempt& attempt, Time now);
    // Also moves the idle end on (written at most once a minute).
    Result<Session> session(std::string_view token, Time now);
    // Whether session() would give one. Does not count as use: what only listens keeps no session alive.
    Result<bool> lasts(std::string_view token, Time now) const;
    Status sign_out(std::string_view token, Time now);
    Result<std::vector<Session>> sessions(const AccountId& id, Time now) const;
    Status revoke(const AccountId& id, const SessionId& session, std::string_view who, Time now);
    Result<std::int64_t> revoke_all(const AccountId& id, std::string_view who, Time now);

    // ---- the second factor
    struct SecondFactor {
        std::string secret;  // base32, to be typed
        std::string uri;     // otpauth://…, for a QR code
    };
    // Does nothing yet: confirm with a code.
    Result<SecondFactor> begin_second_factor(const AccountId& id, Time now);
    // Ten recovery codes, shown once. Other sessions stay.
    Result<std::vector<std::string>> confirm_second_factor(const AccountId& id, std::string_view code,
                                                           Time now);
    Result<std::vector<std::string>> new_recovery_codes(const AccountId& id, std::string_view who, Time now);
    Status remove_second_factor(const AccountId& id, std::string_view who, Time now);

    // Removes what is over: sessions, tokens, waiting times. To be called now and then.
    Status sweep(Time now);

    // How many passwords were tried in full; tests hold unknown addresses against it.
    std::int64_t passwords_tried() const;

  private:
    struct State;
    explicit Accounts(std::unique_ptr<State> state);

    std::unique_ptr<State> state_;
};

}  // namespace rushlight::accounts
