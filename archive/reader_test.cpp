#include "archive/archive.h"
#include "archive/unpack/samples.h"
#include "base/testing/rounds.h"

#include <random>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace rushlight::archive {
namespace {

using namespace unpack::samples;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

class ReaderTest : public ::testing::Test {
  protected:
    void SetUp() override {
        sandbox::Options options;
        options.program = RUSHLIGHT_BINARY_DIR "/unpack_child";
        auto made = sandbox::Pool::create(options);
        ASSERT_TRUE(made) << made.error().message;
        pool.emplace(std::move(*made));
    }

    All read(std::string_view packed) {
        All all;
        const auto content = Content::from_bytes(bytes_of(packed));
        auto reader = Reader::open(*pool, *content, budget, "somebody");
        if (!reader) {
            all.problem = reader.error();
            return all;
        }
        while (true) {
            auto member = reader->next();
            if (!member) {
                all.problem = member.error();
                return all;
            }
            if (!*member) return all;
            Got got{(*member)->name, std::nullopt, (*member)->problem, (*member)->date};
            if (auto& bytes = (*member)->content) {
                EXPECT_TRUE(bytes->sealed());
                got.text.emplace(bytes->size(), '\0');
                EXPECT_TRUE(bytes->read_at(0, std::as_writable_bytes(std::span(*got.text))));
            }
            all.members.push_back(std::move(got));
        }
    }

