// Files made to hurt, in every format: each must give a picture or a reason, quickly and in bounded memory.
#include "media/decode/table.h"
#include "media/decode/testing.h"

#include <filesystem>
#include <set>

#include <gtest/gtest.h>

namespace rushlight::media::decode {
namespace {

using namespace testing;

Decoder decoder_of(std::string_view bytes) {
    return all(sniff_format(bytes_of(bytes.substr(0, kSniffBytes))));
}

Limits small() {
    Limits limits;
    limits.pixels = 1 << 20;
    limits.frames = 8;
    limits.animation_pixels = 8 << 20;
    limits.video_frames = 4;
    return limits;
}

std::vector<std::string> sample_names() {
    std::set<std::string> names;
    for (const auto& entry :
         std::filesystem::directory_iterator(RUSHLIGHT_SOURCE_DIR "/media/testdata/samples")) {
        names.insert(entry.path().filename().string());
    }
    return {names.begin(), names.end()};
}

class Noise {
  public:
    std::uint32_t next(std::uint32_t below) {
        state_ ^= state_ << 13;
        state_ ^= state_ >> 7;
        state_ ^= state_ << 17;
        return static_cast<std::uint32_t>(state_ >> 33) % below;
    }

  private:
    std::uint64_t state_ = 0x9e3779b97f4a7c15u;
};

TEST(Hostile, EverySampleIsKnownByItsBytes) {
    for (const std::string& name : sample_names()) EXPECT_NE(decoder_of(sample(name)), nullptr) << name;
}

TEST(Hostile, AnyDamageGivesAPictureOrAReason) {
    Noise noise;
    for (const std::string& name : sample_names()) {
        const std::string whole = sample(name);
        for (int round = 0; round < 12; ++round) {
            std::string damaged = whole;
            const std::uint32_t changes = 1 + noise.next(8);
            for (std::uint32_t i = 0; i < changes; ++i) {
                // Half of the damage goes to the start, where the headers are.
                const auto where =
                    noise.next(noise.next(2) == 0
                                   ? std::min<std::uint32_t>(200, static_cast<std::uint32_t>(damaged.size()))
                                   : static_cast<std::uint32_t>(damaged.size()));
                damaged[where] = static_cast<char>(noise.next(256));
            }
            if (round % 4 == 3) damaged.resize(noise.next(static_cast<std::uint32_t>(damaged.size())) + 1);
            const Decoder decoder = decoder_of(damaged);
            if (decoder == nullptr) continue;
            const auto decoded = decode_bytes(decoder, damaged, small());
            EXPECT_TRUE(decoded.problem || !decoded.frames.empty()) << name << " round " << round;
            for (const Seen& frame : decoded.frames) {
                EXPECT_LE(std::uint64_t{frame.width} * frame.height, small().pixels) << name;
            }
        }
    }
}

// The wrong reader: nobody relies on the type being right.
TEST(Hostile, EveryDecoderRefusesEveryOtherFormat) {
    const Decoder decoders[] = {decode_jpeg, decode_png,  decode_gif, decode_webp, decode_tiff,
                                decode_bmp,  decode_heif, decode_mov, decode_mkv,  decode_avi};
    for (const char* name : {"ycck.jpg", "scene.png", "animated.gif", "lossy.webp", "tiled.tiff",
                             "palette.bmp", "scene.heic", "h264.mov", "vp9.webm", "mpeg4.avi"}) {
        const std::string bytes = sample(name);
        for (const Decoder decoder : decoders) {
            if (decoder == decoder_of(bytes)) continue;
            // HEIC is of the same family of boxes: from FFmpeg 7 on its MP4 reader takes the picture for a
            // film.
            if (decoder == decode_mov && std::string_view(name) == "scene.heic") continue;
            const auto decoded = decode_bytes(decoder, bytes, small());
            EXPECT_TRUE(decoded.problem) << name;
            EXPECT_TRUE(decoded.frames.empty()) << name;
        }
    }
}

TEST(Hostile, APolyglotIsThePictureItStartsAs) {
    const std::string archive = "PK\x03\x04" + std::string(100, '\0') + "PK\x05\x06" + std::string(18, '\0');
    for (const char* name : {"scene.png", "animated.gif", "lossless.webp", "palette.bmp", "tiled.tiff"}) {
        const std::string bytes = sample(name);
        const auto alone = decode_bytes(decoder_of(bytes), bytes);
        const auto both = decode_bytes(decoder_of(bytes), bytes + archive);
        EXPECT_FALSE(both.problem) << name;
        EXPECT_EQ(both.pdq(), alone.pdq()) << name;
    }
}

}  // namespace
}  // namespace rushlight::media::decode
