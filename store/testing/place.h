// For tests of every room: a new empty store for one test, in a temporary folder or on a PostgreSQL of our
// own.
//
//   class Cases : public ::testing::TestWithParam<store::testing::Kind> {
//       store::testing::Place place{GetParam()};
//       Store store = store::testing::open(place, {schema()});
//   };
//   INSTANTIATE_TEST_SUITE_P(, Cases, store::testing::both(), store::testing::name_of);
//
// Link it with TEST_USES store/testing. The server is Debian's package postgresql, started once a test
// program as an unprivileged user in a folder under /tmp, reached through a socket there, and ended and
// removed when the program ends, however it ends. Where PostgreSQL is missing the constructor throws: the
// test fails and says so.
#pragma once

#include "store/store.h"

#include <string>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>

namespace rushlight::store::testing {

enum class Kind { sqlite, postgres };

class Place {
  public:
    explicit Place(Kind kind);
    ~Place();
    Place(const Place&) = delete;
    Place& operator=(const Place&) = delete;

    Kind kind() const { return kind_; }
    // For Options::where. Opening again opens the same.
    const std::string& where() const { return where_; }

  private:
    Kind kind_;
    std::string where_;
    std::string database_;
};

// Fails the test program with the error's words.
Store open(const Place& place, std::vector<Schema> schemas);

inline auto both() { return ::testing::Values(Kind::sqlite, Kind::postgres); }
inline std::string name_of(const ::testing::TestParamInfo<Kind>& info) {
    return info.param == Kind::sqlite ? "Sqlite" : "Postgres";
}

}  // namespace rushlight::store::testing
