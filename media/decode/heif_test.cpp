#include "media/decode/testing.h"

#include <gtest/gtest.h>

namespace rushlight::media::decode {
namespace {

using namespace testing;

Pdq png(const std::string& name) { return decode_bytes(decode_png, sample(name)).pdq(); }

TEST(Heif, ReadsHeicAndAvifClosely) {
    for (const char* name : {"scene.heic", "scene.avif"}) {
        const auto decoded = decode_bytes(decode_heif, sample(name));
        ASSERT_FALSE(decoded.problem) << name << ": " << decoded.problem->message;
        ASSERT_EQ(decoded.frames.size(), 1u);
        EXPECT_EQ(decoded.width, 151u) << name;
        EXPECT_EQ(decoded.height, 101u) << name;
        EXPECT_LE(distance(decoded.pdq(), png("scene.png")), 10) << name;
    }
}

TEST(Heif, BringsTenBitsToEight) {
    const auto decoded = decode_bytes(decode_heif, sample("deep10.avif"));
    ASSERT_FALSE(decoded.problem);
    EXPECT_LE(distance(decoded.pdq(), png("scene-even.png")), 10);
}

TEST(Heif, DoesNotTurnThePicture) {
    const auto decoded = decode_bytes(decode_heif, sample("turned-mark.heic"));
    ASSERT_FALSE(decoded.problem);
    EXPECT_EQ(decoded.width, 151u);
    EXPECT_EQ(decoded.height, 101u);
    EXPECT_EQ(decoded.pdq(), decode_bytes(decode_heif, sample("scene.heic")).pdq());
}

TEST(Heif, RefusesSizesOverTheLimit) {
    Limits limits;
    limits.pixels = 1000;
    for (const char* name : {"scene.heic", "scene.avif"}) {
        const auto decoded = decode_bytes(decode_heif, sample(name), limits);
        EXPECT_EQ(decoded.reason(), Reason::too_large);
        EXPECT_TRUE(decoded.frames.empty());
    }
}

TEST(Heif, ASizeThatTheContainerMadeUpAllocatesNothing) {
    std::string huge = sample("scene.avif");
    for (std::size_t at = huge.find("ispe"); at != std::string::npos; at = huge.find("ispe", at + 4)) {
        for (const std::size_t side : {at + 8, at + 12}) {
            huge[side] = 0;
            huge[side + 1] = 1;  // 65,536 and more
        }
    }
    EXPECT_EQ(decode_bytes(decode_heif, huge).reason(), Reason::too_large);
}

TEST(Heif, TellsBrokenFromTruncated) {
    for (const char* name : {"scene.heic", "scene.avif"}) {
        const std::string whole = sample(name);
        for (const std::size_t keep : {std::size_t{20}, std::size_t{300}, whole.size() - 500}) {
            EXPECT_EQ(decode_bytes(decode_heif, whole.substr(0, keep)).reason(), Reason::truncated)
                << name << " " << keep;
        }
        std::string broken = whole;
        for (std::size_t i = broken.find("mdat") + 4; i < broken.size(); ++i) broken[i] = 0;
        const auto decoded = decode_bytes(decode_heif, broken);
        EXPECT_TRUE(decoded.reason() == Reason::corrupt || decoded.reason() == Reason::unsupported) << name;
    }
    EXPECT_EQ(decode_bytes(decode_heif, "").reason(), Reason::empty);
}

}  // namespace
}  // namespace rushlight::media::decode
