#include "archive/archive.h"
#include "archive/unpack/samples.h"

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

TEST_F(ReaderTest, RefusesWhatIsNone) { EXPECT_EQ(read("hello").problem->reason, Reason::unsupported); }

}  // namespace
}  // namespace rushlight::archive
