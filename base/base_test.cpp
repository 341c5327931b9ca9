#include "base/bytes.h"
#include "base/content.h"
#include "base/hash.h"
#include "base/reason.h"
#include "base/text.h"
#include "base/time.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace rushlight {
namespace {

TEST(Hex, GoesThereAndBackInEitherCase) {
    const auto hash = Md5::parse("D41D8CD98F00B204E9800998ECF8427e");
    ASSERT_TRUE(hash);
    EXPECT_EQ(hash->hex(), "d41d8cd98f00b204e9800998ecf8427e");
    EXPECT_FALSE(Md5::parse("d41d8cd98f00b204e9800998ecf8427"));
    EXPECT_FALSE(Md5::parse("g41d8cd98f00b204e9800998ecf8427e"));
}

TEST(Base64, FollowsTheVectorsOfRfc4648) {
    const std::pair<const char*, const char*> vectors[] = {{"", ""},
                                                           {"f", "Zg=="},
                                                           {"fo", "Zm8="},
                                                           {"foo", "Zm9v"},
                                                           {"foob", "Zm9vYg=="},
                                                           {"fooba", "Zm9vYmE="},
                                                           {"foobar", "Zm9vYmFy"}};
    for (const auto& [plain, encoded] : vectors) {
        EXPECT_EQ(to_base64(bytes_of(plain)), encoded);
        const auto back = parse_base64(encoded);
        ASSERT_TRUE(back) << encoded;
        EXPECT_EQ(text_of(*back), plain);
    }
    for (const char* bad : {"Z", "Zg=", "Zh==", "Zg==Zg==", "Z*==", "=", "===="})
        EXPECT_FALSE(parse_base64(bad)) << bad;
}

TEST(Distance, CountsDifferingBits) {
    Pdq a;
    Pdq b;
    EXPECT_EQ(distance(a, b), 0);
    b.value[0] = std::byte{0x81};
    b.value[31] = std::byte{0x01};
    EXPECT_EQ(distance(a, b), 3);
}

TEST(Reason, NamesGoThereAndBack) {
    for (const char* name : {"empty", "truncated", "unsupported", "corrupt", "too_large", "timeout",
                             "crashed", "denied", "bomb", "low_quality", "not_media"}) {
        const auto reason = parse_reason(name);
        ASSERT_TRUE(reason) << name;
        EXPECT_EQ(to_string(*reason), name);
    }
    EXPECT_FALSE(parse_reason("fine"));
}

TEST(Time, PrintsAndReadsRfc3339) {
    EXPECT_EQ(Time{0}.rfc3339(), "1970-01-01T00:00:00Z");
    EXPECT_EQ(Time{-1}.rfc3339(), "1969-12-31T23:59:59.999999Z");
    EXPECT_EQ(Time::parse("2024-05-01T12:30:00.25+02:30"), Time::parse("2024-05-01T10:00:00.25Z"));
    EXPECT_EQ(Time::parse("2024-02-29T00:00:00Z")->rfc3339(), "2024-02-29T00:00:00Z");
    for (const char* bad : {"", "2023-02-29T00:00:00Z", "2024-05-01", "2024-05-01T10:00:00",
                            "2024-05-01T24:00:00Z", "2024-05-01T10:00:00Zx", "2024-05-01T10:00:00.Z"}) {
        EXPECT_FALSE(Time::parse(bad)) << bad;
    }
}

TEST(Text, ReplacesOnlyWhatIsNoUtf8) {
    EXPECT_EQ(to_utf8("caf\xC3\xA9"), "caf\xC3\xA9");
    EXPECT_EQ(to_utf8("a\xFF"
                      "b"),
              "a\xEF\xBF\xBD"
              "b");
    EXPECT_EQ(to_utf8("\xE2\x82"), "\xEF\xBF\xBD");                              // cut short: one replacement
    EXPECT_EQ(to_utf8("\xED\xA0\x80"), "\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD");  // a surrogate is no UTF-8
    EXPECT_TRUE(is_utf8("\xF0\x9F\x95\xAF"));
    EXPECT_FALSE(is_utf8("\xC0\x80"));
}

TEST(Text, PrintableNamesCannotDrawOnTheTerminal) {
    EXPECT_EQ(printable("a\nb\x1b[2J"), "a\\nb\\x1b[2J");
    EXPECT_EQ(printable("gpj\xE2\x80\xAE"
                        "exe"),
              "gpj<U+202E>exe");
}

TEST(Content, OfBytesCannotBeChanged) {
    const auto content = Content::from_bytes(bytes_of("hello"));
    ASSERT_TRUE(content);
    EXPECT_EQ(content->size(), 5u);
    EXPECT_TRUE(content->sealed());
    EXPECT_FALSE(write_all(content->fd(), bytes_of("x"), "it"));
    std::array<std::byte, 8> buffer{};
    EXPECT_EQ(content->read_at(1, buffer).value(), 4u);
    EXPECT_EQ(text_of(Bytes(buffer).first(4)), "ello");
}

TEST(Content, RefusesWhatIsNoRegularFileWithoutBlocking) {
    EXPECT_EQ(Content::open("/").error().code, ErrorCode::invalid);
    EXPECT_EQ(Content::open("/dev/null").error().code, ErrorCode::invalid);
    EXPECT_EQ(Content::open("/no/such/file").error().code, ErrorCode::not_found);
}

}  // namespace
}  // namespace rushlight
