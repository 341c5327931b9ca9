#include "media/decode/testing.h"

#include <gtest/gtest.h>

namespace rushlight::media::decode {
namespace {

using namespace testing;

Pdq png(const std::string& name) { return decode_bytes(decode_png, sample(name)).pdq(); }

TEST(Webp, ReadsLosslessExactlyAndDropsAlpha) {
    EXPECT_EQ(decode_bytes(decode_webp, sample("lossless.webp")).pdq().hex(), png("scene.png").hex());
    EXPECT_EQ(decode_bytes(decode_webp, sample("lossless-alpha.webp")).pdq().hex(), png("scene.png").hex());
}

TEST(Webp, ReadsLossyClosely) {
    const auto decoded = decode_bytes(decode_webp, sample("lossy.webp"));
    ASSERT_EQ(decoded.frames.size(), 1u);
    EXPECT_EQ(decoded.width, 151u);
    EXPECT_EQ(decoded.height, 101u);
    EXPECT_LE(distance(decoded.pdq(), png("scene.png")), 10);
}

TEST(Webp, GivesItsFramesWithTheirTimes) {
    const auto decoded = decode_bytes(decode_webp, sample("animated.webp"));
    ASSERT_FALSE(decoded.problem);
    ASSERT_EQ(decoded.frames.size(), 4u);
    const double seconds[] = {0, 0.1, 0.3, 0.6};
    for (std::uint32_t i = 0; i < 4; ++i) {
        EXPECT_EQ(decoded.frames[i].number, i);
        EXPECT_NEAR(decoded.frames[i].seconds, seconds[i], 1e-9);
        EXPECT_EQ(decoded.frames[i].pdq.hex(), png("frame" + std::to_string(i) + ".png").hex()) << i;
    }
    const auto lossy = decode_bytes(decode_webp, sample("animated-lossy.webp"));
    ASSERT_EQ(lossy.frames.size(), 4u);
    for (std::uint32_t i = 0; i < 4; ++i) {
        EXPECT_LE(distance(lossy.frames[i].pdq, decoded.frames[i].pdq), 16) << i;
    }
}

TEST(Webp, StopsAtItsLimits) {
    Limits limits;
    limits.frames = 2;
    EXPECT_EQ(decode_bytes(decode_webp, sample("animated.webp"), limits).frames.size(), 2u);
    limits = {};
    limits.animation_pixels = 3 * 120 * 80;
    EXPECT_EQ(decode_bytes(decode_webp, sample("animated.webp"), limits).frames.size(), 3u);
    limits = {};
    limits.pixels = 1000;
    EXPECT_EQ(decode_bytes(decode_webp, sample("lossy.webp"), limits).reason(), Reason::too_large);
    EXPECT_EQ(decode_bytes(decode_webp, sample("animated.webp"), limits).reason(), Reason::too_large);
}

TEST(Webp, TellsBrokenFromTruncated) {
    for (const char* name : {"lossy.webp", "lossless.webp", "animated.webp"}) {
        const std::string whole = sample(name);
        for (const std::size_t keep : {std::size_t{12}, std::size_t{24}, whole.size() / 2}) {
            const auto decoded = decode_bytes(decode_webp, whole.substr(0, keep));
            EXPECT_EQ(decoded.reason(), Reason::truncated) << name << " " << keep;
        }
    }
    std::string broken = sample("lossless.webp");
    for (std::size_t i = 25; i < broken.size(); ++i) broken[i] = static_cast<char>(0xff);
    EXPECT_EQ(decode_bytes(decode_webp, broken).reason(), Reason::corrupt);
    EXPECT_EQ(decode_bytes(decode_webp, "").reason(), Reason::empty);
}

}  // namespace
}  // namespace rushlight::media::decode
