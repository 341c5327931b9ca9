#include "accounts/api_keys.h"

#include "accounts/accounts.h"
#include "accounts/key_store.h"
#include "accounts/tokens.h"
#include "audit/audit.h"
#include "base/text.h"

#include <array>
#include <atomic>
#include <condition_variable>
#include <mutex>
#include <stop_token>
#include <thread>
#include <unordered_map>

namespace rushlight::accounts {
namespace {

using std::chrono::milliseconds;

constexpr std::string_view kPrefix = "rl_";
constexpr std::size_t kIdDigits = 2 * ApiKeyId::kBytes;
constexpr std::size_t kSecretDigits = 32;  // base32 of 160 random bits
constexpr std::size_t kKeyLength = kPrefix.size() + kIdDigits + 1 + kSecretDigits;
constexpr auto kLookEvery = milliseconds(250);
constexpr auto kTrustFor = milliseconds(1000);

// One key as check() sees it.
struct Usable {
    Sha256 hash;
    Scopes scopes;
    std::optional<Time> expires;
    std::atomic<std::int64_t> used = 0;     // micros; when it was last good
    std::atomic<std::int64_t> written = 0;  // … as the store has it
};
using Table = std::unordered_map<ApiKeyId, std::shared_ptr<Usable>>;

std::int64_t steady_now() { return Steady::now().time_since_epoch().count(); }
std::int64_t ticks(milliseconds time) { return std::chrono::duration_cast<Steady::duration>(time).count(); }

audit::Subject subject_of(const ApiKeyId& id) { return {"key", id.hex()}; }

}  // namespace

struct ApiKeys::State {
    explicit State(store::Store& s) : store(s) {}

    // Reads all keys, those that are known already keep their place.
    Status load() {
        std::vector<ApiKeyRow> rows;
        std::int64_t change = 0;
        const std::lock_guard lock(loading);
        const std::int64_t asked_at = steady_now();
        // Asked first: what comes between the two is read twice rather than missed.
        const auto seen = store.changes();
        if (!seen) return pass(seen.error());
        Status read = store.read([&](store::Reader& reader) -> Status {
            auto number = key_change(reader);
            if (!number) return pass(number.error());
            change = *number;
            rows.clear();
            if (loaded && change == loaded_change) return {};
            auto usable = usable_keys(reader);
            if (!usable) return pass(usable.error());
            rows = std::move(*usable);
            return {};
        });
        if (!read) return read;
        if (!loaded || change != loaded_change) {
            const auto old = table.load();
            auto fresh = std::make_shared<Table>();
            for (const ApiKeyRow& row : rows) {
                std::shared_ptr<Usable> usable;
                if (const auto known = old->find(row.key.id); known != old->end()) usable = known->second;
                if (!usable) {
                    usable = std::make_shared<Usable>();
                    usable->hash = row.hash;
                    usable->scopes = row.key.scopes;
                    usable->expires = row.key.expires;
                    usable->used = usable->written = row.key.used.value_or(Time{}).micros;
                }
                fresh->emplace(row.key.id, std::move(usable));
            }
            table.store(std::move(fresh));
            loaded = true;
            loaded_change = change;
        }
        seen_change = *seen;
        fresh_at = asked_at;
        return {};
    }

    // Whether the table is no older than a second.
    bool is_fresh() const {
        return steady_now() - fresh_at.load(std::memory_order_relaxed) <= ticks(kTrustFor);
    }

    // A database that is out of reach holds up this thread, and no request.
    void follow(const std::stop_token& stop) {
        std::mutex mutex;
        std::condition_variable_any woken;
        std::unique_lock lock(mutex);
        while (!woken.wait_for(lock, stop, kLookEvery, [&] { return stop.stop_requested(); })) {
            const std::int64_t asked_at = steady_now();
            const auto seen = store.changes();
            if (seen && *seen == seen_change.load()) {
                fresh_at = asked_at;
            } else if (seen) {
                (void)load();
            }
        }
    }

