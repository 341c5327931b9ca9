#include "match/index/snapshot.h"

#include "match/index/brute_force.h"

#include <filesystem>

#include <gtest/gtest.h>

namespace rushlight::match::index {
namespace {

class Snapshot : public testing::Test {
  protected:
    void SetUp() override {
        std::string pattern = testing::TempDir() + "near-XXXXXX";
        ASSERT_NE(::mkdtemp(pattern.data()), nullptr);
        folder_ = pattern;
        path_ = folder_ + "/near.idx";
    }
    void TearDown() override { std::filesystem::remove_all(folder_); }

    std::string read() const {
        std::ifstream file(path_, std::ios::binary);
        return {std::istreambuf_iterator<char>(file), {}};
    }
    void write(const std::string& bytes) const { std::ofstream(path_, std::ios::binary) << bytes; }

    // Loading must fail with this code and leave the index as it was.
    void expect_refused(ErrorCode code, std::uint64_t version = 7) {
        NearIndex index;
        const std::vector<Entry> there{{Pdq{}, 5}};
        index.build(there);
        const auto loaded = index.load(path_, version);
        ASSERT_FALSE(loaded);
        EXPECT_EQ(loaded.error().code, code) << loaded.error().message;
        EXPECT_EQ(search(index, Pdq{}, 31), brute_force(there, Pdq{}, 31));
    }

