#include "media/decode/testing.h"

#include <gtest/gtest.h>

namespace rushlight::media::decode {
namespace {

using namespace testing;

Pdq png(const std::string& name) { return decode_bytes(decode_png, sample(name)).pdq(); }

void put32(std::string& bytes, std::size_t at, std::uint32_t value) {
    for (std::size_t i = 0; i < 4; ++i) bytes[at + i] = static_cast<char>(value >> (8 * i));
}

TEST(Bmp, GivesTheSamePictureWhateverItsDepth) {
    EXPECT_EQ(decode_bytes(decode_bmp, sample("palette.bmp")).pdq().hex(), png("scene.png").hex());
    EXPECT_EQ(decode_bytes(decode_bmp, sample("grey.bmp")).pdq().hex(), png("scene-grey.png").hex());
    EXPECT_EQ(decode_bytes(decode_bmp, sample("bit1.bmp")).pdq().hex(), png("grey1-as-8.png").hex());
    EXPECT_EQ(decode_bytes(decode_bmp, sample("rgba32.bmp")).pdq().hex(), png("frame0.png").hex());
}

TEST(Bmp, SaysTheSizeAsStored) {
    const auto decoded = decode_bytes(decode_bmp, sample("palette.bmp"));
    EXPECT_EQ(decoded.width, 151u);
    EXPECT_EQ(decoded.height, 101u);
}

TEST(Bmp, RefusesAHugeHeader) {
    std::string huge = sample("palette.bmp");
    put32(huge, 18, 60'000);
    put32(huge, 22, 60'000);
    EXPECT_EQ(decode_bytes(decode_bmp, huge).reason(), Reason::too_large);
    put32(huge, 22, 0u - 60'000);  // stored top to bottom
    EXPECT_EQ(decode_bytes(decode_bmp, huge).reason(), Reason::too_large);
    put32(huge, 22, 0x80000000u);
    EXPECT_EQ(decode_bytes(decode_bmp, huge).reason(), Reason::too_large);
    put32(huge, 22, 0);
    EXPECT_EQ(decode_bytes(decode_bmp, huge).reason(), Reason::corrupt);
}

TEST(Bmp, TellsBrokenFromTruncated) {
    const std::string whole = sample("palette.bmp");
    for (const std::size_t keep : {std::size_t{10}, std::size_t{40}, whole.size() / 2}) {
        EXPECT_EQ(decode_bytes(decode_bmp, whole.substr(0, keep)).reason(), Reason::truncated) << keep;
    }
    std::string broken = whole;
    put32(broken, 30, 77);  // no such compression
    EXPECT_EQ(decode_bytes(decode_bmp, broken).reason(), Reason::corrupt);
    EXPECT_EQ(decode_bytes(decode_bmp, "").reason(), Reason::empty);
}

}  // namespace
}  // namespace rushlight::media::decode
