// What the door promises, the same on both databases.
#include "store/store.h"

#include "store/testing/place.h"

#include <algorithm>
#include <atomic>
#include <fstream>
#include <limits>
#include <stdexcept>
#include <thread>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace rushlight::store {
namespace {

Schema people() {
    return {
        "people",
        {{1, "people",
          "CREATE TABLE person (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, hash BLOB, weight REAL, "
          "age INTEGER CHECK (age >= 0)) STRICT;"}}};
}

class StoreTest : public ::testing::TestWithParam<testing::Kind> {
  protected:
    testing::Place place{GetParam()};
    Store store = testing::open(place, {people()});

    std::int64_t count(std::string_view sql = "SELECT count(*) FROM person", Params params = {}) {
        std::int64_t n = -1;
        auto status = store.read([&](Reader& r) {
            return r.integer(sql, params).map([&](std::optional<std::int64_t> value) {
                n = value.value_or(-2);
            });
        });
        EXPECT_TRUE(status) << status.error().message;
        return n;
    }
    Status add(std::string_view name) {
        return store.write([&](Writer& w) -> Status {
            return w.run("INSERT INTO person (name) VALUES ($1)", {name}).map([](std::int64_t) {});
        });
    }
};
INSTANTIATE_TEST_SUITE_P(, StoreTest, testing::both(), testing::name_of);

TEST_P(StoreTest, GivesBackEveryKindOfValueAsItWas) {
    const ByteVector hash{std::byte{0}, std::byte{255}, std::byte{0}, std::byte{7}};
    const std::int64_t big = std::numeric_limits<std::int64_t>::min();
    auto status = store.write([&](Writer& w) -> Status {
        return w
            .run("INSERT INTO person (id, name, hash, weight, age) VALUES ($3, $1, $2, $4, $5)",
                 {"Ann \xF0\x9F\x94\xA5", hash, big, 1.25, 7})
            .map([](std::int64_t) {});
    });
    ASSERT_TRUE(status) << status.error().message;
    int rows = 0;
    status = store.read([&](Reader& r) {
        return r.each("SELECT id, name, hash, weight, age FROM person WHERE hash = $1", {hash},
                      [&](const Row& row) {
                          EXPECT_EQ(row.integer(0), big);
                          EXPECT_EQ(row.text(1), "Ann \xF0\x9F\x94\xA5");
                          EXPECT_TRUE(std::ranges::equal(row.bytes(2), hash));
                          EXPECT_EQ(row.real(3), 1.25);
                          EXPECT_EQ(row.integer_or_null(4), 7);
                          ++rows;
                      });
    });
    ASSERT_TRUE(status) << status.error().message;
    EXPECT_EQ(rows, 1);
}

TEST_P(StoreTest, TellsNothingFromEmpty) {
    auto status = store.write([&](Writer& w) -> Status {
        return w.run("INSERT INTO person (name, hash) VALUES ($1, $2), ('x', $3)", {"", Bytes{}, nullptr})
            .map([](std::int64_t n) { EXPECT_EQ(n, 2); });
    });
    ASSERT_TRUE(status) << status.error().message;
    EXPECT_EQ(count("SELECT count(*) FROM person WHERE name = $1 AND hash IS NOT NULL", {""}), 1);
    EXPECT_EQ(count("SELECT count(*) FROM person WHERE hash IS NULL"), 1);
}

TEST_P(StoreTest, UndoesAWriteThatSaysItFailed) {
    auto status = store.write([&](Writer& w) -> Status {
        auto added = w.run("INSERT INTO person (name) VALUES ('Ann')");
        EXPECT_TRUE(added);
        return fail(ErrorCode::limit, "enough");
    });
    ASSERT_FALSE(status);
    EXPECT_EQ(status.error().message, "enough");
    EXPECT_EQ(count(), 0);
}

TEST_P(StoreTest, AFailedStatementFailsTheWholeEvenIfNobodyLooks) {
    ASSERT_TRUE(add("Ann"));
    auto status = store.write([&](Writer& w) -> Status {
        (void)w.run("INSERT INTO person (name) VALUES ('Bob')");
        (void)w.run("INSERT INTO person (name) VALUES ('Ann')");
        auto after = w.run("INSERT INTO person (name) VALUES ('Cid')");
        EXPECT_FALSE(after);
        return {};
    });
    ASSERT_FALSE(status);
    EXPECT_EQ(status.error().code, ErrorCode::conflict);
    EXPECT_EQ(count(), 1);
}

TEST_P(StoreTest, SaysWhatKindOfMistakeItWas) {
    const auto code = [&](std::string_view sql, const std::vector<Value>& values) {
        auto status = store.write([&](Writer& w) { return w.run(sql, values).map([](std::int64_t) {}); });
        EXPECT_FALSE(status) << sql;
        return status ? ErrorCode::cancelled : status.error().code;
    };
    ASSERT_TRUE(add("Ann"));
    EXPECT_EQ(code("INSERT INTO person (name) VALUES ($1)", {"Ann"}), ErrorCode::conflict);
    EXPECT_EQ(code("INSERT INTO person (id, name) VALUES ($1, 'x'), ($1, 'y')", {5}), ErrorCode::conflict);
    EXPECT_EQ(code("INSERT INTO person (name, age) VALUES ($1, $2)", {"Bob", -1}), ErrorCode::invalid);
    EXPECT_EQ(code("INSERT INTO person (name) VALUES ($1)", {nullptr}), ErrorCode::invalid);
    EXPECT_EQ(code("INSERT INTO person (name) VALUES ($1)", {std::string_view("a\0b", 3)}),
              ErrorCode::invalid);
    EXPECT_EQ(code("INSERT INTO person (name) VALUES ($1)", {"\xff"}), ErrorCode::invalid);
    EXPECT_EQ(code("INSERT INTO person (name) VALUES ($1)", {}), ErrorCode::invalid);
    EXPECT_EQ(code("INSERT INTO person (name) VALUES ('x')", {"more"}), ErrorCode::invalid);
    EXPECT_EQ(code("INSERT INTO person (name) VALUES ('x'); DELETE FROM person", {}), ErrorCode::invalid);
    EXPECT_EQ(code("INSERT INTO nobody (name) VALUES ('x')", {}), ErrorCode::invalid);
    EXPECT_EQ(count(), 1);
}

TEST_P(StoreTest, SaysWhereAColumnIsNotWhatItWasReadAs) {
    ASSERT_TRUE(add("Ann"));
    const auto code = [&](auto use) {
        auto status =
            store.read([&](Reader& r) { return r.each("SELECT id, name, hash FROM person", {}, use); });
        EXPECT_FALSE(status);
        return status ? ErrorCode::cancelled : status.error().code;
    };
    EXPECT_EQ(code([](const Row& row) { (void)row.integer(1); }), ErrorCode::corrupt);
    EXPECT_EQ(code([](const Row& row) { (void)row.text(0); }), ErrorCode::corrupt);
    EXPECT_EQ(code([](const Row& row) { (void)row.bytes(2); }), ErrorCode::corrupt);  // NULL
    EXPECT_EQ(code([](const Row& row) { (void)row.integer(3); }), ErrorCode::corrupt);
}

TEST_P(StoreTest, BindsParametersByTheirNumbers) {
    auto status = store.write([&](Writer& w) {
        return w.run("INSERT INTO person (age, name, weight) VALUES ($2, $1, $2 + 0.5)", {"Ann", 3})
            .map([](auto) {});
    });
    ASSERT_TRUE(status) << status.error().message;
    EXPECT_EQ(count("SELECT age FROM person WHERE name = $1 AND weight > $2", {"Ann", 3.25}), 3);
}

TEST_P(StoreTest, StopsWhenToldAndOneLooksAtOne) {
    for (const char* name : {"Ann", "Bob", "Cid"}) ASSERT_TRUE(add(name));
    std::vector<std::string> seen;
    auto status = store.read([&](Reader& r) -> Status {
        seen.clear();
        auto some = r.each("SELECT name FROM person ORDER BY name", {}, [&](const Row& row) {
            seen.emplace_back(row.text(0));
            return seen.size() < 2;
        });
        if (!some) return some;
        const auto found = r.one("SELECT name FROM person ORDER BY name", {},
                                 [&](const Row& row) { seen.emplace_back(row.text(0)); });
        EXPECT_TRUE(found && *found);
        const auto none = r.one("SELECT name FROM person WHERE name = 'Zoe'", {}, [](const Row&) {});
        EXPECT_TRUE(none && !*none);
        return r.integer("SELECT age FROM person WHERE name = 'Ann'").map([](auto age) {
            EXPECT_FALSE(age);
        });
    });
    ASSERT_TRUE(status) << status.error().message;
    EXPECT_THAT(seen, ::testing::ElementsAre("Ann", "Bob", "Ann"));
}

TEST_P(StoreTest, RefusesAStatementWhileAnotherIsRead) {
    ASSERT_TRUE(add("Ann"));
    auto status = store.read([&](Reader& r) {
        return r.each("SELECT name FROM person", {}, [&](const Row&) {
            auto inner = r.integer("SELECT count(*) FROM person");
            ASSERT_FALSE(inner);
            EXPECT_EQ(inner.error().code, ErrorCode::invalid);
        });
    });
    EXPECT_TRUE(status) << status.error().message;
}

TEST_P(StoreTest, RefusesAWriteInsideAWriteInsteadOfWaitingForItself) {
    auto status = store.write([&](Writer&) { return add("Ann"); });
    ASSERT_FALSE(status);
    EXPECT_EQ(status.error().code, ErrorCode::invalid);
    EXPECT_TRUE(add("Ann"));
}

TEST_P(StoreTest, RefusesToWriteWhileReading) {
    auto status = store.read([](Reader& r) {
        return r.one("INSERT INTO person (name) VALUES ('Ann') RETURNING id", {}, [](const Row&) {})
            .map([](bool) {});
    });
    EXPECT_FALSE(status);
    EXPECT_EQ(count(), 0);
}

TEST_P(StoreTest, ReadsOneStateWhileOthersWrite) {
    ASSERT_TRUE(add("Ann"));
    auto status = store.read([&](Reader& r) -> Status {
        auto first = r.integer("SELECT count(*) FROM person");
        EXPECT_TRUE(add("Bob " + std::to_string(::testing::UnitTest::GetInstance()->random_seed())));
        auto second = r.integer("SELECT count(*) FROM person");
        EXPECT_EQ(first.value(), second.value());
        return {};
    });
    ASSERT_TRUE(status) << status.error().message;
    EXPECT_EQ(count(), 2);
}

TEST_P(StoreTest, LetsManyThreadsWriteAndUndoesOnlyWhatFails) {
    constexpr int kThreads = 8;
    constexpr int kEach = 25;
    std::atomic<int> done = 0;
    std::atomic<int> refused = 0;
    std::vector<std::thread> threads;
    for (int t = 0; t < kThreads; ++t) {
        threads.emplace_back([&, t] {
            for (int i = 0; i < kEach; ++i) {
                const std::string name = std::to_string(t) + " " + std::to_string(i);
                auto status = store.write(
                    [&](Writer& w) -> Status {
                        auto added = w.run("INSERT INTO person (name) VALUES ($1)", {name});
                        if (!added) return pass(added.error());
                        if (i % 5 == 0) return fail(ErrorCode::limit, name);
                        if (i % 5 == 1)
                            return w.run("INSERT INTO person (name) VALUES ($1)", {name}).map([](auto) {});
                        return {};
                    },
                    t % 2 == 0 ? Durability::power_cut : Durability::process);
                if (status) {
                    ++done;
                } else {
                    EXPECT_EQ(status.error().code, i % 5 == 0 ? ErrorCode::limit : ErrorCode::conflict)
                        << status.error().message;
                    ++refused;
                }
            }
        });
    }
    for (auto& thread : threads) thread.join();
    EXPECT_EQ(done, kThreads * kEach * 3 / 5);
    EXPECT_EQ(refused, kThreads * kEach * 2 / 5);
    EXPECT_EQ(count(), done);
}

TEST_P(StoreTest, WritesBehaveAsIfOneCameAfterTheOther) {
    ASSERT_TRUE(add("counter"));
    ASSERT_TRUE(store.write([](Writer& w) { return w.run("UPDATE person SET age = 0").map([](auto) {}); }));
    std::vector<std::thread> threads;
    for (int t = 0; t < 4; ++t) {
        threads.emplace_back([&] {
            for (int i = 0; i < 25; ++i) {
                auto status = store.write(
                    [](Writer& w) -> Status {
                        auto age = w.integer("SELECT age FROM person WHERE name = 'counter'");
                        if (!age) return pass(age.error());
                        return w.run("UPDATE person SET age = $1 WHERE name = 'counter'", {age->value() + 1})
                            .map([](auto) {});
                    },
                    Durability::process);
                EXPECT_TRUE(status) << status.error().message;
            }
        });
    }
    for (auto& thread : threads) thread.join();
    EXPECT_EQ(count("SELECT age FROM person"), 100);
}

TEST_P(StoreTest, HandsAnExceptionBackToItsCallerAndUndoesItsWork) {
    EXPECT_THROW((void)store.write([](Writer& w) -> Status {
        (void)w.run("INSERT INTO person (name) VALUES ('Ann')");
        throw std::runtime_error("a bug");
    }),
                 std::runtime_error);
    EXPECT_THROW((void)store.read([](Reader&) -> Status { throw std::runtime_error("a bug"); }),
                 std::runtime_error);
    EXPECT_THROW((void)store.read([](Reader& r) {
        return r.each("SELECT 1", {}, [](const Row&) { throw std::runtime_error("a bug"); });
    }),
                 std::runtime_error);
    EXPECT_EQ(count(), 0);
    EXPECT_TRUE(add("Ann"));
}

TEST_P(StoreTest, LoadsManyRowsWhileOthersWriteInBetween) {
    constexpr int kRows = 60'000;
    std::atomic<bool> loading = true;
    int others = 0;
    std::thread other([&] {
        while (loading) {
            EXPECT_TRUE(store.write(
                [&](Writer& w) {
                    return w
                        .run("INSERT INTO person (id, name) VALUES ($1, $2)",
                             {others, "other " + std::to_string(others)})
                        .map([](auto) {});
                },
                Durability::process));
            ++others;
        }
    });
    auto load = store.bulk_load("person", {"id", "name", "hash", "weight", "age"});
    ASSERT_TRUE(load);
    for (std::int64_t i = 0; i < kRows; ++i) {
        const Md5 hash{{std::byte(i), std::byte(i >> 8), std::byte(0), std::byte(i >> 16)}};
        auto added = load->add({1'000'000 + i, "row " + std::to_string(i), i % 3 == 0 ? Value() : Value(hash),
                                0.5 * static_cast<double>(i), nullptr});
        ASSERT_TRUE(added) << added.error().message;
    }
    ASSERT_TRUE(load->finish());
    loading = false;
    other.join();
    EXPECT_EQ(load->added(), kRows);
    EXPECT_GT(others, 1);
    EXPECT_EQ(count("SELECT count(*) FROM person WHERE id >= 1000000"), kRows);
    EXPECT_EQ(count("SELECT count(*) FROM person WHERE hash IS NULL AND id >= 1000000"), kRows / 3);
    const Md5 hash{{std::byte(54'321 & 255), std::byte(54'321 >> 8)}};
    EXPECT_EQ(count("SELECT count(*) FROM person WHERE hash = $1 AND name = 'row 54321' AND weight = 27160.5",
                    {hash}),
              0);  // divisible by 3
    const Md5 next{{std::byte(54'322 & 255), std::byte(54'322 >> 8)}};
    EXPECT_EQ(count("SELECT count(*) FROM person WHERE hash = $1 AND name = 'row 54322' AND weight = 27161",
                    {next}),
              1);
}

TEST_P(StoreTest, SaysWhatIsWrongWithALoadedRow) {
    auto load = store.bulk_load("person", {"name"});
    ASSERT_TRUE(load);
    ASSERT_TRUE(load->add({"Ann"}));
    ASSERT_TRUE(load->add({"Ann"}));
    auto status = load->finish();
    ASSERT_FALSE(status);
    EXPECT_EQ(status.error().code, ErrorCode::conflict);
    EXPECT_FALSE(load->add({"Bob"}));
    EXPECT_EQ(count(), 0);
    auto wrong = store.bulk_load("person", {"name"});
    EXPECT_FALSE(wrong->add({"Ann", 1}));
}

TEST_P(StoreTest, TellsWhetherAnybodyChangedAnything) {
    Store other = testing::open(place, {people()});
    const auto before = store.changes();
    ASSERT_TRUE(before) << before.error().message;
    EXPECT_EQ(*store.changes(), *before);
    ASSERT_TRUE(add("Ann"));
    const auto after = store.changes();
    EXPECT_NE(*after, *before);
    EXPECT_EQ(*store.changes(), *after);
    ASSERT_TRUE(other.write(
        [](Writer& w) { return w.run("DELETE FROM person").map([](auto n) { EXPECT_EQ(n, 1); }); }));
    EXPECT_NE(*store.changes(), *after);
}

TEST_P(StoreTest, SortsTextByItsBytes) {
    for (const char* name : {"b", "a", "B", "\xC3\xA4", "Z"}) ASSERT_TRUE(add(name));
    std::string sorted;
    ASSERT_TRUE(store.read([&](Reader& r) {
        return r.each("SELECT name FROM person ORDER BY name", {},
                      [&](const Row& row) { sorted += row.text(0); });
    }));
    EXPECT_EQ(sorted, "BZab\xC3\xA4");
}

// Four threads append, one reads behind its position all the while: it meets each item once, in order.
TEST_P(StoreTest, TheOutboxGivesEachItemOnceAndInOrder) {
    constexpr int kThreads = 4;
    constexpr int kEach = 20;
    std::vector<std::thread> threads;
    for (int t = 0; t < kThreads; ++t) {
        threads.emplace_back([&, t] {
            for (int i = 0; i < kEach; ++i) {
                const std::string body = std::to_string(t) + ":" + std::to_string(i);
                auto status = store.write(
                    [&](Writer& w) {
                        return outbox::append(w, i % 4 == 3 ? "other" : "finding", body, Time{i});
                    },
                    Durability::process);
                EXPECT_TRUE(status) << status.error().message;
            }
        });
    }
    std::vector<std::string> got;
    const auto until = Steady::now() + std::chrono::seconds(30);
    while (got.size() < kThreads * kEach * 3 / 4 && Steady::now() < until) {
        std::vector<std::string> some;
        auto status = store.write(
            [&](Writer& w) -> Status {
                some.clear();
                auto position = outbox::position(w, "cases", "finding");
                if (!position) return pass(position.error());
                std::int64_t newest = *position;
                auto read = outbox::items(w, "finding", *position, 7, [&](const outbox::Item& item) {
                    EXPECT_GT(item.id, newest);
                    newest = item.id;
                    some.emplace_back(item.body);
                });
                if (!read || newest == *position) return read;
                return outbox::advance(w, "cases", "finding", newest);
            },
            Durability::process);
        EXPECT_TRUE(status) << status.error().message;
        got.insert(got.end(), some.begin(), some.end());
    }
    for (auto& thread : threads) thread.join();
    std::vector<std::string> wanted;
    for (int t = 0; t < kThreads; ++t)
        for (int i = 0; i < kEach; ++i)
            if (i % 4 != 3) wanted.push_back(std::to_string(t) + ":" + std::to_string(i));
    EXPECT_THAT(got, ::testing::UnorderedElementsAreArray(wanted));
}

TEST(Postgres, DoesNotWaitForEverForAConnection) {
    const testing::Place place(testing::Kind::postgres);
    auto store =
        Store::open({.where = place.where(), .readers = 2, .busy_timeout = std::chrono::milliseconds(20)});
    ASSERT_TRUE(store) << store.error().message;
    const auto nothing = [](Reader&) -> Status { return {}; };
    Status third;
    const auto both = store->read([&](Reader&) {
        return store->read([&](Reader&) -> Status {
            third = store->read(nothing);
            return {};
        });
    });
    EXPECT_TRUE(both);
    ASSERT_FALSE(third);
    EXPECT_EQ(third.error().code, ErrorCode::unavailable);
    EXPECT_THAT(third.error().message, ::testing::HasSubstr("in use"));
    EXPECT_TRUE(store->read(nothing));
}

TEST(Postgres, ReplacesConnectionsThatTheServerEnded) {
    const testing::Place place(testing::Kind::postgres);
    Store store = testing::open(place, {people()});
    Store other = testing::open(place, {people()});
    const auto end_all_others = [&] {
        return other.read([](Reader& r) {
            return r.each(
                "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity "
                "WHERE datname = current_database() AND pid <> pg_backend_pid()",
                {}, [](const Row& row) { EXPECT_EQ(row.integer(0), 1); });
        });
    };
    const auto add = [&](std::string_view name) {
        return store.write([&](Writer& w) {
            return w.run("INSERT INTO person (name) VALUES ($1)", {name}).map([](auto) {});
        });
    };
    ASSERT_TRUE(add("Ann"));
    ASSERT_TRUE(end_all_others());
    auto status = add("Bob");
    EXPECT_TRUE(status) << status.error().message;

    // In the middle of a transaction it is an error in words, and nothing of it is kept.
    status = store.write([&](Writer& w) -> Status {
        auto added = w.run("INSERT INTO person (name) VALUES ('Cid')");
        EXPECT_TRUE(added);
        EXPECT_TRUE(end_all_others());
        return w.run("INSERT INTO person (name) VALUES ('Dan')").map([](auto) {});
    });
    ASSERT_FALSE(status);
    EXPECT_EQ(status.error().code, ErrorCode::unavailable);
    EXPECT_THAT(status.error().message, ::testing::HasSubstr("was lost"));
    ASSERT_TRUE(other.read([](Reader& r) {
        return r.integer("SELECT count(*) FROM person").map([](auto n) { EXPECT_EQ(n, 2); });
    }));
    ASSERT_TRUE(end_all_others());
    EXPECT_TRUE(store.changes());
    ASSERT_TRUE(end_all_others());
    auto load = store.bulk_load("person", {"name"});
    ASSERT_TRUE(load->add({"Eve"}));
    EXPECT_TRUE(load->finish());
}

TEST(Integrity, IsCheckedPageByPage) {
    testing::Place place(testing::Kind::sqlite);
    const Schema schema{"test",
                        {{1, "things", "CREATE TABLE thing (id INTEGER PRIMARY KEY, what TEXT) STRICT", {}}}};
    {
        auto store = testing::open(place, {schema});
        ASSERT_TRUE(store.write([](Writer& writer) -> Status {
            for (int i = 0; i < 5'000; ++i) {
                if (auto done = writer.run("INSERT INTO thing (what) VALUES ('something')"); !done)
                    return tl::unexpected(done.error());
            }
            return {};
        }));
        EXPECT_TRUE(store.check_integrity());
    }
    {
        std::fstream file(place.where() + "/rushlight.db", std::ios::in | std::ios::out | std::ios::binary);
        file.seekp(0, std::ios::end);
        file.seekp(static_cast<std::streamoff>(file.tellp()) - 3 * 4096);
        file << std::string(64, 'x');
    }
    auto store = testing::open(place, {schema});
    const auto whole = store.check_integrity();
    ASSERT_FALSE(whole);
    EXPECT_EQ(whole.error().code, ErrorCode::corrupt);
    EXPECT_THAT(whole.error().message, ::testing::HasSubstr("backup"));
}

TEST(Opening, SaysInWordsWhatIsWrong) {
    const auto error = [](const std::string& where) {
        auto store = Store::open({.where = where});
        EXPECT_FALSE(store) << where;
        return store ? std::string() : store.error().message;
    };
    using ::testing::HasSubstr;
    testing::Place place(testing::Kind::sqlite);
    const std::string file = place.where() + "/rushlight.db";
    std::ofstream(file) << "This is no database at all, although its name says so. "
                        << std::string(5000, 'x');
    EXPECT_THAT(error(place.where()), HasSubstr("'" + file + "' is damaged or no database"));
    EXPECT_THAT(error(file), HasSubstr("no folder"));
    EXPECT_THAT(error(file + "/below"), HasSubstr("cannot make the data folder"));
    EXPECT_THAT(error("/proc/rushlight"), HasSubstr("cannot make the data folder '/proc/rushlight'"));
    EXPECT_THAT(error(""), HasSubstr("empty name"));
    EXPECT_THAT(error("postgresql://somebody:secret@localhost/x"), HasSubstr("PGPASSFILE"));
    EXPECT_THAT(error("postgresql://somebody:secret@localhost/x"), ::testing::Not(HasSubstr("secret")));
    EXPECT_THAT(error("postgresql://localhost:1/x"),
                HasSubstr("cannot reach the database postgresql://localhost:1/x"));
    EXPECT_THAT(error("postgresql://localhost:port/x"), HasSubstr("port"));
}

}  // namespace
}  // namespace rushlight::store
