// The second factor: codes of an app, and recovery codes.
#include "accounts/accounts.h"
#include "accounts/state.h"
#include "accounts/tokens.h"
#include "accounts/totp.h"

#include <array>

namespace rushlight::accounts {
namespace {

constexpr int kCodes = 10;

// Twelve letters and digits, 60 random bits: abcd-efgh-ijkl.
std::string random_code() {
    std::array<std::byte, 8> random{};
    random_fill(random);
    std::string code = to_base32(random).substr(0, 12);
    code.insert(8, 1, '-');
    code.insert(4, 1, '-');
    return code;
}

}  // namespace

std::string plain_code(std::string_view code) {
    std::string plain;
    for (char c : code.substr(0, 100)) {
        if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
        if ((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9')) plain += c;
    }
    return plain;
}

Sha256 Accounts::State::recovery_hash(const AccountId& id, std::string_view code) const {
    return keyed_hash(pepper, {"recovery", id.text, plain_code(code)});
}

namespace {

// Made anew; only their hashes are kept.
template <class HashOf>
RecoveryCodes make_codes(HashOf&& hash_of) {
    RecoveryCodes made;
    for (int i = 0; i < kCodes; ++i) {
        made.codes.push_back(random_code());
        made.hashes.push_back(hash_of(made.codes.back()));
    }
    return made;
}

}  // namespace

Result<Accounts::SecondFactor> Accounts::begin_second_factor(const AccountId& id, Time) {
    ByteVector secret(kTotpSecret);
    random_fill(secret);
    const auto sealed = state_->sealer.seal(totp_purpose(id), secret);
    if (!sealed) return pass(sealed.error());
    return state_->writing<SecondFactor>([&](Writer& writer) -> Result<SecondFactor> {
        auto row = person_in(writer, id);
        if (!row) return pass(row.error());
        if (row->person.second_factor)
            return fail(ErrorCode::conflict, "there is a second factor already: remove it first");
        row->pending_totp = *sealed;
        if (auto saved = save_person(writer, *row); !saved) return pass(saved.error());
        const std::string text = to_base32(secret);
        return SecondFactor{.secret = text, .uri = totp_uri(text, row->person.email)};
    });
}

Result<std::vector<std::string>> Accounts::confirm_second_factor(const AccountId& id, std::string_view code,
                                                                 Time now) {
    const auto made = make_codes([&](const std::string& one) { return state_->recovery_hash(id, one); });
    return state_->writing<std::vector<std::string>>([&](Writer& writer) -> Result<std::vector<std::string>> {
        auto row = person_in(writer, id);
        if (!row) return pass(row.error());
        if (row->pending_totp.empty()) return fail(ErrorCode::conflict, "no second factor was begun");
        auto secret = state_->sealer.open(totp_purpose(id), row->pending_totp);
        if (!secret) return pass(secret.error());
        const auto step = matching_step(*secret, code, now, 0);
        if (!step)
            return fail(ErrorCode::denied,
                        "this is not the code that the app shows now: is the time of both right?");
        row->totp = std::exchange(row->pending_totp, {});
        row->totp_step = *step;
        if (auto saved = save_person(writer, *row); !saved) return pass(saved.error());
        if (auto kept = replace_recovery_codes(writer, id, made.hashes); !kept) return pass(kept.error());
        auto noted = note(writer, who(id), "account.second_factor_added", id, "{}", now);
        if (!noted) return pass(noted.error());
        return made.codes;
    });
}

Result<std::vector<std::string>> Accounts::new_recovery_codes(const AccountId& id, std::string_view who,
                                                              Time now) {
    const auto made = make_codes([&](const std::string& one) { return state_->recovery_hash(id, one); });
    return state_->writing<std::vector<std::string>>([&](Writer& writer) -> Result<std::vector<std::string>> {
        auto row = person_in(writer, id);
        if (!row) return pass(row.error());
        if (!row->person.second_factor)
            return fail(ErrorCode::conflict, "there is no second factor to recover");
        if (auto kept = replace_recovery_codes(writer, id, made.hashes); !kept) return pass(kept.error());
        auto noted = note(writer, who, "account.recovery_codes_made", id, "{}", now);
        if (!noted) return pass(noted.error());
        return made.codes;
    });
}

Status Accounts::remove_second_factor(const AccountId& id, std::string_view who, Time now) {
    return state_->store.write([&](Writer& writer) -> Status {
        auto row = person_in(writer, id);
        if (!row) return pass(row.error());
        if (!row->person.second_factor && row->pending_totp.empty()) return {};
        row->totp.clear();
        row->pending_totp.clear();
        if (auto saved = save_person(writer, *row); !saved) return saved;
        if (auto dropped = replace_recovery_codes(writer, id, {}); !dropped) return dropped;
        return note(writer, who, "account.second_factor_removed", id, "{}", now);
    });
}

}  // namespace rushlight::accounts
