#include "practice/dice.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace rushlight::practice {
namespace {

// The values are the generator's published ones: they must never change, or every seed shows another world.
TEST(Dice, ThrowTheSameEverywhere) {
    Dice dice(1234567);
    EXPECT_EQ(dice.next(), 6457827717110365317u);
    EXPECT_EQ(dice.next(), 3203168211198807973u);
    EXPECT_EQ(dice.next(), 9817491932198370423u);
}

TEST(Dice, ShuffleKeepsEverythingAndDependsOnTheSeed) {
    const std::vector<int> before{1, 2, 3, 4, 5, 6, 7, 8, 9};
    auto one = before;
    auto again = before;
    auto other = before;
    Dice(7, "deal").shuffle(one);
    Dice(7, "deal").shuffle(again);
    Dice(8, "deal").shuffle(other);
    EXPECT_EQ(one, again);
    EXPECT_NE(one, other);
    EXPECT_THAT(one, ::testing::UnorderedElementsAreArray(before));
}

}  // namespace
}  // namespace rushlight::practice
