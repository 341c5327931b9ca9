#include "media/decode/testing.h"

#include <gtest/gtest.h>

namespace rushlight::media::decode {
namespace {

using namespace testing;

Pdq png(const std::string& name) { return decode_bytes(decode_png, sample(name)).pdq(); }

std::string le16(unsigned value) { return {static_cast<char>(value & 255), static_cast<char>(value >> 8)}; }

// A header with a palette of two colours, and one picture of one pixel's data.
std::string tiny(unsigned screen_width, unsigned screen_height, unsigned width, unsigned height,
                 unsigned left = 0, unsigned top = 0) {
    return "GIF89a" + le16(screen_width) + le16(screen_height) + std::string("\x80\0\0", 3) +
           std::string("\0\0\0\xff\xff\xff", 6) + "," + le16(left) + le16(top) + le16(width) + le16(height) +
           std::string("\0\x02\x02\x44\x01\0;", 7);
}

TEST(Gif, GivesItsFramesWithTheirTimes) {
    const auto decoded = decode_bytes(decode_gif, sample("animated.gif"));
    ASSERT_FALSE(decoded.problem);
    ASSERT_EQ(decoded.frames.size(), 4u);
    const double seconds[] = {0, 0.1, 0.3, 0.6};
    for (std::uint32_t i = 0; i < 4; ++i) {
        EXPECT_EQ(decoded.frames[i].number, i);
        EXPECT_NEAR(decoded.frames[i].seconds, seconds[i], 1e-9);
        EXPECT_EQ(decoded.frames[i].pdq.hex(), png("frame" + std::to_string(i) + ".png").hex()) << i;
    }
    EXPECT_EQ(decoded.width, 120u);
    EXPECT_EQ(decoded.height, 80u);
}

TEST(Gif, DisposesOfEachFrameAsItAsks) {
    const auto decoded = decode_bytes(decode_gif, sample("disposal.gif"));
    ASSERT_FALSE(decoded.problem);
    ASSERT_EQ(decoded.frames.size(), 4u);
    EXPECT_EQ(decoded.frames[0].pdq.hex(), png("frame0.png").hex());
    for (std::uint32_t i = 1; i < 4; ++i) {
        EXPECT_EQ(decoded.frames[i].pdq.hex(), png("disposal" + std::to_string(i) + ".png").hex()) << i;
    }
}

TEST(Gif, ReadsInterlacedRowsInTheirPlace) {
    EXPECT_EQ(decode_bytes(decode_gif, sample("interlaced.gif")).pdq().hex(), png("frame0.png").hex());
}

TEST(Gif, AScreenOfNoSizeIsAsLargeAsTheFirstPicture) {
    const auto decoded = decode_bytes(decode_gif, sample("no-screen.gif"));
    EXPECT_EQ(decoded.width, 120u);
    EXPECT_EQ(decoded.pdq().hex(), png("frame0.png").hex());
}

TEST(Gif, RefusesAGiantScreenOrPicture) {
    EXPECT_EQ(decode_bytes(decode_gif, tiny(65'535, 65'535, 1, 1)).reason(), Reason::too_large);
    EXPECT_EQ(decode_bytes(decode_gif, tiny(10, 10, 65'535, 65'535)).reason(), Reason::too_large);
}

TEST(Gif, ReadsAPictureOutsideOfItsScreen) {
    const auto decoded = decode_bytes(decode_gif, tiny(10, 10, 1, 1, 500, 500));
    EXPECT_FALSE(decoded.problem);
    EXPECT_EQ(decoded.frames.size(), 1u);
}

TEST(Gif, TellsBrokenFromTruncated) {
    const std::string whole = sample("interlaced.gif");
    for (const std::size_t keep : {std::size_t{8}, std::size_t{60}, whole.size() / 2}) {
        EXPECT_EQ(decode_bytes(decode_gif, whole.substr(0, keep)).reason(), Reason::truncated) << keep;
    }
    EXPECT_EQ(decode_bytes(decode_gif, "GIF89a" + le16(9) + le16(9) + std::string("\0\0\0;", 4)).reason(),
              Reason::corrupt);
    EXPECT_EQ(decode_bytes(decode_gif, "").reason(), Reason::empty);
}

TEST(Gif, AnAnimationCutShortKeepsTheFramesBefore) {
    const std::string whole = sample("animated.gif");
    const auto decoded = decode_bytes(decode_gif, whole.substr(0, whole.size() - 200));
    EXPECT_EQ(decoded.frames.size(), 3u);
    EXPECT_EQ(decoded.reason(), Reason::truncated);
}

TEST(Gif, AMillionFramesStopAtTheLimit) {
    std::string many = tiny(30, 30, 1, 1);
    const std::string picture = many.substr(many.find(','), many.size() - many.find(',') - 1);
    many.pop_back();
    for (int i = 0; i < 100'000; ++i) many += picture;
    const auto decoded = decode_bytes(decode_gif, many + ";");
    EXPECT_FALSE(decoded.problem);
    EXPECT_EQ(decoded.frames.size(), Limits{}.frames);
}

TEST(Gif, ManyHugeFramesStopAtTheLimitOfWork) {
    Limits limits;
    limits.animation_pixels = 2 * 120 * 80;
    EXPECT_EQ(decode_bytes(decode_gif, sample("animated.gif"), limits).frames.size(), 2u);
}

TEST(Gif, SurvivesEveryTruncation) {
    const std::string whole = sample("disposal.gif");
    for (std::size_t keep = 0; keep < whole.size(); ++keep) {
        const auto decoded = decode_bytes(decode_gif, whole.substr(0, keep));
        EXPECT_TRUE(decoded.problem) << keep;
        EXPECT_LE(decoded.frames.size(), 4u);
    }
}

}  // namespace
}  // namespace rushlight::media::decode
