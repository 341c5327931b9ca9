#include "media/fingerprint.h"

#include <gtest/gtest.h>

namespace rushlight::media {
namespace {

Pdq pdq(int fill) {
    Pdq hash;
    hash.value.fill(static_cast<std::byte>(fill));
    return hash;
}

TEST(Stored, AFingerprintComesBackAsItWas) {
    Fingerprint made;
    made.type = {Kind::video, "video/mp4"};
    made.width = 640;
    made.height = 480;
    for (std::uint32_t i = 0; i < 1500; ++i) {  // more than one batch of the wire
        made.frames.push_back(
            {.frame = 30 * i, .seconds = i * 1.001, .pdq = pdq(static_cast<int>(i)), .quality = 80});
    }
    const auto back = unpack(pack(made));
    ASSERT_TRUE(back);
    EXPECT_EQ(back->type, made.type);
    EXPECT_EQ(back->width, 640u);
    EXPECT_FALSE(back->pdq);
    EXPECT_FALSE(back->quality);
    ASSERT_EQ(back->frames.size(), made.frames.size());
    EXPECT_EQ(back->frames[1400].frame, made.frames[1400].frame);
    EXPECT_EQ(back->frames[1400].seconds, made.frames[1400].seconds);
    EXPECT_EQ(back->frames[1400].pdq, made.frames[1400].pdq);
}

TEST(Stored, SoDoesAPictureAndWhatWasWrongWithOne) {
    Fingerprint picture;
    picture.type = {Kind::picture, "image/png"};
    picture.pdq = pdq(7);
    picture.quality = 0;
    picture.dihedral = {pdq(1), pdq(2), pdq(3), pdq(4), pdq(5), pdq(6), pdq(7)};
    const auto back = unpack(pack(picture));
    ASSERT_TRUE(back);
    EXPECT_EQ(back->pdq, picture.pdq);
    EXPECT_EQ(back->quality, 0);
    EXPECT_EQ(back->dihedral, picture.dihedral);

    Fingerprint broken;
    broken.type = {Kind::picture, "image/jpeg"};
    for (const Reason reason : {Reason::truncated, Reason::empty, Reason::not_media, Reason::unsupported}) {
        broken.problem = Problem{reason, "in words"};
        EXPECT_EQ(unpack(pack(broken))->problem, broken.problem) << to_string(reason);
    }
}

TEST(Stored, DamagedBytesAreNoFingerprint) {
    Fingerprint picture;
    picture.type = {Kind::picture, "image/png"};
    picture.pdq = pdq(7);
    picture.quality = 90;
    const ByteVector whole = pack(picture);
    for (std::size_t length = 0; length < whole.size(); ++length)
        EXPECT_FALSE(unpack(Bytes(whole).first(length))) << length;
    ByteVector longer = whole;
    longer.push_back(std::byte{0});
    EXPECT_FALSE(unpack(longer));
}

}  // namespace
}  // namespace rushlight::media
