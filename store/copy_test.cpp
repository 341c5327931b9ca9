// All of one store into another, whichever database either is.
#include "store/copy.h"

#include "store/testing/place.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace rushlight::store::testing {
namespace {

using ::testing::HasSubstr;

Schema house() {
    return {.room = "house", .migrations = {{.number = 1, .name = "rooms", .sql = R"(
        CREATE TABLE house_room (id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT NOT NULL, size REAL,
            inside INTEGER REFERENCES house_room (id)) STRICT;
        CREATE TABLE house_thing (room INTEGER NOT NULL REFERENCES house_room (id), mark BLOB NOT NULL,
            at INTEGER NOT NULL, PRIMARY KEY (mark, room)) STRICT, WITHOUT ROWID;)"}}};
}

Status add_room(Store& store, std::string_view name) {
    return store.write([&](Writer& writer) -> Status {
        return writer.run("INSERT INTO house_room (name) VALUES ($1)", {name}).map([](std::int64_t) {});
    });
}

std::string spelled(const Value& value) {
    switch (value.kind()) {
        case Value::Kind::null:
            return "-";
        case Value::Kind::integer:
            return std::to_string(value.integer());
        case Value::Kind::real:
            return std::to_string(value.real());
        default:
            return std::string(value.text());
    }
}

std::string all_of(Store& store) {
    std::string text;
    const Status read = store.read([&](Reader& reader) -> Status {
        text.clear();
        const auto all = tables(reader);
        if (!all) return pass(all.error());
        for (const Table& table : *all) {
            text += table.name + ":";
            auto rows = each_row(reader, table, [&](std::span<const Value> row) {
                for (const Value& value : row) text += ' ' + spelled(value);
                text += ';';
                return true;
            });
            if (!rows) return rows;
        }
        return {};
    });
    EXPECT_TRUE(read) << read.error().message;
    return text;
}

Status copy(Store& from, Store& to) {
    return to.replace([&](Writer&, Refill& refill) -> Status {
        return from.read([&](Reader& reader) -> Status {
            auto all = tables(reader);
            if (!all) return pass(all.error());
            Status status = refill.empty(*all);
            for (const Table& table : *all) {
                if (status) status = refill.begin(table);
                if (status) {
                    Status added;
                    status = each_row(reader, table, [&](std::span<const Value> row) {
                        added = refill.add(row);
                        return added.has_value();
                    });
                    if (!added) status = added;
                }
                if (status) status = refill.end();
            }
            const auto numbers = counters(reader);
            if (!numbers) return pass(numbers.error());
            for (const auto& [table, last] : *numbers)
                if (status) status = refill.count_from(table, last);
            return status;
        });
    });
}

class StoreCopy : public ::testing::TestWithParam<std::tuple<Kind, Kind>> {
  protected:
    Place from_place_{std::get<0>(GetParam())};
    Place to_place_{std::get<1>(GetParam())};
    Store from_ = open(from_place_, {house()});
    Store to_ = open(to_place_, {house()});
};

TEST_P(StoreCopy, EveryValueComesThroughAndNoNumberIsGivenTwice) {
    const std::string bytes("\0\xff raw", 6);
    ASSERT_TRUE(from_.write([&](Writer& writer) -> Status {
        (void)writer.run("INSERT INTO house_room (id, name, size, inside) VALUES ($1, $2, $3, $4)",
                         {INT64_MIN, "größe", 0.1, nullptr});
        (void)writer.run("INSERT INTO house_room (name, inside) VALUES ($1, $2)", {"", INT64_MIN});
        (void)writer.run("INSERT INTO house_room (name) VALUES ($1)", {"gone"});
        (void)writer.run("DELETE FROM house_room WHERE name = 'gone'");
        return writer
            .run("INSERT INTO house_thing (room, mark, at) VALUES ($1, $2, $3)",
                 {INT64_MIN, bytes_of(bytes), INT64_MAX})
            .map([](std::int64_t) {});
    }));
    for (int i = 0; i < 5; ++i) ASSERT_TRUE(add_room(to_, "old"));
    const auto before = to_.life();
    ASSERT_TRUE(before);
    const Status copied = copy(from_, to_);
    ASSERT_TRUE(copied) << copied.error().message;
    EXPECT_EQ(all_of(to_), all_of(from_));
    EXPECT_THAT(all_of(to_), HasSubstr("größe"));
    EXPECT_NE(to_.life().value_or(0), *before);
    // Five numbers were given here before, and one of the source's was deleted: none comes again.
    ASSERT_TRUE(add_room(to_, "new"));
    EXPECT_THAT(all_of(to_), HasSubstr(" 6 new"));
}

TEST_P(StoreCopy, WhatFailsLeavesEverythingAsItWas) {
    ASSERT_TRUE(add_room(to_, "old"));
    const std::string before = all_of(to_);
    const Status failed = to_.replace([&](Writer&, Refill& refill) -> Status {
        std::vector<Table> all;
        (void)to_.read(
            [&](Reader& reader) -> Status { return tables(reader).map([&](auto t) { all = t; }); });
        Status status = refill.empty(all);
        for (const Table& table : all) {
            if (table.name != "house_thing") continue;
            if (status) status = refill.begin(table);
            const Value row[] = {7, bytes_of("of a room that is not there"), 1};
            if (status) status = refill.add(row);
            if (status) status = refill.end();
        }
        return status;
    });
    EXPECT_FALSE(failed);
    EXPECT_EQ(all_of(to_), before);
}

INSTANTIATE_TEST_SUITE_P(
    , StoreCopy,
    ::testing::Values(std::tuple(Kind::sqlite, Kind::sqlite), std::tuple(Kind::sqlite, Kind::postgres),
                      std::tuple(Kind::postgres, Kind::sqlite)),
    [](const auto& test) {
        const auto name = [](Kind kind) { return kind == Kind::sqlite ? "Sqlite" : "Postgres"; };
        return std::string(name(std::get<0>(test.param))) + "To" + name(std::get<1>(test.param));
    });

}  // namespace
}  // namespace rushlight::store::testing
