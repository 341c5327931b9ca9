// Streams of sealed bytes: whole, or said not to be.

#include "vault/sealed_file.h"

#include "vault/key_file.h"
#include "vault/test_folder.h"

#include <random>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

namespace rushlight::vault {
namespace {

Fd file_of(std::string_view bytes) {
    auto file = make_memory_file("sealed");
    EXPECT_TRUE(file);
    EXPECT_TRUE(write_all(file->get(), bytes_of(bytes), "memory"));
    ::lseek(file->get(), 0, SEEK_SET);
    return std::move(*file);
}

std::string sealed(const Key& key, std::string_view content, std::size_t step = kChunk) {
    const Fd file = file_of("");
    auto writer = SealedWriter::begin(file.get(), key, "test");
    EXPECT_TRUE(writer);
    for (std::size_t at = 0; at < content.size(); at += step)
        EXPECT_TRUE(writer->write(bytes_of(content.substr(at, step))));
    EXPECT_TRUE(writer->finish());
    std::string bytes(static_cast<std::size_t>(::lseek(file.get(), 0, SEEK_END)), '\0');
    EXPECT_EQ(::pread(file.get(), bytes.data(), bytes.size(), 0), static_cast<ssize_t>(bytes.size()));
    return bytes;
}

// What came out before the error, and the error.
struct Out {
    std::string content;
    std::string error;
};
Out opened(const Key& key, std::string_view bytes, std::string_view purpose = "test") {
    const Fd file = file_of(bytes);
    auto reader = SealedReader::begin(file.get(), key, purpose);
    if (!reader) return {"", reader.error().message};
    Out out;
    for (;;) {
        const auto piece = reader->next();
        if (!piece) {
            out.error = piece.error().message;
            return out;
        }
        if (piece->empty()) return out;
        out.content += text_of(*piece);
    }
}

std::string some_bytes(std::size_t size) {
    std::mt19937 random(static_cast<unsigned>(size));
    std::string bytes(size, '\0');
    for (char& byte : bytes) byte = static_cast<char>(random());
    return bytes;
}

TEST(SealedFile, ComesOutAsItWentIn) {
    const Key key = Key::random();
    for (const std::size_t size :
         {std::size_t{0}, std::size_t{1}, kChunk - 1, kChunk, kChunk + 1, 3 * kChunk, 3 * kChunk + 77}) {
        const std::string content = some_bytes(size);
        for (const std::size_t step : {std::size_t{1000}, kChunk, std::size_t{1} << 20}) {
            const Out out = opened(key, sealed(key, content, step));
            EXPECT_EQ(out.error, "") << size;
            EXPECT_TRUE(out.content == content) << size << " in steps of " << step;
        }
    }
}

TEST(SealedFile, AnyFlippedByteIsFoundBeforeItIsGivenOut) {
    const Key key = Key::random();
    const std::string content = some_bytes(500);
    const std::string bytes = sealed(key, content);
    for (std::size_t at = 0; at < bytes.size(); ++at) {
        std::string changed = bytes;
        changed[at] = static_cast<char>(changed[at] ^ (1 << at % 8));
        const Out out = opened(key, changed);
        EXPECT_NE(out.error, "") << "byte " << at;
        EXPECT_EQ(out.content, "") << "byte " << at;
        EXPECT_NE(opened(key, bytes.substr(0, at)).error, "") << "cut at " << at;
    }
    EXPECT_NE(opened(key, bytes + "x").error, "");
    EXPECT_NE(opened(key, bytes + bytes).error, "");
}

TEST(SealedFile, ChunksCannotBeLeftOutSwappedOrDoubled) {
    const Key key = Key::random();
    const std::string content = some_bytes(4 * kChunk);
    const std::string bytes = sealed(key, content);
    constexpr std::size_t kSealedChunk = kChunk + 17;
    const std::size_t header = bytes.size() - 4 * kSealedChunk;
    std::vector<std::string> chunks;
    for (std::size_t i = 0; i < 4; ++i)
        chunks.push_back(bytes.substr(header + i * kSealedChunk, kSealedChunk));
    const auto with = [&](std::initializer_list<int> order) {
        std::string text = bytes.substr(0, header);
        for (const int i : order) text += chunks[static_cast<std::size_t>(i)];
        return text;
    };
    ASSERT_EQ(opened(key, with({0, 1, 2, 3})).error, "");
    for (const auto& order : {std::initializer_list<int>{0, 1, 2},
                              {0, 1},
                              {0},
                              {},
                              {0, 2, 3},
                              {1, 2, 3},
                              {0, 2, 1, 3},
                              {0, 1, 1, 2, 3},
                              {0, 1, 2, 3, 3},
                              {3},
                              {0, 3}}) {
        const Out out = opened(key, with(order));
        EXPECT_NE(out.error, "");
        EXPECT_TRUE(content.starts_with(out.content)) << "only what is authentic comes out";
    }
}

TEST(SealedFile, AnotherKeyOrPurposeIsSaid) {
    const Key key = Key::random();
    const std::string bytes = sealed(key, "content");
    EXPECT_THAT(opened(Key::random(), bytes).error, ::testing::HasSubstr("another key"));
    EXPECT_THAT(opened(key, bytes, "evid").error, ::testing::HasSubstr("purpose"));
    EXPECT_THAT(opened(key, "").error, ::testing::HasSubstr("header"));
}

// The worked example of docs/formats/vault.md: its file and its key file are also the fuzzers' seeds.
TEST(SealedFile, TheDocumentsExampleOpens) {
    const TestFolder folder;
    std::filesystem::create_directory(folder.path("keys"));
    write_file(folder.path("keys/rushlight.key"),
               read_file(RUSHLIGHT_SOURCE_DIR "/vault/corpus/key_file/one"));
    std::filesystem::permissions(folder.path("keys/rushlight.key"), std::filesystem::perms::owner_read);
    const auto ring = KeyFile(folder.path(), std::nullopt, {}).read();
    ASSERT_TRUE(ring && ring->has_value());
    const Out out = opened((*ring)->keys.front(),
                           read_file(RUSHLIGHT_SOURCE_DIR "/vault/corpus/sealed_file/example"), "fuzz");
    EXPECT_EQ(out.error, "");
    EXPECT_EQ(out.content, "benign bytes");
}

TEST(SealedFile, TwoOfOneContentShareNothing) {
    const Key key = Key::random();
    const std::string a = sealed(key, std::string(1000, 'a'));
    const std::string b = sealed(key, std::string(1000, 'a'));
    EXPECT_NE(a.substr(a.size() - 900), b.substr(b.size() - 900));
}

}  // namespace
}  // namespace rushlight::vault
