// Signing in, and sessions.
#include "accounts/accounts.h"
#include "accounts/state.h"
#include "accounts/tokens.h"
#include "accounts/totp.h"
#include "base/text.h"

#include <algorithm>
#include <array>

namespace rushlight::accounts {
namespace {

using std::chrono::hours;
using std::chrono::minutes;
using std::chrono::seconds;

constexpr std::size_t kMostPassword = 1024;

// One try in all its buckets: what it was before, so that a success can take it back.
struct Counted {
    std::chrono::microseconds wait{};  // not zero: not counted, come back then
};

// Counts a try in each bucket, unless one of them makes it wait.
Result<Counted> count_try(Writer& writer, const std::vector<Bucket>& buckets, Time now) {
    Counted counted;
    std::vector<Failures> all;
    for (const Bucket& bucket : buckets) {
        auto stored = find_failures(writer, bucket.key);
        if (!stored) return pass(stored.error());
        all.push_back(remembered(bucket, *stored, now));
        counted.wait = std::max(counted.wait, wait_of(bucket, all.back(), now));
    }
    if (counted.wait > std::chrono::microseconds::zero()) return counted;
    for (std::size_t i = 0; i < buckets.size(); ++i) {
        const Failures more = one_more(buckets[i], all[i], now);
        if (auto saved = save_failures(writer, buckets[i].key, more); !saved) return pass(saved.error());
        if (more.count != buckets[i].free + 1) continue;
        // Told once, whether the address is an account's or not: the log must not tell them apart either.
        auto noted = audit::append(writer,
                                   {.who = "system",
                                    .what = "sign_in.slowed",
                                    .on = {"sign_in", buckets[i].key.hex().substr(0, 16)},
                                    .detail = audit::detail({{"failures", more.count}})},
                                   now);
        if (!noted) return pass(noted.error());
    }
    return counted;
}

// It was no failure.
Status take_back(Writer& writer, const Bucket& bucket, Time now) {
    auto failures = find_failures(writer, bucket.key);
    if (!failures) return pass(failures.error());
    if (failures->count <= 1) return drop_failures(writer, bucket.key);
    --failures->count;
    failures->open = now;
    return save_failures(writer, bucket.key, *failures);
}

bool is_digits(std::string_view text) {
    return text.size() == 6 && std::ranges::all_of(text, [](char c) { return c >= '0' && c <= '9'; });
}

tl::unexpected<Error> no_session() {
    return fail(ErrorCode::denied, "nobody is signed in here, or no longer");
}

seconds whole_seconds(std::chrono::microseconds time) { return std::chrono::ceil<seconds>(time); }

}  // namespace

Sha256 Accounts::State::peer_hash(const AccountId& id, std::string_view peer) const {
    return keyed_hash(pepper, {"peer", id.text, peer_network(peer)});
}
// From everywhere: a short wait only, and none where the person is known, so that it locks nobody out.
Bucket Accounts::State::account_bucket(std::string_view folded) const {
    return {.key = keyed_hash(pepper, {"account", folded}),
            .free = 20,
            .most = minutes(1),
            .forgiven = hours(24)};
}
Bucket Accounts::State::pair_bucket(std::string_view folded, std::string_view peer) const {
    return {.key = keyed_hash(pepper, {"pair", folded, peer_network(peer)}),
            .free = 5,
            .most = minutes(15),
            .forgiven = hours(24)};
}
Bucket Accounts::State::peer_bucket(std::string_view peer) const {
    return {.key = keyed_hash(pepper, {"network", peer_network(peer)}),
            .free = 50,
            .most = minutes(15),
            .forgiven = hours(1)};
}
// Whoever gets here knows the password.
Bucket Accounts::State::code_bucket(const AccountId& id) const {
    return {
        .key = keyed_hash(pepper, {"code", id.text}), .free = 10, .most = hours(1), .forgiven = hours(24)};
}

Result<SignIn> Accounts::sign_in(const Attempt& attempt, Time now) {
    State& state = *state_;
    if (attempt.password.size() > kMostPassword) return SignIn{};
    // What is no address at all is treated as one that nobody has.
    const std::string folded = fold_email(attempt.email).value_or(std::string(attempt.email.substr(0, 300)));
    const bool searchable = fold_email(attempt.email).has_value();
    std::optional<PersonRow> person;
    std::vector<Bucket> buckets;
    const auto counted = state.writing<Counted>([&](Writer& writer) -> Result<Counted> {
        person.reset();
        // Asked for in either case, so that both take the same steps.
        auto found = find_person_by_email(writer, searchable ? folded : "");
        if (!found) return pass(found.error());
        person = std::move(*found);
        const AccountId id = person ? person->person.id : AccountId{};
        auto known = knows_peer(writer, id, state.peer_hash(id, attempt.peer));
        if (!known) return pass(known.error());
        buckets = {state.pair_bucket(folded, attempt.peer), state.peer_bucket(attempt.peer),
                   state.account_bucket(folded)};
        buckets[2].holds = !*known;
        return count_try(writer, buckets, now);
    });
    if (!counted) return pass(counted.error());
    if (counted->wait.count() > 0)
        return SignIn{.state = SignIn::State::slowed, .wait = whole_seconds(counted->wait)};

    const auto right = state.passwords.verify(person ? person->password : "", attempt.password);
    if (!right) {
        // Turned away unread: it does not count.
        (void)state.store.write([&](Writer& writer) -> Status {
            for (const Bucket& bucket : buckets)
                if (auto back = take_back(writer, bucket, now); !back) return back;
            return {};
        });
        return pass(right.error());
    }
    if (!*right || !person->person.active) return SignIn{};
    const AccountId id = person->person.id;

    const bool wants_code = person->person.second_factor;
    if (wants_code && attempt.code.empty()) {
        const Status back = state.store.write([&](Writer& writer) -> Status {
            for (const Bucket& bucket : buckets)
                if (auto taken = take_back(writer, bucket, now); !taken) return taken;
            return {};
        });
        if (!back) return pass(back.error());
        return SignIn{.state = SignIn::State::second_factor_wanted};
    }
    Bucket codes = state.code_bucket(id);
    if (wants_code) {
        const auto code_counted = state.writing<Counted>([&](Writer& writer) -> Result<Counted> {
            auto known = knows_peer(writer, id, state.peer_hash(id, attempt.peer));
            if (!known) return pass(known.error());
            codes.holds = !*known;
            return count_try(writer, {codes}, now);
        });
        if (!code_counted) return pass(code_counted.error());
        if (code_counted->wait.count() > 0)
            return SignIn{.state = SignIn::State::slowed, .wait = whole_seconds(code_counted->wait)};
    }
    std::string new_hash;
    if (state.passwords.is_old(person->password))
        new_hash = state.passwords.hash(attempt.password).value_or("");

    SignIn done{.token = random_token()};
    const Sha256 token_hash = hash_of_token(done.token).value_or(Sha256{});
    return state.writing<SignIn>([&](Writer& writer) -> Result<SignIn> {
        SignIn result = done;
        auto now_is = person_in(writer, id);
        if (!now_is) return pass(now_is.error());
        // What changed since the password was tried counts.
        if (!now_is->person.active || now_is->password != person->password ||
            now_is->person.second_factor != wants_code)
            return SignIn{};
        if (wants_code && is_digits(attempt.code)) {
            auto secret = state.sealer.open(totp_purpose(id), now_is->totp);
            if (!secret) return pass(secret.error());
            const auto step = matching_step(*secret, attempt.code, now, now_is->totp_step);
            if (!step) return SignIn{};
            now_is->totp_step = *step;
        } else if (wants_code) {
            auto used = use_recovery_code(writer, id, state.recovery_hash(id, attempt.code));
            if (!used) return pass(used.error());
            if (!*used) return SignIn{};
            auto left = count_recovery_codes(writer, id);
            if (!left) return pass(left.error());
            result.used_recovery_code = true;
            result.recovery_codes_left = *left;
        }
        if (!new_hash.empty()) now_is->password = new_hash;
        now_is->person.signed_in = now;
        if (auto saved = save_person(writer, *now_is); !saved) return pass(saved.error());
        result.state = SignIn::State::signed_in;
        result.session = Session{.id = random_hash<SessionId>(),
                                 .person = now_is->person,
                                 .made = now,
                                 .used = now,
                                 .ends = now + state.options.absolute};
        if (auto added = add_session(writer, token_hash, *result.session); !added) return pass(added.error());
        for (const Bucket& bucket : {buckets[0], buckets[2], codes})
            if (auto dropped = drop_failures(writer, bucket.key); !dropped) return pass(dropped.error());
        if (auto back = take_back(writer, buckets[1], now); !back) return pass(back.error());
        if (auto kept = remember_peer(writer, id, state.peer_hash(id, attempt.peer), now); !kept)
            return pass(kept.error());
        const char* factor = !wants_code ? "none" : result.used_recovery_code ? "recovery_code" : "totp";
        auto noted =
            note(writer, who(id), "account.signed_in", id, audit::detail({{"second_factor", factor}}), now);
        if (!noted) return pass(noted.error());
        return result;
    });
}

Status Accounts::change_password(const AccountId& id, std::string_view old_password,
                                 std::string_view new_password, std::string_view peer, Time now) {
    State& state = *state_;
    const auto person = state.reading<PersonRow>([&](Reader& reader) { return person_in(reader, id); });
    if (!person) return pass(person.error());
    if (old_password.size() > kMostPassword) return fail(ErrorCode::denied, "the old password is wrong");
    if (auto fits = check_password(new_password, person->person.email); !fits) return fits;
    const Bucket bucket = state.pair_bucket("change:" + id.text, peer);
    const auto counted =
        state.writing<Counted>([&](Writer& writer) { return count_try(writer, std::vector{bucket}, now); });
    if (!counted) return pass(counted.error());
    if (counted->wait.count() > 0)
        return fail(ErrorCode::limit, "too many wrong passwords: try again in " +
                                          std::to_string(whole_seconds(counted->wait).count()) + " seconds");
    const auto right = state.passwords.verify(person->password, old_password);
    if (!right) return pass(right.error());
    if (!*right) return fail(ErrorCode::denied, "the old password is wrong");
    const auto hash = state.passwords.hash(new_password);
    if (!hash) return pass(hash.error());
    return state.store.write([&](Writer& writer) -> Status {
        auto row = person_in(writer, id);
        if (!row) return pass(row.error());
        if (row->password != person->password)
            return fail(ErrorCode::conflict, "the password was changed meanwhile");
        row->password = *hash;
        if (auto saved = save_person(writer, *row); !saved) return saved;
        if (auto ended = drop_sessions(writer, id); !ended) return pass(ended.error());
        if (auto dropped = drop_reset_tokens(writer, id); !dropped) return dropped;
        if (auto dropped = drop_failures(writer, bucket.key); !dropped) return dropped;
        return note(writer, who(id), "account.password_changed", id, "{}", now);
    });
}

namespace {

// With its person; `denied` where it is over.
Result<Session> lasting_session(Reader& reader, const Sha256& hash, std::chrono::microseconds idle,
                                Time now) {
    auto session = find_session(reader, hash);
    if (!session) return pass(session.error());
    if (!*session || now >= (*session)->ends || now - (*session)->used >= idle) return no_session();
    auto person = person_in(reader, (*session)->person.id);
    if (!person || !person->person.active) return no_session();
    (*session)->person = std::move(person->person);
    return std::move(**session);
}

}  // namespace

Result<bool> Accounts::lasts(std::string_view token, Time now) const {
    const auto hash = hash_of_token(token);
    if (!hash) return false;
    const auto found = state_->reading<Session>(
        [&](Reader& reader) { return lasting_session(reader, *hash, state_->options.idle, now); });
    if (found) return true;
    if (found.error().code == ErrorCode::denied) return false;
    return pass(found.error());
}

Result<Session> Accounts::session(std::string_view token, Time now) {
    const auto hash = hash_of_token(token);
    if (!hash) return no_session();
    auto found = state_->reading<Session>(
        [&](Reader& reader) { return lasting_session(reader, *hash, state_->options.idle, now); });
    if (!found) return found;
    if (now - found->used >= minutes(1)) {
        const Status touched = state_->store.write(
            [&](Writer& writer) { return touch_session(writer, *hash, now); }, store::Durability::process);
        if (touched) found->used = now;
    }
    return found;
}

Status Accounts::sign_out(std::string_view token, Time now) {
    const auto hash = hash_of_token(token);
    if (!hash) return no_session();
    return state_->store.write([&](Writer& writer) -> Status {
        auto session = find_session(writer, *hash);
        if (!session) return pass(session.error());
        if (!*session) return no_session();
        const AccountId id = (*session)->person.id;
        if (auto dropped = drop_session(writer, id, (*session)->id); !dropped) return pass(dropped.error());
        return note(writer, who(id), "account.signed_out", id, "{}", now);
    });
}

Result<std::vector<Session>> Accounts::sessions(const AccountId& id, Time now) const {
    return state_->reading<std::vector<Session>>([&](Reader& reader) -> Result<std::vector<Session>> {
        auto person = person_in(reader, id);
        if (!person) return pass(person.error());
        auto all = list_sessions(reader, id);
        if (!all) return all;
        std::erase_if(*all, [&](const Session& session) {
            return now >= session.ends || now - session.used >= state_->options.idle;
        });
        for (Session& session : *all) session.person = person->person;
        return all;
    });
}

Status Accounts::revoke(const AccountId& id, const SessionId& session, std::string_view who, Time now) {
    return state_->store.write([&](Writer& writer) -> Status {
        auto dropped = drop_session(writer, id, session);
        if (!dropped) return pass(dropped.error());
        if (*dropped == 0) return fail(ErrorCode::not_found, "there is no such session");
        return note(writer, who, "account.session_revoked", id, "{}", now);
    });
}

Result<std::int64_t> Accounts::revoke_all(const AccountId& id, std::string_view who, Time now) {
    return state_->writing<std::int64_t>([&](Writer& writer) -> Result<std::int64_t> {
        auto dropped = drop_sessions(writer, id);
        if (!dropped || *dropped == 0) return dropped;
        auto noted =
            note(writer, who, "account.sessions_revoked", id, audit::detail({{"sessions", *dropped}}), now);
        if (!noted) return pass(noted.error());
        return dropped;
    });
}

}  // namespace rushlight::accounts
