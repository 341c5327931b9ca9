#include "media/exact.h"

#include <array>
#include <stop_token>
#include <string>

#include <gtest/gtest.h>
#include <openssl/evp.h>

namespace rushlight::media {
namespace {

Exact exact_of(const std::string& text) {
    const auto content = Content::from_bytes(bytes_of(text));
    Stages stages;
    const auto read = read_exact(*content, stages);
    EXPECT_TRUE(read);
    EXPECT_EQ(read->bytes, text.size());
    return read->hashes;
}

// RFC 1321, FIPS 180-4 and their well-known examples.
TEST(Exact, GivesThePublishedExamples) {
    const Exact nothing = exact_of("");
    EXPECT_EQ(nothing.md5.hex(), "d41d8cd98f00b204e9800998ecf8427e");
    EXPECT_EQ(nothing.sha1.hex(), "da39a3ee5e6b4b0d3255bfef95601890afd80709");
    EXPECT_EQ(nothing.sha256.hex(), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    const Exact abc = exact_of("abc");
    EXPECT_EQ(abc.md5.hex(), "900150983cd24fb0d6963f7d28e17f72");
    EXPECT_EQ(abc.sha1.hex(), "a9993e364706816aba3e25717850c26c9cd0d89d");
    EXPECT_EQ(abc.sha256.hex(), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    const Exact million = exact_of(std::string(1'000'000, 'a'));
    EXPECT_EQ(million.md5.hex(), "7707d6ae4e027c70eea2a935c2296f21");
    EXPECT_EQ(million.sha1.hex(), "34aa973cd4c4daa4f61eeb2bdbad27316534016f");
    EXPECT_EQ(million.sha256.hex(), "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
}

// A file of /proc says that it is empty, and gives bytes without an end.
TEST(Exact, AFileThatHardlyEndsIsGivenUp) {
    const auto content = Content::open("/proc/self/pagemap");
    if (!content) GTEST_SKIP() << "this kernel shows no page map";
    std::array<std::byte, 8> some{};
    if (content->read_at(0, some).value_or(0) == 0) GTEST_SKIP() << "nor lets it be read";
    Stages stages;
    const auto read = read_exact(*content, stages);
    ASSERT_FALSE(read);
    EXPECT_EQ(read.error().code, ErrorCode::limit);
}

TEST(Exact, AStopEndsTheReading) {
    const auto content = Content::from_bytes(bytes_of(std::string(1'000'000, 'a')));
    std::stop_source stop;
    stop.request_stop();
    Stages stages;
    const auto read = read_exact(*content, stages, stop.get_token());
    ASSERT_FALSE(read);
    EXPECT_EQ(read.error().code, ErrorCode::cancelled);
}

TEST(Exact, IsTheSameAtEveryEdgeOfAChunk) {
    for (const std::size_t size : {65'535u, 65'536u, 65'537u, 131'072u, 200'000u}) {
        std::string text(size, '\0');
        for (std::size_t i = 0; i < size; ++i) text[i] = static_cast<char>(i * i >> 3);
        Sha256 expected;
        ASSERT_EQ(
            EVP_Digest(text.data(), text.size(), reinterpret_cast<unsigned char*>(expected.value.data()),
                       nullptr, EVP_sha256(), nullptr),
            1);
        EXPECT_EQ(exact_of(text).sha256.hex(), expected.hex()) << size;
    }
}

}  // namespace
}  // namespace rushlight::media
