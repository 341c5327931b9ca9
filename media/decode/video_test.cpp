#include "media/decode/testing.h"

#include <cstdlib>
#include <filesystem>
#include <map>
#include <sstream>

#include <gtest/gtest.h>

namespace rushlight::media::decode {
namespace {

using namespace testing;

struct Row {
    std::uint32_t frame;
    int quality;
    Pdq pdq;
    double seconds;
};

// The reference's own frames of a video, from video.csv.
std::vector<Row> reference(const std::string& file) {
    std::vector<Row> rows;
    std::istringstream lines(testdata("video.csv"));
    for (std::string line; std::getline(lines, line);) {
        std::istringstream fields(line);
        std::string name, frame, quality, pdq, seconds;
        std::getline(fields, name, ',');
        if (name != file) continue;
        std::getline(fields, frame, ',');
        std::getline(fields, quality, ',');
        std::getline(fields, pdq, ',');
        std::getline(fields, seconds, ',');
        rows.push_back({static_cast<std::uint32_t>(std::stoul(frame)), std::stoi(quality),
                        Pdq::parse(pdq).value(), std::stod(seconds)});
    }
    return rows;
}

void expect_reference(Decoder decoder, const std::string& bytes, const std::vector<Row>& rows,
                      std::size_t count, int most) {
    const auto decoded = decode_bytes(decoder, bytes);
    ASSERT_FALSE(decoded.problem) << decoded.problem->message;
    ASSERT_EQ(decoded.frames.size(), count);
    for (std::size_t i = 0; i < count; ++i) {
        EXPECT_EQ(decoded.frames[i].number, rows[i].frame);
        EXPECT_NEAR(decoded.frames[i].seconds, rows[i].seconds, 0.0006);
        EXPECT_LE(distance(decoded.frames[i].pdq, rows[i].pdq), most) << rows[i].frame;
    }
}

TEST(Video, GivesTheReferencesFrames) {
    for (const char* name : {"pan.mp4", "town.mp4", "town~small.mp4", "weave.mp4"}) {
        SCOPED_TRACE(name);
        const auto rows = reference(name);
        ASSERT_FALSE(rows.empty());
        expect_reference(decode_mov, testdata(std::string("video/") + name), rows, rows.size(), 2);
    }
}

TEST(Video, ReadsEveryContainer) {
    const auto rows = reference("town~small.mp4");
    expect_reference(decode_mkv, sample("h264.mkv"), rows, 5, 0);  // the same packets in another container
    expect_reference(decode_mov, sample("h264.mov"), rows, 5, 0);
    expect_reference(decode_mpeg_ts, sample("h264.ts"), rows, 5, 0);
    expect_reference(decode_flv, sample("h264.flv"), rows, 5, 0);
    const auto mpeg1 = decode_bytes(decode_mpeg_ps, sample("mpeg1.mpg"));  // of another rate: 25
    ASSERT_EQ(mpeg1.frames.size(), 3u);
    EXPECT_EQ(mpeg1.frames[1].number, 25u);
    EXPECT_LE(distance(mpeg1.frames[1].pdq, rows[1].pdq), 40);
    expect_reference(decode_mpeg_ps, sample("mpeg2.mpg"), rows, 4, 40);
    expect_reference(decode_asf, sample("wmv2.wmv"), rows, 4, 40);
    expect_reference(decode_ogg, sample("theora.ogv"), rows, 4, 40);
}

TEST(Video, ReadsEveryCodec) {
    const auto rows = reference("town~small.mp4");
    const std::pair<const char*, Decoder> samples[] = {{"vp9.webm", decode_mkv},
                                                       {"mpeg4.avi", decode_avi},
                                                       {"hevc.mp4", decode_mov},
                                                       {"av1.mp4", decode_mov}};
    for (const auto& [name, decoder] : samples) {
        SCOPED_TRACE(name);
        expect_reference(decoder, sample(name), rows, 4, 40);  // halved in size and coded again
    }
}

TEST(Video, SaysTheSizeAsStored) {
    const auto decoded = decode_bytes(decode_mov, testdata("video/pan.mp4"));
    EXPECT_EQ(decoded.width, 480u);
    EXPECT_EQ(decoded.height, 360u);
}

TEST(Video, SoundIsIgnoredAndSoundAloneIsNoVideo) {
    EXPECT_EQ(decode_bytes(decode_mov, sample("sound.mp4")).frames.size(), 8u);
    EXPECT_EQ(decode_bytes(decode_mov, sample("only-sound.mp4")).reason(), Reason::not_media);
    EXPECT_EQ(decode_bytes(decode_ogg, sample("only-sound.ogg")).reason(), Reason::not_media);
    EXPECT_EQ(decode_bytes(decode_asf, sample("only-sound.wma")).reason(), Reason::not_media);
}

TEST(Video, AVariableRateGivesRisingTimes) {
    const auto decoded = decode_bytes(decode_mkv, sample("variable.mkv"));
    ASSERT_GE(decoded.frames.size(), 3u);
    for (std::size_t i = 1; i < decoded.frames.size(); ++i) {
        EXPECT_GT(decoded.frames[i].number, decoded.frames[i - 1].number);
        EXPECT_GT(decoded.frames[i].seconds, decoded.frames[i - 1].seconds);
    }
}

TEST(Video, AVideoCutShortGivesTheFramesThatThereAre) {
    const std::string whole = sample("h264.mkv");
    const auto decoded = decode_bytes(decode_mkv, whole.substr(0, whole.size() * 2 / 3));
    EXPECT_FALSE(decoded.problem);
    EXPECT_GE(decoded.frames.size(), 2u);
    EXPECT_LT(decoded.frames.size(), 5u);
    EXPECT_EQ(decoded.pdq(), reference("town~small.mp4").front().pdq);
}

TEST(Video, BrokenPacketsAreSkipped) {
    std::string broken = sample("mpeg4.avi");
    for (std::size_t i = broken.size() / 2; i < broken.size() / 2 + 3000; ++i) broken[i] = 0x11;
    const auto decoded = decode_bytes(decode_avi, broken);
    EXPECT_FALSE(decoded.problem);
    EXPECT_GE(decoded.frames.size(), 2u);
}

TEST(Video, TellsBrokenFromTruncated) {
    // This file's index stands at its end.
    const std::string whole = testdata("video/pan.mp4");
    EXPECT_EQ(decode_bytes(decode_mov, whole.substr(0, whole.size() / 2)).reason(), Reason::truncated);
    EXPECT_EQ(decode_bytes(decode_mkv, sample("h264.mkv").substr(0, 200)).reason(), Reason::truncated);
    EXPECT_EQ(decode_bytes(decode_avi, sample("mpeg4.avi").substr(0, 100)).reason(), Reason::truncated);
    EXPECT_EQ(decode_bytes(decode_mov, "").reason(), Reason::empty);
    std::string broken = whole;
    for (std::size_t i = broken.find("avcC"); i < broken.find("avcC") + 40; ++i) broken[i] = 0x7f;
    EXPECT_TRUE(decode_bytes(decode_mov, broken).problem);
}

TEST(Video, StopsWhereItIsTold) {
    EXPECT_EQ(decode_bytes(decode_mov, testdata("video/pan.mp4"), {}, 3).frames.size(), 3u);
    Limits limits;
    limits.video_frames = 2;
    EXPECT_EQ(decode_bytes(decode_mov, testdata("video/pan.mp4"), limits).frames.size(), 2u);
    limits = {};
    limits.pixels = 1000;
    EXPECT_EQ(decode_bytes(decode_mov, testdata("video/pan.mp4"), limits).reason(), Reason::too_large);
}

TEST(Video, SaysSoWhenTimeIsUp) {
    Scratch scratch;
    const std::string bytes = testdata("video/pan.mp4");
    Input input(bytes_of(bytes), scratch);
    Recorder recorder;
    recorder.out_of_time = true;
    const Outcome done = decode_mov(input, {}, recorder);
    ASSERT_FALSE(done);
    EXPECT_EQ(done.error().reason, Reason::timeout);
}

// A track whose data lies in another file: that file is not opened, whatever it is called.
TEST(Video, OpensNoOtherFile) {
    const std::string outside = testdata("video/pan.mp4");
    const auto path = std::filesystem::temp_directory_path() / "rushlight-outside.mp4";
    std::ofstream(path, std::ios::binary) << outside;
    std::string bytes = outside;
    const auto at = bytes.find("url ");
    ASSERT_NE(at, std::string::npos);
    bytes[at + 7] = 0;  // not "in this file"
    const auto decoded = decode_bytes(decode_mov, bytes);
    std::filesystem::remove(path);
    // FFmpeg either stays with this file's own bytes or finds nothing.
    EXPECT_TRUE(decoded.problem || decoded.frames.size() == reference("pan.mp4").size());
}

}  // namespace
}  // namespace rushlight::media::decode
