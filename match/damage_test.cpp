// A store that lost entries: nothing is searched, exported or listed as if it were whole.
#include "match/test_room.h"

#include <filesystem>
#include <fstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace rushlight::match {
namespace {

using testing::Folder;
using ::testing::HasSubstr;
using testing::made_up;
using testing::md5;
using testing::Room;

Result<std::unique_ptr<Matcher>> open_all(Lists& lists) {
    Sources sources;
    sources.all_stored = true;
    return Matcher::open(&lists, sources, system_clock());
}

class DamagedList : public ::testing::TestWithParam<store::testing::Kind> {
  protected:
    Room room{GetParam()};

    void SetUp() override {
        room.make("big");
        room.make("whole");
        const std::array values = {md5(1), md5(2), md5(3)};
        ASSERT_TRUE(room.lists->add("big", values, "tester"));
        ASSERT_TRUE(room.lists->add("whole", std::array{md5(4)}, "tester"));
    }
    void behind_our_back(std::string_view sql) {
        auto done =
            room.store.write([&](store::Writer& writer) { return writer.run(sql).map([](std::int64_t) {}); });
        ASSERT_TRUE(done) << done.error().message;
    }
};
INSTANTIATE_TEST_SUITE_P(, DamagedList, store::testing::both(), store::testing::name_of);

TEST_P(DamagedList, IsNotSearched) {
    behind_our_back(
        "DELETE FROM hash_entry WHERE hash = (SELECT hash FROM hash_entry WHERE list = 1 ORDER BY hash LIMIT "
        "1)");
    const auto matcher = open_all(*room.lists);
    ASSERT_FALSE(matcher);
    EXPECT_EQ(matcher.error().code, ErrorCode::corrupt);
    EXPECT_THAT(matcher.error().message, HasSubstr("'big', 2 of its 3 entries can be read"));
    EXPECT_THAT(matcher.error().message, HasSubstr("export"));
    EXPECT_THAT(matcher.error().message, HasSubstr("Nothing was searched"));
    EXPECT_EQ(room.lists->verify("big").error().code, ErrorCode::corrupt);
    EXPECT_TRUE(room.lists->verify("whole"));
    Sources other;
    other.stored = {"whole"};
    EXPECT_TRUE(Matcher::open(room.lists.get(), other, system_clock()));
}

TEST_P(DamagedList, IsExportedAsFarAsItCanBeReadAndThatIsSaid) {
    behind_our_back(
        "DELETE FROM hash_entry WHERE hash = (SELECT hash FROM hash_entry WHERE list = 1 ORDER BY hash LIMIT "
        "1)");
    std::string out;
    const auto status = room.lists->export_to("big", formats::Format::text, [&](std::string_view part) {
        out += part;
        return Status{};
    });
    ASSERT_FALSE(status);
    EXPECT_EQ(status.error().code, ErrorCode::corrupt);
    EXPECT_EQ(std::ranges::count(out, '\n'), 2);
}

TEST_P(DamagedList, WhoseEntriesChangedTheirStateIsNotSearchedEither) {
    behind_our_back("UPDATE hash_entry SET state = 2 WHERE list = 1");
    const auto matcher = open_all(*room.lists);
    ASSERT_FALSE(matcher);
    EXPECT_EQ(matcher.error().code, ErrorCode::corrupt);
}

TEST_P(DamagedList, ThatAnImportComesIntoIsNotTakenOver) {
    const auto matcher = open_all(*room.lists);
    ASSERT_TRUE(matcher) << matcher.error().message;
    behind_our_back("DELETE FROM hash_entry WHERE list = 2");
    std::string content;  // more than are logged one by one, so that they are read again from the table
    for (int i = 10; i < 50'020; ++i) content += md5(i).text() + "\n";
    ASSERT_TRUE(room.import("whole", content, {}));
    const auto followed = (*matcher)->refresh();
    ASSERT_FALSE(followed);
    EXPECT_EQ(followed.error().code, ErrorCode::corrupt);
}

// Wherever 64 bytes of the file are overwritten: all entries are found, or an error says so.
TEST(DamagedFile, NeverGivesAWrongAnswerInSilence) {
    constexpr int kEntries = 8'000;
    const Folder folder;
    {
        auto store = store::Store::open({.where = folder.path(), .schemas = {schema()}});
        ASSERT_TRUE(store);
        auto lists = Lists::open(*store, folder.path(), system_clock());
        ASSERT_TRUE(lists);
        std::string content;
        for (int i = 0; i < kEntries; ++i) content += md5(i).text() + "\n";
        auto file = make_memory_file("list");
        ASSERT_TRUE(file && write_all(file->get(), bytes_of(content), "list"));
        ::lseek(file->get(), 0, SEEK_SET);
        ASSERT_TRUE((*lists)->import("big", file->get(), {}));
    }
    const auto size = std::filesystem::file_size(folder.path() + "/rushlight.db");
    int refused = 0;
    for (unsigned seed = 0; seed < 40; ++seed) {
        SCOPED_TRACE(seed);
        std::mt19937_64 random(seed);
        const Folder copy;
        std::filesystem::copy_file(folder.path() + "/rushlight.db", copy.path() + "/rushlight.db");
        {
            std::fstream file(copy.path() + "/rushlight.db", std::ios::in | std::ios::out | std::ios::binary);
            file.seekp(static_cast<std::streamoff>(4'096 + random() % (size - 4'096 - 64)));
            for (int i = 0; i < 8; ++i) {
                const std::uint64_t word = random();
                file.write(reinterpret_cast<const char*>(&word), sizeof word);
            }
        }
        auto store = store::Store::open({.where = copy.path(), .schemas = {schema()}});
        auto lists = store ? Lists::open(*store, copy.path(), system_clock())
                           : Result<std::unique_ptr<Lists>>(tl::unexpected(store.error()));
        auto matcher =
            lists ? open_all(**lists) : Result<std::unique_ptr<Matcher>>(tl::unexpected(lists.error()));
        if (!matcher) {
            ++refused;
            EXPECT_EQ(matcher.error().code, ErrorCode::corrupt) << matcher.error().message;
            continue;
        }
        int found = 0;
        for (int i = 0; i < kEntries; ++i) {
            const auto answer = (*matcher)->match(query_of(md5(i)));
            if (answer && answer->decision == Decision::exact) ++found;
        }
        EXPECT_EQ(found, kEntries);
    }
    EXPECT_GT(refused, 20);
}

}  // namespace
}  // namespace rushlight::match
