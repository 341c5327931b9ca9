// What the door promises, the same on both databases.
#include "store/store.h"

#include "store/testing/place.h"

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

}  // namespace
}  // namespace rushlight::store
