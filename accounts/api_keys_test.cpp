// Keys of programs.

#include "accounts/api_keys.h"

#include "accounts/test_people.h"

#include <future>
#include <thread>

#include <gmock/gmock.h>

namespace rushlight::accounts {
namespace {

using std::chrono::hours;
using std::chrono::minutes;
using State = Grant::State;

class Keys : public ::testing::TestWithParam<store::testing::Kind> {
  protected:
    std::string create(ApiKeys& keys, Scopes scopes = {Scope::check},
                       std::optional<Time> expires = std::nullopt) {
        return must(keys.create({.name = "uploads", .scopes = scopes, .expires = expires}, "local:0", kNoon))
            .secret;
    }
    static ApiKeyId id_of(const std::string& key) { return ApiKeyId::parse(key.substr(3, 16)).value(); }

    store::testing::Place place_{GetParam()};
    store::Store store_ = store::testing::open(place_, {audit::schema(), vault::schema(), schema()});
    ApiKeys keys_ = must(ApiKeys::open(store_));
};
INSTANTIATE_TEST_SUITE_P(, Keys, store::testing::both(), store::testing::name_of);

TEST_P(Keys, AreGoodForTheirScopes) {
    const std::string key = create(keys_, {Scope::check, Scope::read});
    EXPECT_TRUE(key.starts_with("rl_"));
    const Grant grant = keys_.check(key, kNoon);
    ASSERT_TRUE(grant.good());
    EXPECT_EQ(grant.scopes, (Scopes{Scope::read, Scope::check}));
    EXPECT_EQ(who(grant.id), "key:" + key.substr(3, 16));
    const ApiKey listed = must(keys_.list(std::nullopt, 10)).at(0);
    EXPECT_EQ(listed.name, "uploads");
    EXPECT_EQ(listed.made_by, "local:0");
}

TEST_P(Keys, NothingElseIsGood) {
    const std::string key = create(keys_);
    const std::string other = create(keys_);
    EXPECT_EQ(keys_.check("", kNoon).state, State::unknown);
    for (std::size_t at = 0; at < key.size(); ++at) {
        std::string changed = key;
        changed[at] = changed[at] == 'b' ? 'c' : 'b';
        EXPECT_NE(keys_.check(changed, kNoon).state, State::good) << at;
        EXPECT_EQ(keys_.check(key.substr(0, at), kNoon).state, State::unknown);
    }
    EXPECT_EQ(keys_.check(key + "a", kNoon).state, State::unknown);
    EXPECT_EQ(keys_.check(other.substr(0, 20) + key.substr(20), kNoon).state, State::unknown)
        << "another's secret";
    must(store_.read([&](store::Reader& reader) -> Status {
        return reader.each("SELECT hash FROM accounts_key", {}, [&](const store::Row& row) {
            EXPECT_EQ(row.bytes(0).size(), 32u);
            EXPECT_EQ(text_of(row.bytes(0)).find(key.substr(20)), std::string_view::npos);
        });
    }));
}

TEST_P(Keys, EndWhenTheyAreToldTo) {
    const std::string key = create(keys_, {Scope::check}, kNoon + hours(1));
    EXPECT_TRUE(keys_.check(key, kNoon + minutes(59)).good());
    EXPECT_EQ(keys_.check(key, kNoon + hours(1)).state, State::expired);
    EXPECT_EQ(keys_.create({.name = "late", .scopes = {Scope::check}, .expires = kNoon}, "local:0", kNoon)
                  .error()
                  .code,
              ErrorCode::invalid);
    EXPECT_FALSE(keys_.create({.name = " ", .scopes = {Scope::check}}, "local:0", kNoon));
    EXPECT_FALSE(keys_.create({.name = std::string(101, 'n'), .scopes = {Scope::check}}, "local:0", kNoon));
    EXPECT_FALSE(keys_.create({.name = "none", .scopes = {}}, "local:0", kNoon));
}

TEST_P(Keys, ARevokedKeyIsUnknownAtOnce) {
    const std::string key = create(keys_);
    ASSERT_TRUE(keys_.check(key, kNoon).good());
    must(keys_.revoke(id_of(key), "local:0", kNoon));
    EXPECT_EQ(keys_.check(key, kNoon).state, State::unknown);
    must(keys_.revoke(id_of(key), "local:0", kNoon));
    EXPECT_EQ(keys_.revoke(ApiKeyId{}, "local:0", kNoon).error().code, ErrorCode::not_found);
    const auto page = must(audit::read(store_, {.what = "key."}, std::nullopt, 10));
    ASSERT_EQ(page.entries.size(), 2u) << "revoking again says nothing";
    EXPECT_EQ(page.entries[0].event.what, "key.revoked");
    EXPECT_TRUE(must(keys_.find(id_of(key))).revoked.has_value());
}

// Another process: its own store, its own memory.
TEST_P(Keys, AChangeReachesOtherProcessesWithinASecond) {
    auto other_store = store::testing::open(place_, {audit::schema(), vault::schema(), schema()});
    auto other = must(ApiKeys::open(other_store));
    const std::string key = create(keys_);
    const auto becomes = [&](State wanted) {
        const auto begin = Steady::now();
        const auto deadline = begin + std::chrono::seconds(30);
        while (other.check(key, kNoon).state != wanted && Steady::now() < deadline) std::this_thread::yield();
        return Steady::now() - begin;
    };
    EXPECT_LT(becomes(State::good), std::chrono::seconds(5));
    must(keys_.revoke(id_of(key), "local:0", kNoon));
    EXPECT_LT(becomes(State::unknown), std::chrono::seconds(5)) << "a second, on a machine that is not busy";
}

TEST_P(Keys, LastUseIsWrittenOnceAMinute) {
    const std::string key = create(keys_);
    const auto used = [&] { return must(keys_.find(id_of(key))).used; };
    (void)keys_.check(key, kNoon);
    must(keys_.write_last_used());
    EXPECT_EQ(used(), kNoon);
    (void)keys_.check(key, kNoon + std::chrono::seconds(59));
    must(keys_.write_last_used());
    EXPECT_EQ(used(), kNoon);
    (void)keys_.check(key, kNoon + std::chrono::seconds(60));
    must(keys_.write_last_used());
    EXPECT_EQ(used(), kNoon + std::chrono::seconds(60));
    (void)create(keys_);  // the table is read anew, and remembers
    must(keys_.write_last_used());
    EXPECT_EQ(used(), kNoon + std::chrono::seconds(60));
}

TEST_P(Keys, AreCheckedWhileTheyChange) {
    const std::string key = create(keys_);
    std::atomic<bool> stop = false;
    std::atomic<std::int64_t> bad = 0;
    std::vector<std::thread> threads;
    for (int t = 0; t < 2; ++t) {
        threads.emplace_back([&] {
            while (!stop) bad += keys_.check(key, kNoon).good() ? 0 : 1;
        });
    }
    for (int i = 0; i < 10; ++i) must(keys_.revoke(id_of(create(keys_)), "local:0", kNoon));
    stop = true;
    for (std::thread& thread : threads) thread.join();
    EXPECT_EQ(bad, 0);
}

TEST(KeysOfADatabaseOutOfReach, AreRefusedWithoutWaitingForIt) {
    const store::testing::Place place(store::testing::Kind::postgres);
    auto store = must(store::Store::open(
        {.where = place.where(), .schemas = {audit::schema(), vault::schema(), schema()}, .readers = 2}));
    const ApiKeys keys = must(ApiKeys::open(store));
    const std::string key = must(must(ApiKeys::open(store))
                                     .create({.name = "uploads", .scopes = {Scope::check}}, "local:0", kNoon))
                                .secret;
    const auto becomes = [&](State wanted) {
        const auto deadline = Steady::now() + std::chrono::seconds(20);
        while (keys.check(key, kNoon).state != wanted && Steady::now() < deadline) std::this_thread::yield();
        return keys.check(key, kNoon).state == wanted;
    };
    ASSERT_TRUE(becomes(State::good));
    // Nobody gets at the database: whoever asks it now waits.
    std::promise<void> opened;
    const std::shared_future<void> gate = opened.get_future().share();
    std::vector<std::jthread> holders;
    for (int i = 0; i < 2; ++i)
        holders.emplace_back([&] {
            must(store.read([&](store::Reader&) -> Status {
                gate.wait_for(std::chrono::seconds(5));
                return {};
            }));
        });
    EXPECT_TRUE(becomes(State::unavailable)) << "check() asked the store itself";
    opened.set_value();
    holders.clear();
    EXPECT_TRUE(becomes(State::good));
}

}  // namespace
}  // namespace rushlight::accounts
