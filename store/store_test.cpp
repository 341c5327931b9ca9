#include "store/store.h"

#include <filesystem>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace rushlight::store {
namespace {

Schema people() {
    return {"people",
            {{1, "people",
              "CREATE TABLE person (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, hash BLOB, weight "
              "REAL) STRICT;"}}};
}

TEST(Store, KeepsWhatWasWritten) {
    std::string dir = ::testing::TempDir() + "rl_store_XXXXXX";
    ASSERT_NE(mkdtemp(dir.data()), nullptr);
    auto store = Store::open({.where = dir, .schemas = {people()}});
    ASSERT_TRUE(store) << store.error().message;
    EXPECT_EQ(store->schema_version(), 2);
    std::int64_t id = 0;
    auto status = store->write([&](Writer& w) -> Status {
        auto got = w.integer("INSERT INTO person (name, hash, weight) VALUES ($2, $1, $3) RETURNING id",
                             {bytes_of("ab"), "Ann", 1.5});
        if (!got) return pass(got.error());
        id = got->value();
        return {};
    });
    ASSERT_TRUE(status) << status.error().message;
    int rows = 0;
    status = store->read([&](Reader& r) {
        return r.each("SELECT id, name, hash, weight FROM person WHERE name = $1", {"Ann"},
                      [&](const Row& row) {
                          EXPECT_EQ(row.integer(0), id);
                          EXPECT_EQ(row.text(1), "Ann");
                          EXPECT_EQ(text_of(row.bytes(2)), "ab");
                          EXPECT_EQ(row.real(3), 1.5);
                          ++rows;
                      });
    });
    ASSERT_TRUE(status) << status.error().message;
    EXPECT_EQ(rows, 1);
    auto load = store->bulk_load("person", {"name", "hash"});
    for (int i = 0; i < 10'000; ++i) ASSERT_TRUE(load->add({"p" + std::to_string(i), bytes_of("x")}));
    ASSERT_TRUE(load->finish());
    status = store->read([&](Reader& r) {
        return r.integer("SELECT count(*) FROM person").map([&](auto n) { EXPECT_EQ(n, 10'001); });
    });
    std::filesystem::remove_all(dir);
}

}  // namespace
}  // namespace rushlight::store
