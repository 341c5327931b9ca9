// The log in the store: appending, reading, checkpoints, pseudonyms, and what tampering with the tables
// shows.

#include "audit/audit.h"

#include "audit/verify.h"
#include "store/testing/place.h"

#include <algorithm>
#include <atomic>
#include <thread>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace rushlight::audit {
namespace {

using ::testing::HasSubstr;

constexpr Time kNoon{1'800'000'000'000'000};

SigningKey key_of(int number) {
    std::array<std::byte, 32> seed{};
    seed[0] = static_cast<std::byte>(number);
    return SigningKey::from_seed(seed);
}

class Audit : public ::testing::TestWithParam<store::testing::Kind> {
  protected:
    std::int64_t add(const Event& event, Time at = kNoon) {
        std::int64_t number = 0;
        const Status status = store_.write([&](store::Writer& writer) -> Status {
            auto added = append(writer, event, at);
            if (!added) return pass(added.error());
            number = *added;
            return {};
        });
        EXPECT_TRUE(status) << status.error().message;
        return number;
    }
    void add_some(int count) {
        for (int i = 0; i < count; ++i)
            add({.who = "account:a" + std::to_string(i % 3),
                 .what = i % 2 == 0 ? "list.imported" : "account.created",
                 .on = {i % 2 == 0 ? "list" : "account", std::to_string(i)},
                 .detail = detail({{"count", i}})},
                kNoon + std::chrono::seconds(i));
    }
    void tamper(std::string_view sql, std::initializer_list<store::Value> values = {}) {
        const Status status = store_.write([&](store::Writer& writer) -> Status {
            auto changed = writer.run(sql, values);
            if (!changed) return pass(changed.error());
            EXPECT_GT(*changed, 0) << sql;
            return {};
        });
        ASSERT_TRUE(status) << status.error().message;
    }
    Verdict verdict(std::vector<PublicKey> keys = {}) {
        auto checked = verify(store_, keys);
        EXPECT_TRUE(checked) << checked.error().message;
        return checked.value_or(Verdict{});
    }

    store::testing::Place place_{GetParam()};
    store::Store store_ = store::testing::open(place_, {schema()});
};
INSTANTIATE_TEST_SUITE_P(, Audit, store::testing::both(), store::testing::name_of);

TEST_P(Audit, EntriesFollowOnOneAnother) {
    EXPECT_EQ(add({.who = "system", .what = "server.started"}), 1);
    EXPECT_EQ(add({.who = "account:a1", .what = "account.created", .on = {"account", "b2"}}), 2);
    const auto page = read(store_, {}, std::nullopt, 10);
    ASSERT_TRUE(page);
    ASSERT_EQ(page->entries.size(), 2u);
    EXPECT_EQ(page->entries[1].previous, Sha256{});
    EXPECT_EQ(page->entries[0].previous, page->entries[1].digest);
    EXPECT_EQ(page->entries[0].event.on, (Subject{"account", "b2"}));
    EXPECT_EQ(page->entries[0].at, kNoon);
    EXPECT_TRUE(verdict().ok);
    EXPECT_EQ(verdict().entries, 2);
}

TEST_P(Audit, AnEmptyLogIsWell) {
    EXPECT_TRUE(verdict().ok);
    EXPECT_EQ(verdict().entries, 0);
    auto made = make_checkpoint(store_, key_of(1), kNoon);
    ASSERT_TRUE(made) << made.error().message;
    EXPECT_FALSE(made->has_value());
}

TEST_P(Audit, WhatIsUndoneLeavesNoEntryAndNoGap) {
    add({.who = "system", .what = "one"});
    const Status undone = store_.write([&](store::Writer& writer) -> Status {
        auto added = append(writer, {.who = "system", .what = "two"}, kNoon);
        EXPECT_TRUE(added);
        return fail(ErrorCode::cancelled, "never mind");
    });
    EXPECT_FALSE(undone);
    EXPECT_EQ(add({.who = "system", .what = "three"}), 2);
    EXPECT_TRUE(verdict().ok);
}

TEST_P(Audit, WritersThatMeetMakeOneChain) {
    constexpr int kThreads = 6;
    constexpr int kEach = 15;
    std::atomic<int> failed = 0;
    std::vector<std::thread> threads;
    for (int t = 0; t < kThreads; ++t) {
        threads.emplace_back([&, t] {
            for (int i = 0; i < kEach; ++i) {
                const Status status = store_.write([&](store::Writer& writer) -> Status {
                    return append(writer, {.who = "thread:" + std::to_string(t), .what = "added"}, kNoon)
                        .map([](std::int64_t) {});
                });
                if (!status) ++failed;
            }
        });
    }
    for (std::thread& thread : threads) thread.join();
    EXPECT_EQ(failed, 0);
    EXPECT_TRUE(verdict().ok) << verdict().problem;
    EXPECT_EQ(verdict().entries, kThreads * kEach);
}

TEST_P(Audit, RefusesWhatMayNotStandInIt) {
    const auto refused = [&](const Event& event, Time at = kNoon) {
        const Status status = store_.write([&](store::Writer& writer) -> Status {
            return append(writer, event, at).map([](std::int64_t) {});
        });
        return !status && status.error().code == ErrorCode::invalid;
    };
    const Event good{.who = "system", .what = "tested", .on = {"test", "1"}, .detail = "{}"};
    EXPECT_FALSE(refused(good));
    const auto with = [&](auto change) {
        Event event = good;
        change(event);
        return event;
    };
    EXPECT_TRUE(refused(with([](Event& e) { e.who = ""; })));
    EXPECT_TRUE(refused(with([](Event& e) { e.who = std::string(201, 'a'); })));
    EXPECT_TRUE(refused(with([](Event& e) { e.who = "\xff"; })));
    EXPECT_TRUE(refused(with([](Event& e) { e.who = std::string("a\0b", 3); })));
    EXPECT_TRUE(refused(with([](Event& e) { e.what = "Has Spaces"; })));
    EXPECT_TRUE(refused(with([](Event& e) { e.on.kind = ""; })));
    EXPECT_TRUE(refused(with([](Event& e) { e.on.id = std::string(513, 'a'); })));
    for (const char* detail : {"", "[]", "{", "{\"a\": 1}", "{\"b\":1,\"a\":2}", "{\"a\":1,\"a\":1}",
                               "{\"a\":1.5}", "{\"a\":\"\\u0041\"}", "{\"a\":NaN}", "null"})
        EXPECT_TRUE(refused(with([&](Event& e) { e.detail = detail; }))) << detail;
    EXPECT_TRUE(refused(with(
        [](Event& e) { e.detail = "{\"a\":" + std::string(5000, '[') + std::string(5000, ']') + "}"; })));
    EXPECT_TRUE(refused(with([](Event& e) { e.detail = "{\"a\":\"" + std::string(20'000, 'x') + "\"}"; })));
    EXPECT_TRUE(refused(good, Time{-1}));
    EXPECT_TRUE(refused(good, Time{INT64_MAX}));
    EXPECT_EQ(verdict().entries, 1);
}

TEST_P(Audit, DetailsAreCanonicalWhateverTheyHold) {
    const std::string made = detail({{"z", "line\nbreak \"quoted\" \xff"},
                                     {"a", std::vector<std::string>{"x", "y"}},
                                     {"m", true},
                                     {"n", -7}});
    EXPECT_EQ(made,
              "{\"a\":[\"x\",\"y\"],\"m\":true,\"n\":-7,\"z\":\"line\\nbreak \\\"quoted\\\" \xEF\xBF\xBD\"}");
    add({.who = "system", .what = "tested", .on = {}, .detail = made});
    EXPECT_TRUE(verdict().ok);
}

TEST_P(Audit, PagesShowTheNewestFirstAndFilter) {
    add_some(30);
    std::vector<std::int64_t> seen;
    std::optional<std::int64_t> before;
    do {
        const auto page = read(store_, {.who = "account:a1"}, before, 4);
        ASSERT_TRUE(page) << page.error().message;
        for (const Entry& entry : page->entries) {
            EXPECT_EQ(entry.event.who, "account:a1");
            seen.push_back(entry.number);
        }
        before = page->next;
    } while (before);
    EXPECT_EQ(seen.size(), 10u);
    EXPECT_TRUE(std::ranges::is_sorted(seen, std::greater<>()));
    const auto count = [&](const Filter& filter) {
        const auto page = read(store_, filter, std::nullopt, 1000);
        return page ? page->entries.size() : 9999u;
    };
    EXPECT_EQ(count({.what = "account."}), 15u);
    EXPECT_EQ(count({.what = "account.created"}), 15u);
    EXPECT_EQ(count({.what = "account"}), 0u);
    EXPECT_EQ(count({.on_kind = "list"}), 15u);
    EXPECT_EQ(count({.on_kind = "list", .on_id = "4"}), 1u);
    EXPECT_EQ(count({.from = kNoon + std::chrono::seconds(10), .to = kNoon + std::chrono::seconds(20)}), 10u);
    EXPECT_EQ(count({.who = "account:a0", .what = "list.", .from = kNoon + std::chrono::seconds(6)}), 4u);
}

TEST_P(Audit, NamesTheFirstEntryThatWasChanged) {
    add_some(20);
    ASSERT_TRUE(make_checkpoint(store_, key_of(1), kNoon));
    ASSERT_TRUE(verdict({key_of(1).public_key()}).ok);
    const struct {
        const char* sql;
        int first_bad;
    } cases[] = {
        {"UPDATE audit_entry SET who = 'account:other' WHERE number = 7", 7},
        {"UPDATE audit_entry SET what = 'nothing' WHERE number = 1", 1},
        {"UPDATE audit_entry SET at = at + 1 WHERE number = 20", 20},
        {"UPDATE audit_entry SET on_id = '' WHERE number = 3", 3},
        {"UPDATE audit_entry SET on_kind = 'x' WHERE number = 3", 3},
        {"UPDATE audit_entry SET detail = '{}' WHERE number = 12", 12},
        {"UPDATE audit_entry SET digest = previous WHERE number = 5", 5},
        {"UPDATE audit_entry SET previous = digest WHERE number = 5", 5},
        {"DELETE FROM audit_entry WHERE number = 9", 9},
        {"DELETE FROM audit_entry WHERE number > 17", 18},
        {"DELETE FROM audit_entry WHERE number = 1", 1},
        {"UPDATE audit_end SET number = 19", 20},
        {"UPDATE audit_end SET digest = x'00'", 20},
        {"UPDATE audit_checkpoint SET at = at + 1", 20},
        {"UPDATE audit_checkpoint SET number = 21", 21},
        {"UPDATE audit_checkpoint SET number = 19", 19},
        {"UPDATE audit_checkpoint SET signature = digest", 20},
    };
    for (const auto& one : cases) {
        SCOPED_TRACE(one.sql);
        // Each on a copy of the tables as they were.
        std::vector<Entry> before;
        const auto end = read(store_, {}, std::nullopt, 1000);
        ASSERT_TRUE(end);
        const auto checkpoint = last_checkpoint(store_);
        ASSERT_TRUE(checkpoint && checkpoint->has_value());
        std::string sql = one.sql;
        if (GetParam() == store::testing::Kind::postgres) {
            if (const auto at = sql.find("x'00'"); at != std::string::npos) sql.replace(at, 5, "'\\x00'");
        }
        tamper(sql);
        const Verdict bad = verdict();
        EXPECT_FALSE(bad.ok);
        EXPECT_EQ(bad.first_bad, one.first_bad) << bad.problem;
        EXPECT_FALSE(bad.problem.empty());
        ASSERT_TRUE(store_.write([&](store::Writer& writer) -> Status {
            for (const char* clear :
                 {"DELETE FROM audit_entry", "DELETE FROM audit_end", "DELETE FROM audit_checkpoint"})
                if (auto cleared = writer.run(clear); !cleared) return pass(cleared.error());
            for (auto entry = end->entries.rbegin(); entry != end->entries.rend(); ++entry) {
                auto added = append(writer, entry->event, entry->at);
                if (!added) return pass(added.error());
            }
            return {};
        }));
        auto again = make_checkpoint(store_, key_of(1), kNoon);
        ASSERT_TRUE(again && again->has_value());
        ASSERT_TRUE(verdict().ok);
    }
}

TEST_P(Audit, ARewrittenHistoryDoesNotFitTheCheckpoint) {
    add_some(10);
    ASSERT_TRUE(make_checkpoint(store_, key_of(1), kNoon));
    const auto old = read(store_, {}, std::nullopt, 100);
    ASSERT_TRUE(old);
    // All written anew by someone who knows the format and changed entry 4, but has no key.
    tamper("DELETE FROM audit_entry");
    tamper("DELETE FROM audit_end");
    for (auto entry = old->entries.rbegin(); entry != old->entries.rend(); ++entry) {
        Event event = entry->event;
        if (entry->number == 4) event.who = "account:somebody_else";
        add(event, entry->at);
    }
    EXPECT_FALSE(verdict().ok);
    EXPECT_EQ(verdict().first_bad, 10);
    EXPECT_THAT(verdict().problem, HasSubstr("another history"));
    // … and with a key of their own they fool only those who do not know ours.
    tamper("DELETE FROM audit_checkpoint");
    ASSERT_TRUE(make_checkpoint(store_, key_of(2), kNoon));
    EXPECT_TRUE(verdict().ok);
    EXPECT_FALSE(verdict({key_of(1).public_key()}).ok);
}

TEST_P(Audit, CheckpointsAreMadeEachHourAndOnlyForSomethingNew) {
    const SigningKey key = key_of(1);
    add_some(3);
    const auto due = [&](Time now) {
        auto made = make_checkpoint_if_due(store_, key, now);
        EXPECT_TRUE(made) << made.error().message;
        return made && made->has_value();
    };
    EXPECT_TRUE(due(kNoon));
    EXPECT_FALSE(due(kNoon + std::chrono::hours(2))) << "nothing new";
    add_some(1);
    EXPECT_FALSE(due(kNoon + std::chrono::minutes(59)));
    EXPECT_TRUE(due(kNoon + std::chrono::minutes(60)));
    add_some(1);
    EXPECT_TRUE(due(kNoon + std::chrono::hours(-24))) << "the clock was set back";
    EXPECT_TRUE(verdict({key.public_key()}).ok);
    EXPECT_EQ(verdict().checkpoints, 3);
    EXPECT_EQ(verdict().covered, 5);
}

TEST_P(Audit, ForgettingAPersonLeavesTheChainWhole) {
    const Subject anna{"account", "a1"};
    std::string first;
    ASSERT_TRUE(store_.write([&](store::Writer& writer) -> Status {
        auto made = pseudonym(writer, anna, "email", "anna@example.org");
        if (!made) return pass(made.error());
        auto again = pseudonym(writer, anna, "email", "anna@example.org");
        auto other = pseudonym(writer, {"account", "a2"}, "email", "anna@example.org");
        auto field = pseudonym(writer, anna, "name", "anna@example.org");
        EXPECT_EQ(*made, *again);
        EXPECT_NE(*made, *other);
        EXPECT_NE(*made, *field);
        first = *made;
        return append(writer,
                      {.who = "system",
                       .what = "account.created",
                       .on = anna,
                       .detail = detail({{"email", *made}})},
                      kNoon)
            .map([](std::int64_t) {});
    }));
    EXPECT_EQ(first.size(), 66u);
    EXPECT_EQ(*known_pseudonym(store_, anna, "email", "anna@example.org"), first);
    EXPECT_NE(*known_pseudonym(store_, anna, "email", "other@example.org"), first);
    bool was_there = false;
    ASSERT_TRUE(store_.write([&](store::Writer& writer) -> Status {
        auto gone = forget(writer, anna);
        if (!gone) return pass(gone.error());
        was_there = *gone;
        return {};
    }));
    EXPECT_TRUE(was_there);
    EXPECT_EQ(*known_pseudonym(store_, anna, "email", "anna@example.org"), std::nullopt);
    EXPECT_TRUE(verdict().ok);
}

TEST(PublicKeys, AreReadAsPeopleKeepThem) {
    const std::string key = key_of(1).public_key().hex();
    EXPECT_EQ(parse_public_keys("# ours\n\n " + key + "  # since May\r\n")->size(), 1u);
    EXPECT_FALSE(parse_public_keys(""));
    EXPECT_FALSE(parse_public_keys(key.substr(1)));
    EXPECT_THAT(parse_public_keys(key + "\nnonsense").error().message, HasSubstr("line 2"));
}

}  // namespace
}  // namespace rushlight::audit