    std::string folder_;
    std::string path_;
};

TEST_F(Snapshot, KeepsSegmentsTombstonesAndTail) {
    auto entries = clustered_entries(6'000, 1);
    entries[7].id = ~std::uint64_t{0};
    NearIndex::Options options;
    options.tail_limit = 1'000;
    options.segment_limit = 3'000;
    NearIndex index(options);
    index.build({entries.begin(), entries.begin() + 5'500});
    index.add(std::span(entries).subspan(5'500));
    index.remove(std::span(entries).first(600));
    index.remove(std::span(entries).last(50));
    const std::vector<Entry> left(entries.begin() + 600, entries.end() - 50);
    ASSERT_TRUE(index.save(path_, 7));

    NearIndex loaded(options);
    const auto status = loaded.load(path_, 7);
    ASSERT_TRUE(status) << status.error().message;
    EXPECT_EQ(loaded.size(), left.size());
    SplitMix random{2};
    for (int i = 0; i < 200; ++i) {
        const Pdq query = flipped(entries[random.below(entries.size())].hash, 25, random);
        ASSERT_EQ(search(loaded, query, 31), brute_force(left, query, 31));
    }
    // What was loaded goes on living: it is changed, merged and saved over the file it is mapped from.
    loaded.remove(std::span(left).first(3'000));
    loaded.add(std::span(entries).first(600));
    loaded.wait_for_merges();
    ASSERT_TRUE(loaded.save(path_, 8));
    std::vector<Entry> now(left.begin() + 3'000, left.end());
    now.insert(now.end(), entries.begin(), entries.begin() + 600);
    NearIndex again;
    ASSERT_TRUE(again.load(path_, 8));
    for (int i = 0; i < 100; ++i) {
        const Pdq query = flipped(entries[random.below(entries.size())].hash, 25, random);
        ASSERT_EQ(search(loaded, query, 31), brute_force(now, query, 31));
        ASSERT_EQ(search(again, query, 31), brute_force(now, query, 31));
    }
    // Nothing is left lying beside it.
    EXPECT_EQ(std::distance(std::filesystem::directory_iterator(folder_), {}), 1);
}

TEST_F(Snapshot, KeepsAnEmptyIndex) {
    ASSERT_TRUE(NearIndex().save(path_, 7));
    NearIndex index;
    index.build({{Pdq{}, 1}});
    ASSERT_TRUE(index.load(path_, 7));
    EXPECT_EQ(index.size(), 0U);
}

TEST_F(Snapshot, TellsAMissingOneFromAnOlderOne) {
    expect_refused(ErrorCode::not_found);
    ASSERT_TRUE(NearIndex().save(path_, 6));
    expect_refused(ErrorCode::conflict);
}

TEST_F(Snapshot, NoticesAFileCutOffAnywhere) {
    NearIndex::Options options;
    options.tail_limit = 10;
    NearIndex index(options);
    index.build(clustered_entries(300, 3));
    ASSERT_TRUE(index.save(path_, 7));
    const std::uintmax_t whole = std::filesystem::file_size(path_);
    for (const std::uintmax_t size :
         {whole - 1, whole - 64, whole / 2, std::uintmax_t{4096}, std::uintmax_t{81}, std::uintmax_t{80},
          std::uintmax_t{79}, std::uintmax_t{1}, std::uintmax_t{0}}) {
        std::filesystem::resize_file(path_, size);
        expect_refused(ErrorCode::corrupt);
    }
}

TEST_F(Snapshot, NoticesAFileThatGrew) {
    ASSERT_TRUE(NearIndex().save(path_, 7));
    write(read() + "x");
    expect_refused(ErrorCode::corrupt);
}

TEST_F(Snapshot, NoticesEveryFlippedBit) {
    NearIndex::Options options;
    options.tail_limit = 10;
    NearIndex index(options);
    index.build(clustered_entries(200, 4));
    index.add(clustered_entries(5, 5));
    ASSERT_TRUE(index.save(path_, 7));
    const std::string good = read();
    SplitMix random{6};
    std::vector<std::size_t> places;
    for (std::size_t i = 0; i < 80 + 40 + 40; ++i) places.push_back(i);  // header and directory
    for (int i = 0; i < 60; ++i) places.push_back(4096 + random.below(good.size() - 4096));
    places.push_back(good.size() - 1);
    std::fstream file(path_, std::ios::binary | std::ios::in | std::ios::out);
    const auto put = [&](std::size_t place, char byte) {
        file.seekp(static_cast<std::streamoff>(place));
        file.put(byte);
        file.flush();
    };
    for (const std::size_t place : places) {
        put(place, static_cast<char>(good[place] ^ (1 << random.below(8))));
        EXPECT_FALSE(NearIndex().load(path_, 7)) << "byte " << place;
        put(place, good[place]);
    }
    EXPECT_TRUE(NearIndex().load(path_, 7));
}

TEST_F(Snapshot, NoticesAnotherFormatByteOrderOrFile) {
    ASSERT_TRUE(NearIndex().save(path_, 7));
    const std::string good = read();
    auto other = good;
    std::swap(other[8], other[11]);
    std::swap(other[9], other[10]);
    write(other);
    expect_refused(ErrorCode::corrupt);
    other = good;
    other[12] = 9;
    write(other);
    expect_refused(ErrorCode::corrupt);
    write(std::string(good.size(), '\0'));
    expect_refused(ErrorCode::corrupt);
    write("SQLite format 3");
    expect_refused(ErrorCode::corrupt);
}

// Even right checksums over wrong tables must not lead outside of the file.
TEST_F(Snapshot, RefusesTablesThatPointOutside) {
    auto entries = std::vector<IndexEntry>(100);
    SplitMix random{7};
    for (auto& entry : entries) entry = {to_index_order(random_hash(random)), random.below(9)};
    sort_for_segment(entries);
    const auto segment = Segment::build(entries, 1);
    const auto shape = segment->shape();
    const std::vector<std::uint64_t> tombstones(2);
    const auto copy_with = [&](std::size_t at, std::uint32_t value) {
        auto region = Region::allocate(shape.bytes());
        std::memcpy(region->data(), segment->bytes().data(), shape.bytes());
        std::memcpy(region->data() + at, &value, 4);
        return region;
    };
    std::uint32_t first = 0;
    std::memcpy(&first, segment->bytes().data() + shape.postings_at(), 4);
    EXPECT_TRUE(Segment::view(copy_with(shape.postings_at(), first), 0, shape, tombstones));
    EXPECT_FALSE(Segment::view(copy_with(shape.postings_at(), first | 0xFFFF), 0, shape, tombstones));
    EXPECT_FALSE(Segment::view(copy_with(shape.offsets_at(), 1), 0, shape, tombstones));
    EXPECT_FALSE(Segment::view(copy_with(shape.offsets_at() + 400, 4'000'000'000U), 0, shape, tombstones));
    EXPECT_FALSE(Segment::view(copy_with(shape.offsets_at() + 4 * kPartKeys, 101), 0, shape, tombstones));
}

TEST_F(Snapshot, SaysWhereItCannotWrite) {
    const auto status = NearIndex().save(folder_ + "/none/near.idx", 1);
    ASSERT_FALSE(status);
    EXPECT_NE(status.error().message.find("none/near.idx"), std::string::npos);
    std::filesystem::create_directory(path_);
    EXPECT_FALSE(NearIndex().save(path_, 1));
    EXPECT_FALSE(NearIndex().load(path_, 1));
    EXPECT_EQ(std::distance(std::filesystem::directory_iterator(folder_), {}), 1);
}

TEST(Checksum, DependsOnEveryByteAndTheLength) {
    ByteVector bytes(1000);
    const std::uint64_t zeros = checksum(bytes);
    for (std::size_t i = 0; i < bytes.size(); ++i) {
        bytes[i] = std::byte{1};
        EXPECT_NE(checksum(bytes), zeros) << i;
        bytes[i] = std::byte{0};
    }
    for (std::size_t n = 0; n < bytes.size(); ++n) EXPECT_NE(checksum(std::span(bytes).first(n)), zeros) << n;
    EXPECT_EQ(checksum(bytes), zeros);
}

}  // namespace
}  // namespace rushlight::match::index
