// What a person who fingerprints files relies on: every file gives one answer with a reason, its exact hashes
// are kept whatever its decoder does, and nothing that a child says is believed beyond its bounds.
#include "media/fingerprint.h"

#include "base/text.h"

#include <atomic>
#include <cstdio>
#include <fstream>
#include <iterator>
#include <map>
#include <sstream>
#include <string>
#include <thread>

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

namespace rushlight::media {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;

const std::string kData = RUSHLIGHT_SOURCE_DIR "/media/testdata/";
const std::string kPrograms = RUSHLIGHT_BINARY_DIR "/libexec/rushlight/";

sandbox::Pool pool_of(const std::string& program, std::chrono::milliseconds time = 60s) {
    sandbox::Options options;
    options.program = program;
    options.limits.time = time;
    options.allow_weak = true;  // it is the fingerprints that are tried here
    auto pool = sandbox::Pool::create(options);
    if (!pool) throw std::runtime_error(pool.error().message);
    return std::move(*pool);
}

std::string slurp(const std::string& path) {
    std::ifstream in(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
}

Content content_of(std::string_view bytes) { return std::move(*Content::from_bytes(bytes_of(bytes))); }

// Pools are slow to make: one of each for all tests of a fixture.
class Fingerprinting : public testing::Test {
  protected:
    static void SetUpTestSuite() {
        light_ = std::make_unique<sandbox::Pool>(pool_of(kPrograms + "decode"));
        all_ = std::make_unique<sandbox::Pool>(pool_of(kPrograms + "decode-all"));
    }
    static void TearDownTestSuite() {
        light_.reset();
        all_.reset();
    }
    static Fingerprint of_bytes(std::string_view bytes, Wanted wanted = {}) {
        return Fingerprinter(*light_, *all_).fingerprint(content_of(bytes), "test", wanted);
    }
    static Fingerprint of_file(const std::string& name, Wanted wanted = {}) {
        const auto content = Content::open(kData + name);
        return Fingerprinter(*light_, *all_).fingerprint(*content, "test", wanted);
    }

    static std::unique_ptr<sandbox::Pool> light_, all_;
};
std::unique_ptr<sandbox::Pool> Fingerprinting::light_, Fingerprinting::all_;

TEST_F(Fingerprinting, GivesEverythingAboutAPicture) {
    const Fingerprint one = of_file("images/mosaic-05~palette.png", {.exact = true, .dihedral = true});
    std::istringstream lines(slurp(kData + "images.csv"));
    std::string line;
    while (std::getline(lines, line) && !line.starts_with("mosaic-05~palette.png,")) {
    }
    const auto fields = split(line, ',');
    ASSERT_EQ(fields.size(), 7u);
    EXPECT_FALSE(one.problem);
    EXPECT_EQ(one.type, (Type{Kind::picture, "image/png"}));
    EXPECT_EQ(one.bytes, slurp(kData + "images/mosaic-05~palette.png").size());
    EXPECT_EQ(one.width, 300u);
    EXPECT_EQ(one.height, 200u);
    ASSERT_TRUE(one.exact && one.pdq && one.quality && one.dihedral);
    EXPECT_EQ(one.exact->sha256.hex(), fields[3]);
    EXPECT_EQ(one.pdq->hex(), fields[4]);
    EXPECT_EQ(std::to_string(*one.quality), fields[5]);
    std::string turned;
    for (const Pdq& each : *one.dihedral) turned += (turned.empty() ? "" : " ") + each.hex();
    EXPECT_EQ(turned, fields[6]);
    EXPECT_TRUE(one.frames.empty());
    EXPECT_GT(one.stages.exact.count(), 0);
    EXPECT_GT(one.stages.decode.count(), 0);
}

TEST_F(Fingerprinting, DoesOnlyWhatIsWanted) {
    const Fingerprint one = of_file("images/mosaic-05.jpg", {.exact = false, .dihedral = false});
    EXPECT_FALSE(one.exact);
    EXPECT_FALSE(one.dihedral);
    EXPECT_TRUE(one.pdq);
    EXPECT_EQ(one.stages.exact.count(), 0);
}

TEST_F(Fingerprinting, MemoryAndFileGiveTheSame) {
    const Fingerprint file = of_file("images/spheres-07.webp");
    const Fingerprint memory = of_bytes(slurp(kData + "images/spheres-07.webp"));
    EXPECT_EQ(file.pdq, memory.pdq);
    EXPECT_EQ(file.exact->md5, memory.exact->md5);
}

TEST_F(Fingerprinting, APictureOfSeveralFramesHasItsFirstOnesHash) {
    for (const char* name : {"samples/animated.gif", "samples/animated.webp", "samples/animated.apng"}) {
        const Fingerprint one = of_file(name);
        EXPECT_FALSE(one.problem) << name << one.problem->message;
        ASSERT_TRUE(one.pdq) << name;
        ASSERT_EQ(one.frames.size(), 4u) << name;
        EXPECT_EQ(one.frames.front().pdq, *one.pdq) << name;
        EXPECT_EQ(one.type.kind, Kind::picture);
    }
}

TEST_F(Fingerprinting, AnApngThatShowsLateIsReadByTheOtherProgram) {
    std::string file = slurp(kData + "samples/animated.apng");
    const std::size_t mark = file.find("acTL");
    ASSERT_NE(mark, std::string::npos);
    // An ancillary chunk of more than is sniffed, before the mark. Nobody minds its checksum.
    std::string chunk("\0\0\x20\0prVt", 8);
    chunk += std::string(0x2000 + 4, 'x');
    file.insert(mark - 4, chunk);
    ASSERT_EQ(sniff(bytes_of(file)).mime, "image/png");
    const Fingerprint one = of_bytes(file);
    EXPECT_EQ(one.type.mime, "image/apng") << (one.problem ? one.problem->message : "");
    EXPECT_EQ(one.frames.size(), 4u);
}

TEST_F(Fingerprinting, AVideoHasFramesAndNoHashOfItsOwn) {
    const Fingerprint one = of_file("samples/vp9.webm");
    EXPECT_FALSE(one.problem);
    EXPECT_EQ(one.type, (Type{Kind::video, "video/webm"}));
    EXPECT_FALSE(one.pdq);
    EXPECT_FALSE(one.frames.empty());
    EXPECT_TRUE(one.exact);
}

TEST_F(Fingerprinting, WhatIsNoMediaKeepsItsExactHashes) {
    const std::tuple<std::string, Kind, Reason> cases[] = {
        {"", Kind::other, Reason::empty},
        {"just words", Kind::other, Reason::not_media},
        {std::string("\0\1\2", 3), Kind::other, Reason::not_media},
        {"Rar!\x1a\7\1 an archive that is not read", Kind::other, Reason::unsupported},
        {std::string("\0\0\0\x0CJXL \r\n\x87\n", 12), Kind::other, Reason::unsupported},
        {"PK\3\4 an archive", Kind::archive, Reason::not_media},
        {"WARC/1.0\r\n", Kind::web_archive, Reason::not_media},
    };
    for (const auto& [bytes, kind, reason] : cases) {
        const Fingerprint one = of_bytes(bytes);
        EXPECT_EQ(one.type.kind, kind);
        ASSERT_TRUE(one.problem);
        EXPECT_EQ(one.problem->reason, reason);
        EXPECT_TRUE(one.exact);
        EXPECT_FALSE(one.pdq);
    }
}

TEST_F(Fingerprinting, BrokenPicturesSayHow) {
    const std::string jpeg = slurp(kData + "images/mosaic-05.jpg");
    const std::tuple<std::string, Reason> cases[] = {
        {jpeg.substr(0, jpeg.size() / 2), Reason::truncated},
        {jpeg.substr(0, 20), Reason::truncated},
        {"GIF89a", Reason::truncated},
        {"BM" + std::string(12, '\0') + std::string("\x28\0\0\0", 4), Reason::truncated},
        {std::string("\0\0\0\x10"
                     "ftypavif\0\0\0\0",
                     16),
         Reason::truncated},
    };
    for (const auto& [bytes, reason] : cases) {
        const Fingerprint one = of_bytes(bytes);
        ASSERT_TRUE(one.problem);
        EXPECT_TRUE(one.problem->reason == reason || one.problem->reason == Reason::corrupt)
            << one.type.mime << ": " << one.problem->message;
        EXPECT_TRUE(one.exact);
        EXPECT_FALSE(one.pdq);
    }
    EXPECT_EQ(of_bytes(std::get<0>(cases[0])).problem->reason, Reason::truncated);
}

TEST_F(Fingerprinting, ThreadsMayShareIt) {
    const Fingerprinter fingerprinter(*light_, *all_);
    const auto content = Content::open(kData + "images/spheres-01.jpg");
    const Fingerprint expected = fingerprinter.fingerprint(*content, "test");
    std::atomic<int> equal = 0;
    std::vector<std::thread> threads;
    for (int i = 0; i < 4; ++i) {
        threads.emplace_back([&] {
            for (int round = 0; round < 10; ++round) {
                const Fingerprint one = fingerprinter.fingerprint(*content, "test");
                equal += one.pdq == expected.pdq && one.exact->sha1 == expected.exact->sha1 ? 1 : 0;
            }
        });
    }
    for (auto& thread : threads) thread.join();
    EXPECT_EQ(equal, 40);
}

TEST_F(Fingerprinting, AFileThatKeepsChangingHasNoHashes) {
    const std::string path = testing::TempDir() + "rushlight-changing-" + std::to_string(::getpid());
    {
        std::ofstream(path) << std::string(std::size_t{16} << 20, 'x');
    }
    const auto content = Content::open(path);
    ASSERT_TRUE(content);
    std::atomic<bool> stop = false;
    std::thread writer([&] {
        const int fd = ::open(path.c_str(), O_WRONLY | O_CLOEXEC);
        for (char c = 'a'; !stop; c = c == 'z' ? 'a' : static_cast<char>(c + 1)) {
            if (::pwrite(fd, &c, 1, 0) != 1) break;
        }
        ::close(fd);
    });
    // A reading that nobody disturbed (the writer had no processor) is a good one: look again.
    const Fingerprinter fingerprinter(*light_, *all_);
    Fingerprint one;
    for (int round = 0; round < 200 && !(one.problem && one.problem->reason == Reason::corrupt); ++round) {
        one = fingerprinter.fingerprint(*content, "test");
    }
    stop = true;
    writer.join();
    EXPECT_EQ(one.problem, (Problem{Reason::corrupt, "the file changed while it was read"}));
    EXPECT_FALSE(one.exact);
    // Left in peace it is read.
    EXPECT_TRUE(fingerprinter.fingerprint(*content, "test").exact);
    std::remove(path.c_str());
}

// ---- a child that lies

Fingerprint told(const std::string& lie, std::chrono::milliseconds time = 60s) {
    auto pool = pool_of(RUSHLIGHT_BINARY_DIR "/media_liar", time);
    Fingerprint one = Fingerprinter(pool).fingerprint(content_of("GIF89a" + lie), "test");
    EXPECT_TRUE(one.exact) << lie;
    EXPECT_EQ(one.type.kind, Kind::picture) << lie;
    return one;
}

TEST(Liar, AnHonestAnswerIsTaken) {
    const Fingerprint one = told("is honest");
    EXPECT_FALSE(one.problem);
    EXPECT_EQ(one.width, 8u);
    EXPECT_TRUE(one.pdq);
}

TEST(Liar, WhatBreaksTheContractIsNotBelieved) {
    for (const char* lie : {"says another kind", "sends rubbish", "repeats a frame", "says nothing"}) {
        const Fingerprint one = told(lie);
        ASSERT_TRUE(one.problem) << lie;
        EXPECT_EQ(one.problem->reason, Reason::crashed) << lie;
        EXPECT_THAT(one.problem->message, HasSubstr("reader")) << lie;
        EXPECT_FALSE(one.pdq) << lie;
    }
}

TEST(Liar, ADeadChildIsAReason) {
    const Fingerprint one = told("dies");
    ASSERT_TRUE(one.problem);
    EXPECT_EQ(one.problem->reason, Reason::crashed);
    EXPECT_EQ(told("keeps frames, then dies").frames.size(), 1u);
}

TEST(Liar, CannotTurnAPictureIntoAVideo) {
    const Fingerprint one = told("is a video");
    EXPECT_EQ(one.type, (Type{Kind::picture, "image/gif"}));
}

TEST(Liar, CannotPauseForEver) {
    const Fingerprint one = told("pauses for ever");
    ASSERT_TRUE(one.problem);
    EXPECT_FALSE(one.pdq);
}

}  // namespace
}  // namespace rushlight::media
