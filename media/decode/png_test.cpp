#include "media/decode/testing.h"

#include <gtest/gtest.h>

namespace rushlight::media::decode {
namespace {

using namespace testing;

Pdq of(const std::string& name) {
    const auto decoded = decode_bytes(decode_png, sample(name));
    EXPECT_FALSE(decoded.problem) << name << ": " << decoded.problem->message;
    EXPECT_EQ(decoded.frames.size(), 1u) << name;
    return decoded.pdq();
}

std::string be32(std::uint32_t value) {
    return {static_cast<char>(value >> 24), static_cast<char>(value >> 16), static_cast<char>(value >> 8),
            static_cast<char>(value)};
}

std::uint32_t crc_of(std::string_view bytes) {
    std::uint32_t crc = 0xffffffffu;
    for (const char c : bytes) {
        crc ^= static_cast<std::uint8_t>(c);
        for (int i = 0; i < 8; ++i) crc = crc >> 1 ^ (crc & 1 ? 0xedb88320u : 0);
    }
    return ~crc;
}

std::string chunk(const std::string& name, const std::string& body) {
    return be32(static_cast<std::uint32_t>(body.size())) + name + body + be32(crc_of(name + body));
}

std::string header(std::uint32_t width, std::uint32_t height, char depth = 8, char colour = 2) {
    return "\x89PNG\r\n\x1a\n" +
           chunk("IHDR", be32(width) + be32(height) + depth + colour + std::string(3, '\0'));
}

TEST(Png, GivesTheSamePictureWhateverItsKind) {
    const Pdq scene = of("scene.png");
    for (const char* name : {"rgb16.png", "rgba8.png", "interlaced.png", "rgb-trns.png"}) {
        EXPECT_EQ(of(name).hex(), scene.hex()) << name;
    }
    const Pdq grey = of("scene-grey.png");
    for (const char* name : {"grey16.png", "greyalpha8.png"}) EXPECT_EQ(of(name).hex(), grey.hex()) << name;
}

TEST(Png, ExpandsFewBitsToEight) {
    for (const std::string bits : {"1", "2", "4"}) {
        EXPECT_EQ(of("grey" + bits + ".png").hex(), of("grey" + bits + "-as-8.png").hex()) << bits;
    }
    EXPECT_EQ(of("grey1-interlaced.png").hex(), of("grey1-as-8.png").hex());
    EXPECT_EQ(of("palette4.png").hex(), of("palette4-as-rgb.png").hex());
}

TEST(Png, SaysTheSizeAsStored) {
    const auto decoded = decode_bytes(decode_png, sample("interlaced.png"));
    EXPECT_EQ(decoded.width, 151u);
    EXPECT_EQ(decoded.height, 101u);
}

TEST(Png, RefusesAHugeHeaderBeforeAskingForMemory) {
    const auto decoded = decode_bytes(decode_png, header(60'000, 60'000) + chunk("IDAT", "x"));
    EXPECT_EQ(decoded.reason(), Reason::too_large);
    EXPECT_EQ(decoded.width, 60'000u);  // it still says how large it claims to be
    EXPECT_EQ(decode_bytes(decode_png, header(65'536, 1) + chunk("IDAT", "x")).reason(), Reason::too_large);
    EXPECT_EQ(decode_bytes(decode_png, header(0x7fffffff, 0x7fffffff) + chunk("IDAT", "x")).reason(),
              Reason::too_large);
}

TEST(Png, TellsBrokenFromTruncated) {
    const std::string scene = sample("scene.png");
    for (const std::size_t keep : {std::size_t{9}, std::size_t{30}, scene.size() / 2, scene.size() - 100}) {
        EXPECT_EQ(decode_bytes(decode_png, scene.substr(0, keep)).reason(), Reason::truncated) << keep;
    }
    std::string broken = scene;
    broken[scene.size() / 2] = static_cast<char>(broken[scene.size() / 2] ^ 0x55);
    EXPECT_EQ(decode_bytes(decode_png, broken).reason(), Reason::corrupt);
    EXPECT_EQ(decode_bytes(decode_png, header(0, 7) + chunk("IDAT", "x")).reason(), Reason::corrupt);
    EXPECT_EQ(decode_bytes(decode_png, "").reason(), Reason::empty);
}

TEST(Png, DoesNotNeedWhatFollowsThePicture) {
    const std::string scene = sample("scene.png");
    EXPECT_EQ(decode_bytes(decode_png, scene.substr(0, scene.size() - 12)).pdq(), of("scene.png"));
    EXPECT_EQ(decode_bytes(decode_png, scene + "PK\x03\x04 and an archive behind it").pdq(), of("scene.png"));
}

TEST(Png, SurvivesEveryTruncation) {
    const std::string scene = sample("grey4.png");
    for (std::size_t keep = 0; keep < scene.size(); keep += 7) {
        const auto decoded = decode_bytes(decode_png, scene.substr(0, keep));
        EXPECT_TRUE(decoded.problem || decoded.frames.size() == 1) << keep;
    }
}

TEST(Apng, GivesItsFramesComposed) {
    const auto decoded = decode_bytes(decode_apng, sample("animated.apng"));
    ASSERT_FALSE(decoded.problem);
    ASSERT_EQ(decoded.frames.size(), 4u);
    for (std::uint32_t i = 0; i < 4; ++i) {
        EXPECT_EQ(decoded.frames[i].number, i);
        EXPECT_NEAR(decoded.frames[i].seconds, 0.2 * i, 0.001);
        EXPECT_EQ(decoded.frames[i].pdq.hex(), of("frame" + std::to_string(i) + ".png").hex()) << i;
    }
}

TEST(Apng, ItsFirstFrameIsTheStillPicture) {
    EXPECT_EQ(decode_bytes(decode_apng, sample("animated.apng")).pdq(),
              decode_bytes(decode_png, sample("animated.apng")).pdq());
    EXPECT_TRUE(is_animated_png(bytes_of(sample("animated.apng"))));
    EXPECT_FALSE(is_animated_png(bytes_of(sample("scene.png"))));
}

TEST(Apng, AStillPictureOutsideTheAnimationHidesNothing) {
    // The first frame control chunk moves behind the still picture: readers of animations then skip that one.
    const std::string bytes = sample("animated.apng");
    const auto control = bytes.find("fcTL") - 4;
    constexpr std::size_t kControl = 12 + 26;
    const auto data = bytes.find("IDAT") - 4;
    const auto next = bytes.find("fcTL", data) - 4;
    // Two frame controls in a row are wrong; so the second frame's data gets the first's control.
    const std::string hidden = bytes.substr(0, control) +
                               bytes.substr(control + kControl, next - control - kControl) +
                               bytes.substr(next);
    ASSERT_FALSE(still_is_first_frame(bytes_of(hidden)));
    const auto decoded = decode_bytes(decode_apng, hidden);
    ASSERT_FALSE(decoded.problem);
    ASSERT_GE(decoded.frames.size(), 1u);
    EXPECT_EQ(decoded.frames[0].pdq, of("frame0.png"));
    for (std::size_t i = 0; i < decoded.frames.size(); ++i) EXPECT_EQ(decoded.frames[i].number, i);
}

TEST(Apng, ABrokenAnimationKeepsItsStillPicture) {
    const std::string bytes = sample("animated.apng");
    const auto decoded = decode_bytes(decode_apng, bytes.substr(0, bytes.find("fdAT") + 40));
    EXPECT_FALSE(decoded.problem);
    ASSERT_GE(decoded.frames.size(), 1u);
    EXPECT_EQ(decoded.pdq(), of("frame0.png"));
}

TEST(Apng, StopsAtTheLimitOfFrames) {
    Limits limits;
    limits.frames = 2;
    EXPECT_EQ(decode_bytes(decode_apng, sample("animated.apng"), limits).frames.size(), 2u);
    limits = {};
    limits.animation_pixels = 3 * 120 * 80;
    EXPECT_EQ(decode_bytes(decode_apng, sample("animated.apng"), limits).frames.size(), 3u);
    EXPECT_EQ(decode_bytes(decode_apng, sample("animated.apng"), {}, 2).frames.size(), 2u);
}

}  // namespace
}  // namespace rushlight::media::decode