    std::optional<sandbox::Pool> pool;
    Budget budget;
};

TEST_F(ReaderTest, GivesSmallAndLargeMembersOfEveryFormat) {
    const std::string large(300'000, 'L');
    const std::vector<File> files = {
        {"small", "s", ""}, {"large", large, ""}, {"gr\xc3\xbc\xc3\x9f", large, ""}};
    for (const auto* format : {"zip", "7zip", "pax"}) {
        for (const auto* filter : {"", "gzip", "xz", "zstd", "bzip2"}) {
            if (std::string_view(format) != "pax" && *filter != '\0') continue;
            budget = {};
            const auto all = read(pack(files, format, filter));
            EXPECT_FALSE(all.problem) << format << filter << all.problem->message;
            ASSERT_EQ(all.members.size(), 3u) << format << filter;
            for (std::size_t i = 0; i < 3; ++i) {
                EXPECT_EQ(all.members[i].name, files[i].name);
                EXPECT_TRUE(all.members[i].text == files[i].text);
            }
            EXPECT_EQ(budget.members, 3u);
            EXPECT_EQ(budget.bytes, 600'001u);
        }
    }
}

TEST_F(ReaderTest, StreamsAWarc) {
    std::string warc;
    for (int i = 0; i < 2000; ++i) {
        const std::string body(i % 100 == 0 ? 100'000 : 500, static_cast<char>('a' + i % 26));
        warc += gzip(record("response", "http://site/" + std::to_string(i), http(body)));
    }
    const auto all = read(warc);
    EXPECT_FALSE(all.problem) << all.problem->message;
    ASSERT_EQ(all.members.size(), 2000u);
    for (int i = 0; i < 2000; ++i) {
        EXPECT_EQ(all.members[i].name, "http://site/" + std::to_string(i));
        EXPECT_TRUE(all.members[i].text ==
                    std::string(i % 100 == 0 ? 100'000 : 500, static_cast<char>('a' + i % 26)));
    }
}

TEST_F(ReaderTest, SaysAfterHowManyMembersItBroke) {
    auto zip = pack({{"a", "first", ""}, {"b", std::string(5000, 'b'), ""}}, "ustar");
    const auto all = read(zip.substr(0, 2000));
    ASSERT_EQ(all.members.size(), 2u);
    EXPECT_EQ(all.members[0].text, "first");
    ASSERT_TRUE(all.problem);
    EXPECT_EQ(all.problem->reason, Reason::truncated);
    EXPECT_THAT(all.problem->message, HasSubstr("after 2 members"));
}

TEST_F(ReaderTest, ABombEndsAndNestedArchivesShareTheBudget) {
    budget.limits.ratio_floor = 1 << 20;
    const auto bomb = gzip(std::string(10 << 20, '\0'));
    EXPECT_EQ(read(bomb).problem->reason, Reason::bomb);
    // Each layer is small; together they are not.
    budget = {};
    budget.limits.ratio_floor = 1 << 20;
    budget.limits.ratio = 1;
    budget.packed = 1000;
    int layers = 0;
    const auto layer = pack({{"x", std::string(300'000, 'x'), ""}}, "zip");
    while (layers < 10 && !read(layer).problem) ++layers;
    EXPECT_EQ(layers, 3);
}

// Members cost work however small they are: a few packed kilobytes of nested archives may not give millions.
TEST_F(ReaderTest, FarMoreMembersThanBytesAreABomb) {
    budget.limits.members_floor = 10;
    budget.packed = 64;
    std::vector<File> files;
    for (int i = 0; i < 20; ++i) files.push_back({std::to_string(i), "x", ""});
    const auto all = read(pack(files, "zip"));
    ASSERT_TRUE(all.problem);
    EXPECT_EQ(all.problem->reason, Reason::bomb);
    EXPECT_EQ(all.members.size(), 10u);
    budget = {};
    budget.limits.members_floor = 10;
    EXPECT_FALSE(read(pack(files, "zip")).problem) << "its own bytes are enough for its members";
}

TEST_F(ReaderTest, AReaderLeftHalfWayGivesItsChildBack) {
    const auto content = Content::from_bytes(bytes_of(pack({{"a", "1", ""}, {"b", "2", ""}}, "zip")));
    for (int i = 0; i < 5; ++i) {
        auto reader = Reader::open(*pool, *content, budget, "somebody");
        ASSERT_TRUE(reader);
        ASSERT_TRUE(reader->next());
    }
    EXPECT_EQ(pool->counts().crashed, 0u);
    EXPECT_LT(pool->counts().started, 5u);  // one for all, and the spares that the pool keeps
}

std::vector<std::string> one_of_each_format() {
    const std::vector<File> files = {{"first", std::string(3000, 'f'), ""},
                                     {"folder/second", std::string(60'000, 's'), ""},
                                     {"link", "", "first"},
                                     {"third", "t", ""}};
    std::string warc = record("warcinfo", "", "made for a test");
    warc += record("response", "http://site/plain", http(std::string(5000, 'p')));
    warc += record("response", "http://site/chunked",
                   http(chunked(gzip(std::string(9000, 'c')), 100),
                        "Transfer-Encoding: chunked\r\nContent-Encoding: gzip\r\n"));
    warc += record("resource", "urn:picture", std::string(100, 'r'));
    std::vector<std::string> all{warc, gzip(warc)};
    for (const char* format : {"zip", "7zip", "pax", "ustar"}) all.push_back(pack(files, format));
    for (const char* filter : {"gzip", "bzip2", "xz", "zstd"}) all.push_back(pack(files, "pax", filter));
    all.push_back(pack(files, "zip", "", "zip:zip64"));
    return all;
}

// Changes some bytes, cuts, repeats or takes out a piece: what a bad disk does, or somebody who means harm.
std::string broken(std::string bytes, std::mt19937_64& random) {
    const auto below = [&](std::size_t n) {
        return static_cast<std::size_t>(random() % std::max<std::size_t>(n, 1));
    };
    for (std::size_t n = 1 + below(4); n > 0; --n) {
        const std::size_t at = below(bytes.size());
        const std::size_t size = below(std::min<std::size_t>(bytes.size() - at, 100));
        switch (below(5)) {
            case 0:
                bytes.resize(at);
                break;
            case 1:
                bytes.erase(at, size);
                break;
            case 2:
                bytes.insert(below(bytes.size()), bytes.substr(at, size));
                break;
            case 3:
                for (std::size_t i = 0; i < std::min<std::size_t>(size, 8); ++i)
                    bytes[at + i] = static_cast<char>(below(2) == 0 ? 0xff : random());
                break;
            default:
                if (!bytes.empty()) bytes[at] = static_cast<char>(bytes[at] ^ 1 << below(8));
        }
    }
    return bytes;
}

// However an archive is broken: it ends, within its budget, and its child lives.
TEST_F(ReaderTest, EndsWellHoweverAnArchiveIsBroken) {
    const auto whole = one_of_each_format();
    for (Rounds rounds(3); rounds.next();) {
        std::mt19937_64 random(rounds.seed());
        for (const auto& archive : whole) {
            budget = {};
            budget.limits.members = 50;
            budget.limits.total_bytes = 1 << 20;
            const auto all = read(broken(archive, random));
            EXPECT_LE(all.members.size(), 50u);
            std::size_t bytes = 0;
            for (const auto& member : all.members) {
                EXPECT_TRUE(member.text || member.problem) << member.name;
                bytes += member.text ? member.text->size() : 0;
            }
            EXPECT_LE(bytes, 1u << 20);
            EXPECT_TRUE(!all.problem || !all.problem->message.empty());
        }
        ASSERT_EQ(pool->counts().crashed + pool->counts().timed_out, 0u);
    }
}

TEST_F(ReaderTest, RefusesWhatIsNone) { EXPECT_EQ(read("hello").problem->reason, Reason::unsupported); }

}  // namespace
}  // namespace rushlight::archive
