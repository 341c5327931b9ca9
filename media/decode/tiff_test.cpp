#include "media/decode/testing.h"

#include <gtest/gtest.h>

namespace rushlight::media::decode {
namespace {

using namespace testing;

Pdq png(const std::string& name) { return decode_bytes(decode_png, sample(name)).pdq(); }

Decoded tiff(const std::string& name) {
    auto decoded = decode_bytes(decode_tiff, sample(name));
    EXPECT_FALSE(decoded.problem) << name << ": " << decoded.problem->message;
    return decoded;
}

std::string le(std::uint32_t value, int bytes) {
    std::string out;
    for (int i = 0; i < bytes; ++i) out += static_cast<char>(value >> (8 * i));
    return out;
}

struct Tag {
    std::uint32_t tag, value;
};

// A little-endian TIFF of 32-bit values and no more than this directory.
std::string directory(const std::vector<Tag>& tags) {
    std::string out = "II" + le(42, 2) + le(8, 4) + le(static_cast<std::uint32_t>(tags.size()), 2);
    for (const Tag tag : tags) out += le(tag.tag, 2) + le(4, 2) + le(1, 4) + le(tag.value, 4);
    return out + le(0, 4);
}

TEST(Tiff, GivesTheSamePictureHoweverItIsLaidOut) {
    for (const char* name : {"tiled.tiff", "planar.tiff", "planar-tiled.tiff", "bigtiff.tiff",
                             "big-endian.tiff", "zstd.tiff", "palette.tiff", "rgba.tiff", "cmyk.tiff"}) {
        const auto decoded = tiff(name);
        EXPECT_EQ(decoded.pdq().hex(), png("scene.png").hex()) << name;
        EXPECT_EQ(decoded.width, 151u);
        EXPECT_EQ(decoded.height, 101u);
    }
}

TEST(Tiff, ReadsGreyOfEveryDepth) {
    EXPECT_EQ(tiff("grey.tiff").pdq().hex(), png("scene-grey.png").hex());
    EXPECT_EQ(tiff("grey16.tiff").pdq().hex(), png("scene-grey.png").hex());
    EXPECT_EQ(tiff("group4.tiff").pdq().hex(), png("grey1-as-8.png").hex());
}

TEST(Tiff, ReadsOtherColourSpacesClosely) {
    EXPECT_LE(distance(tiff("jpeg.tiff").pdq(), png("scene.png")), 10);
    EXPECT_LE(distance(tiff("ycbcr.tiff").pdq(), png("frame0.png")), 10);
    EXPECT_LE(distance(tiff("lab.tiff").pdq(), png("frame0.png")), 16);
}

TEST(Tiff, DoesNotTurnThePicture) {
    const auto decoded = tiff("turned-mark.tiff");
    EXPECT_EQ(decoded.width, 151u);
    EXPECT_EQ(decoded.pdq().hex(), png("scene.png").hex());
}

TEST(Tiff, RefusesSizesOverTheLimitBeforeAskingForMemory) {
    EXPECT_EQ(
        decode_bytes(decode_tiff, directory({{256, 60'000}, {257, 60'000}, {273, 8}, {279, 100}})).reason(),
        Reason::too_large);
    // Few pixels, but of 65,535 samples each.
    EXPECT_EQ(
        decode_bytes(
            decode_tiff,
            directory({{256, 9'000}, {257, 9'000}, {258, 16}, {262, 1}, {273, 8}, {277, 65'535}, {279, 100}}))
            .reason(),
        Reason::too_large);
    // A tile that is larger than the whole picture may be.
    const auto tile = decode_bytes(decode_tiff, directory({{256, 10},
                                                           {257, 10},
                                                           {258, 8},
                                                           {259, 1},
                                                           {262, 1},
                                                           {277, 1},
                                                           {322, 0xfffffff0u},
                                                           {323, 0xfffffff0u},
                                                           {324, 8},
                                                           {325, 100}}));
    EXPECT_TRUE(tile.reason() == Reason::corrupt || tile.reason() == Reason::too_large);
}

TEST(Tiff, NamesWhatItDoesNotRead) {
    const auto decoded = decode_bytes(
        decode_tiff,
        directory({{256, 10}, {257, 10}, {258, 8}, {259, 34'712}, {262, 1}, {273, 8}, {277, 1}, {279, 100}}));
    EXPECT_EQ(decoded.reason(), Reason::unsupported);
    // 32-bit floating point.
    EXPECT_EQ(decode_bytes(decode_tiff, directory({{256, 10},
                                                   {257, 10},
                                                   {258, 32},
                                                   {259, 1},
                                                   {262, 1},
                                                   {273, 8},
                                                   {277, 1},
                                                   {278, 10},
                                                   {279, 400},
                                                   {339, 3}}))
                  .reason(),
              Reason::unsupported);
}

TEST(Tiff, TellsBrokenFromTruncated) {
    for (const char* name : {"tiled.tiff", "planar.tiff", "bigtiff.tiff", "grey.tiff", "group4.tiff"}) {
        const std::string whole = sample(name);
        for (const std::size_t keep : {std::size_t{6}, whole.size() / 2}) {
            const auto decoded = decode_bytes(decode_tiff, whole.substr(0, keep));
            EXPECT_TRUE(decoded.reason() == Reason::truncated || decoded.reason() == Reason::corrupt)
                << name << " " << keep;
            EXPECT_TRUE(decoded.frames.empty());
        }
    }
    EXPECT_EQ(decode_bytes(decode_tiff, sample("scene.png")).reason(), Reason::corrupt);
    EXPECT_EQ(decode_bytes(decode_tiff, "").reason(), Reason::empty);
}

}  // namespace
}  // namespace rushlight::media::decode
