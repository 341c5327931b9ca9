// Keys of programs: `rl_ID_SECRET`, with scopes, perhaps an end, revocable. At rest there is only the
// secret's SHA-256.
//
//   auto keys = ApiKeys::open(store, clock.now());
//   const auto grant = keys->check(bearer, clock.now());  // some hundred nanoseconds; no lock, no database
//   if (!grant.good() || !grant.scopes.has(Scope::check)) refuse();
//
// All keys are held in memory. A change by this process counts at once; one by another within a second: a
// thread asks the store every 250 ms whether anything changed. Where the store cannot be asked for a second,
// no key is good (`unavailable`): a revoked one might be among them.
//
// Threads: any. Every change writes its audit entry in the same transaction.
#pragma once

#include "accounts/rights.h"
#include "base/hash.h"
#include "base/result.h"
#include "base/time.h"
#include "store/store.h"

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace rushlight::accounts {

using ApiKeyId = Hash<8, struct ApiKeyIdTag>;
// For audit entries: "key:" and the id.
inline std::string who(const ApiKeyId& id) { return "key:" + id.hex(); }

inline constexpr int kMostApiKeys = 10'000;  // that are not revoked

struct ApiKey {
    ApiKeyId id;
    std::string name;
    Scopes scopes;
    Time made;
    std::string made_by;
    std::optional<Time> expires{};
    std::optional<Time> revoked{};
    std::optional<Time> used{};  // last time, to the minute
};

struct NewApiKey {
    std::string name;  // for people, 1 to 100 bytes
    Scopes scopes;
    std::optional<Time> expires{};
};

struct Grant {
    enum class State { good, unknown, expired, unavailable };  // revoked ones are unknown
    State state = State::unknown;
    ApiKeyId id{};
    Scopes scopes{};

    bool good() const { return state == State::good; }
};

class ApiKeys {
  public:
    // `store` must outlive it.
    static Result<ApiKeys> open(store::Store& store);
    ApiKeys(ApiKeys&&) noexcept;
    ApiKeys& operator=(ApiKeys&&) noexcept;
    ~ApiKeys();

    struct Made {
        ApiKey key;
        std::string secret;  // the whole key, shown once
    };
    Result<Made> create(const NewApiKey& key, std::string_view who, Time now);
    // `not_found`; revoking a revoked one does nothing.
    Status revoke(const ApiKeyId& id, std::string_view who, Time now);
    // In the order of their ids, revoked ones too; `limit` up to 1,000.
    Result<std::vector<ApiKey>> list(std::optional<ApiKeyId> after, int limit) const;
    Result<ApiKey> find(const ApiKeyId& id) const;

    Grant check(std::string_view key, Time now) const;
    // Stores when keys were last used. To be called once a minute, and at the end.
    Status write_last_used();

  private:
    struct State;
    explicit ApiKeys(std::unique_ptr<State> state);

    std::unique_ptr<State> state_;
};

}  // namespace rushlight::accounts