    store::Store& store;
    std::mutex loading;
    bool loaded = false;
    std::int64_t loaded_change = 0;
    std::atomic<std::int64_t> seen_change = 0;
    std::atomic<std::int64_t> fresh_at = 0;  // steady ticks
    std::atomic<std::shared_ptr<const Table>> table{std::make_shared<const Table>()};
    std::jthread follower;  // last: it ends first
};

ApiKeys::ApiKeys(std::unique_ptr<State> state) : state_(std::move(state)) {}
ApiKeys::ApiKeys(ApiKeys&&) noexcept = default;
ApiKeys& ApiKeys::operator=(ApiKeys&&) noexcept = default;
ApiKeys::~ApiKeys() = default;

Result<ApiKeys> ApiKeys::open(store::Store& store) {
    ApiKeys keys(std::make_unique<State>(store));
    if (auto loaded = keys.state_->load(); !loaded) return pass(loaded.error());
    keys.state_->follower =
        std::jthread([state = keys.state_.get()](const std::stop_token& stop) { state->follow(stop); });
    return keys;
}

Result<ApiKeys::Made> ApiKeys::create(const NewApiKey& key, std::string_view who, Time now) {
    const std::string_view name = trim(key.name);
    if (name.empty() || name.size() > 100 || !is_utf8(name) || name.find('\0') != std::string_view::npos)
        return fail(ErrorCode::invalid, "an API key wants a name of 1 to 100 bytes");
    if (key.scopes.empty()) return fail(ErrorCode::invalid, "an API key wants at least one scope");
    if (key.expires && *key.expires <= now)
        return fail(ErrorCode::invalid,
                    "an API key that ends at " + key.expires->rfc3339() + " could never be used");
    std::array<std::byte, 20> random{};
    random_fill(random);
    const std::string secret = to_base32(random);
    const ApiKeyRow row{.key = {.id = random_hash<ApiKeyId>(),
                                .name = std::string(name),
                                .scopes = key.scopes,
                                .made = now,
                                .made_by = std::string(who),
                                .expires = key.expires},
                        .hash = hash_of_secret(secret)};
    const Status made = state_->store.write([&](store::Writer& writer) -> Status {
        if (auto added = add_key(writer, row); !added) return added;
        return audit::append(
                   writer,
                   {.who = std::string(who),
                    .what = "key.created",
                    .on = subject_of(row.key.id),
                    .detail = audit::detail(
                        {{"scopes", names_of(row.key.scopes)},
                         {"expires", row.key.expires ? row.key.expires->rfc3339() : std::string("never")}})},
                   now)
            .map([](std::int64_t) {});
    });
    if (!made) return pass(made.error());
    if (auto loaded = state_->load(); !loaded) return pass(loaded.error());
    return Made{.key = row.key, .secret = std::string(kPrefix) + row.key.id.hex() + '_' + secret};
}

Status ApiKeys::revoke(const ApiKeyId& id, std::string_view who, Time now) {
    Status revoked = state_->store.write([&](store::Writer& writer) -> Status {
        const auto key = find_key(writer, id);
        if (!key) return pass(key.error());
        if (!*key) return fail(ErrorCode::not_found, "there is no API key " + id.hex());
        const auto done = revoke_key(writer, id, now);
        if (!done) return pass(done.error());
        if (!*done) return {};
        return audit::append(writer, {.who = std::string(who), .what = "key.revoked", .on = subject_of(id)},
                             now)
            .map([](std::int64_t) {});
    });
    if (!revoked) return revoked;
    return state_->load();
}

Result<std::vector<ApiKey>> ApiKeys::list(std::optional<ApiKeyId> after, int limit) const {
    std::vector<ApiKey> keys;
    const Status read = state_->store.read([&](store::Reader& reader) -> Status {
        auto listed = list_keys(reader, after, limit);
        if (!listed) return pass(listed.error());
        keys = std::move(*listed);
        return {};
    });
    if (!read) return pass(read.error());
    return keys;
}

Result<ApiKey> ApiKeys::find(const ApiKeyId& id) const {
    std::optional<ApiKey> key;
    const Status read = state_->store.read([&](store::Reader& reader) -> Status {
        auto found = find_key(reader, id);
        if (!found) return pass(found.error());
        key = std::move(*found);
        return {};
    });
    if (!read) return pass(read.error());
    if (!key) return fail(ErrorCode::not_found, "there is no API key " + id.hex());
    return std::move(*key);
}

Grant ApiKeys::check(std::string_view key, Time now) const {
    if (key.size() != kKeyLength || !key.starts_with(kPrefix) || key[kPrefix.size() + kIdDigits] != '_')
        return {};
    const auto id = ApiKeyId::parse(key.substr(kPrefix.size(), kIdDigits));
    if (!id) return {};
    if (!state_->is_fresh()) return {.state = Grant::State::unavailable};
    const auto table = state_->table.load(std::memory_order_acquire);
    const auto found = table->find(*id);
    if (found == table->end()) return {};
    Usable& usable = *found->second;
    const Sha256 hash = hash_of_secret(key.substr(kKeyLength - kSecretDigits));
    if (!same(text_of(hash.value), text_of(usable.hash.value))) return {};
    if (usable.expires && now >= *usable.expires) return {.state = Grant::State::expired, .id = *id};
    usable.used.store(now.micros, std::memory_order_relaxed);
    return {.state = Grant::State::good, .id = *id, .scopes = usable.scopes};
}

Status ApiKeys::write_last_used() {
    constexpr std::int64_t kMinute = 60'000'000;
    const auto table = state_->table.load();
    std::vector<std::pair<ApiKeyId, std::int64_t>> due;
    for (const auto& [id, usable] : *table) {
        const std::int64_t used = usable->used;
        if (used - usable->written >= kMinute) due.emplace_back(id, used);
    }
    if (due.empty()) return {};
    Status written = state_->store.write(
        [&](store::Writer& writer) -> Status {
            for (const auto& [id, used] : due)
                if (auto saved = save_used(writer, id, {used}); !saved) return saved;
            return {};
        },
        store::Durability::process);
    if (!written) return written;
    for (const auto& [id, used] : due) table->at(id)->written = used;
    return {};
}

}  // namespace rushlight::accounts
