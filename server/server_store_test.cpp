// What is kept for idempotency keys.

#include "server/server_store.h"

#include "audit/audit.h"
#include "base/digest.h"
#include "server/server.h"
#include "store/testing/place.h"

#include <chrono>

#include <gtest/gtest.h>

namespace rushlight::server {
namespace {

using namespace std::chrono_literals;

class Idempotency : public ::testing::TestWithParam<store::testing::Kind> {
  protected:
    store::testing::Place place_{GetParam()};
    store::Store store_ = store::testing::open(place_, {audit::schema(), schema()});
    IdempotencyStore keys_{store_};
    Sha256 one_ = sha256_of(bytes_of("one request"));
    Sha256 other_ = sha256_of(bytes_of("another"));
    Time now_ = Time::parse("2027-01-15T08:00:00Z").value();
};
INSTANTIATE_TEST_SUITE_P(, Idempotency, store::testing::both(), store::testing::name_of);

TEST_P(Idempotency, TheFirstAnswerIsKept) {
    EXPECT_FALSE(keys_.begin("key:a", "k", one_, now_)->has_value());
    EXPECT_EQ(keys_.begin("key:a", "k", one_, now_).value()->status, 0) << "it is under way";
    EXPECT_FALSE(keys_.begin("key:b", "k", other_, now_)->has_value()) << "somebody else's";
    ASSERT_TRUE(keys_.finish("key:a", "k", 201, "{}"));
    const auto kept = keys_.begin("key:a", "k", other_, now_ + 23h).value();
    ASSERT_TRUE(kept);
    EXPECT_EQ(kept->status, 201);
    EXPECT_EQ(kept->body, "{}");
    EXPECT_EQ(kept->asked, one_);
}

// The server was killed in between: the key is not lost for a day.
TEST_P(Idempotency, AFirstRequestThatDiedIsForgottenAfterAWhile) {
    ASSERT_FALSE(keys_.begin("key:a", "k", one_, now_)->has_value());
    EXPECT_TRUE(keys_.begin("key:a", "k", one_, now_ + 14min)->has_value());
    EXPECT_FALSE(keys_.begin("key:a", "k", other_, now_ + 16min)->has_value());
    EXPECT_TRUE(keys_.begin("key:a", "k", other_, now_ + 17min)->has_value()) << "now it is that one's";
    ASSERT_TRUE(keys_.finish("key:a", "k", 200, "answer"));
    EXPECT_EQ(keys_.begin("key:a", "k", other_, now_ + 20h).value()->body, "answer");
}

TEST_P(Idempotency, WhatWasGivenUpMayBeTriedAgain) {
    ASSERT_FALSE(keys_.begin("key:a", "k", one_, now_)->has_value());
    ASSERT_TRUE(keys_.give_up("key:a", "k"));
    EXPECT_FALSE(keys_.begin("key:a", "k", one_, now_)->has_value());
}

}  // namespace
}  // namespace rushlight::server
