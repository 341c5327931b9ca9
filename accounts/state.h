// Private: what the parts of Accounts share (people, sign-in, second factor), and the small things they all
// do.
#pragma once

#include "accounts/accounts.h"
#include "accounts/accounts_store.h"
#include "accounts/passwords.h"
#include "audit/audit.h"

#include <string>
#include <utility>

namespace rushlight::accounts {

struct Accounts::State {
    State(store::Store& s, const vault::Sealer& k, AccountOptions o)
        : store(s), sealer(k), options(o), passwords(options) {}

    store::Store& store;
    const vault::Sealer& sealer;
    const AccountOptions options;
    Passwords passwords;
    Sha256 pepper{};  // the key of keyed hashes: peers, buckets, recovery codes

    Sha256 recovery_hash(const AccountId& id, std::string_view code) const;
    Sha256 peer_hash(const AccountId& id, std::string_view peer) const;
    Bucket account_bucket(std::string_view folded) const;
    Bucket pair_bucket(std::string_view folded, std::string_view peer) const;
    Bucket peer_bucket(std::string_view peer) const;
    Bucket code_bucket(const AccountId& id) const;

    // A read whose result comes out.
    template <class T, class F>
    Result<T> reading(F&& work) const {
        T result{};
        const Status status = store.read([&](store::Reader& reader) -> Status {
            auto got = work(reader);
            if (!got) return pass(got.error());
            result = std::move(*got);
            return {};
        });
        if (!status) return pass(status.error());
        return result;
    }
    template <class T, class F>
    Result<T> writing(F&& work) const {
        T result{};
        const Status status = store.write([&](store::Writer& writer) -> Status {
            Result<T> got = work(writer);
            if (!got) return pass(got.error());
            result = std::move(*got);
            return {};
        });
        if (!status) return pass(status.error());
        return result;
    }
};

inline audit::Subject subject_of(const AccountId& id) { return {"account", id.text}; }

// The person, or `not_found` in words; an erased one is not there any more.
Result<PersonRow> person_in(store::Reader& reader, const AccountId& id);

Status note(store::Writer& writer, std::string_view who, const char* what, const AccountId& id,
            std::string detail, Time now);

inline std::string totp_purpose(const AccountId& id) { return "accounts.totp:" + id.text; }

// Ten codes, and what is kept of them.
struct RecoveryCodes {
    std::vector<std::string> codes;
    std::vector<Sha256> hashes;
};
// Small letters and digits only: however a code is typed.
std::string plain_code(std::string_view code);

}  // namespace rushlight::accounts
