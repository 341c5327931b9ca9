#include "cli/terminal.h"

#include <gtest/gtest.h>

namespace rushlight::cli {
namespace {

TEST(Terminal, GroupsDigitsByThree) {
    EXPECT_EQ(grouped(0), "0");
    EXPECT_EQ(grouped(999), "999");
    EXPECT_EQ(grouped(1000), "1,000");
    EXPECT_EQ(grouped(123456), "123,456");
    EXPECT_EQ(grouped(1234567), "1,234,567");
}

TEST(Terminal, SaysDurationsAsClocksDo) {
    EXPECT_EQ(human_duration(0.2), "0:00");
    EXPECT_EQ(human_duration(67), "1:07");
    EXPECT_EQ(human_duration(3723), "1:02:03");
    EXPECT_EQ(human_duration(-1), "0:00");
}

TEST(Terminal, FitsTextIntoColumnsByWholeCharacters) {
    EXPECT_EQ(fitted("abc", 5), "abc  ");
    EXPECT_EQ(fitted("abcdefghij", 10), "abcdefghij");
    EXPECT_EQ(fitted("abcdefghijk", 7), "ab…hijk");
    EXPECT_EQ(columns_of(fitted("ééééééééé", 5)), 5u);
    EXPECT_EQ(fitted("ééééééééé", 5), "é…ééé");
    // Wide characters take two columns, combining marks none.
    EXPECT_EQ(columns_of("写真"), 4u);
    EXPECT_EQ(columns_of("e\u0301"), 1u);
    EXPECT_EQ(fitted("写真", 6), "写真  ");
    EXPECT_EQ(columns_of(fitted("写真写真写真写真", 8)), 8u);
    EXPECT_EQ(columns_of(fitted("写真写真写真写真", 7)), 7u);
    EXPECT_EQ(columns_of("\xFF"), 1u);
}

}  // namespace
}  // namespace rushlight::cli
