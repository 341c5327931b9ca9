#include "archive/unpack/samples.h"

#include <cstdio>
#include <cstring>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace rushlight::archive::unpack {
namespace {

using namespace samples;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

std::string noise(std::size_t size, std::uint32_t seed = 1) {
    std::string out(size, '\0');
    for (auto& c : out) {
        seed = seed * 1664525 + 1013904223;
        c = static_cast<char>(seed >> 24);
    }
    return out;
}

struct Packing {
    const char* format;
    const char* filter;
    const char* options;
};
void PrintTo(const Packing& p, std::ostream* out) { *out << p.format << ' ' << p.filter << ' ' << p.options; }

class EveryFormat : public ::testing::TestWithParam<Packing> {
  protected:
    std::string packed(const std::vector<File>& files) {
        return pack(files, GetParam().format, GetParam().filter, GetParam().options);
    }
};

INSTANTIATE_TEST_SUITE_P(Formats, EveryFormat,
                         ::testing::Values(Packing{"zip", "", "zip:compression=deflate"},
                                           Packing{"zip", "", "zip:compression=store"},
                                           Packing{"zip", "", "zip:zip64"}, Packing{"7zip", "", ""},
                                           Packing{"7zip", "", "7zip:compression=store"},
                                           Packing{"ustar", "", ""}, Packing{"gnutar", "", ""},
                                           Packing{"pax", "", ""}, Packing{"pax", "gzip", ""},
                                           Packing{"pax", "bzip2", ""}, Packing{"pax", "xz", ""},
                                           Packing{"pax", "zstd", ""}));

TEST_P(EveryFormat, GivesEveryFileAndNothingElse) {
    const std::string big = noise(700'000);
    const auto all = read_all(packed({{"a.txt", "alpha", ""},
                                      {"folder/", "", ""},
                                      {"folder/big.bin", big, ""},
                                      {"link", "", "a.txt"},
                                      {"empty", "", ""}}));
    EXPECT_FALSE(all.problem) << all.problem->message;
    ASSERT_THAT(all.names(), ::testing::UnorderedElementsAre("a.txt", "folder/big.bin", "empty"));
    for (const auto& member : all.members) {
        EXPECT_FALSE(member.problem);
        ASSERT_TRUE(member.text);
        EXPECT_EQ(*member.text, member.name == "a.txt" ? "alpha" : member.name == "empty" ? "" : big);
    }
}

TEST_P(EveryFormat, KeepsStrangeNamesAsTheyAre) {
    const std::vector<std::string> names = {"../../etc/passwd", "/absolute", "new\nline",
                                            "gr\xc3\xbc\xc3\x9f"};
    for (const auto& name : names) {
        const auto all = read_all(packed({{name, "x", ""}, {name, "y", ""}}));
        EXPECT_THAT(all.names(), ElementsAre(name, name));
    }
}

TEST_P(EveryFormat, EndsWhereTheLimitsAre) {
    const auto archive = packed({{"a", std::string(3'000'000, 'a'), ""}, {"b", "tiny", ""}});
    Allowance limits = plenty();
    limits.member_bytes = 1'000'000;
    auto all = read_all(archive, limits);
    EXPECT_THAT(all.names(), ElementsAre("a", "b"));
    EXPECT_EQ(all.members[0].problem->reason, Reason::too_large);
    EXPECT_FALSE(all.members[0].text);
    EXPECT_EQ(all.members[1].text, "tiny");
    EXPECT_FALSE(all.problem);

    limits = plenty();
    limits.ratio_bytes = 1'000'000;
    all = read_all(archive, limits);
    EXPECT_THAT(all.members, IsEmpty());
    EXPECT_EQ(all.problem->reason, Reason::bomb);

    limits = plenty();
    limits.total_bytes = 1'000'000;
    EXPECT_EQ(read_all(archive, limits).problem->reason, Reason::too_large);

    limits = plenty();
    limits.members = 1;
    all = read_all(archive, limits);
    EXPECT_THAT(all.names(), ElementsAre("a"));
    EXPECT_EQ(all.problem->reason, Reason::too_large);
}

// Whatever is cut off: what comes before the cut is right, what lies across it says so, nothing hangs.
TEST_P(EveryFormat, CutAnywhereGivesAPrefix) {
    const std::vector<File> files = {
        {"one", noise(300, 7), ""}, {"two", noise(200, 8), ""}, {"three", "3", ""}};
    const auto whole = packed(files);
    for (std::size_t size = 0; size < whole.size(); ++size) {
        const auto all = read_all(std::string_view(whole).substr(0, size));
        // Too little came out to know that a tar is inside: then it is one compressed file.
        if (all.names() == std::vector<std::string>{"data"}) continue;
        for (std::size_t i = 0; i < all.members.size(); ++i) {
            ASSERT_LT(i, files.size());
            const auto& got = all.members[i];
            EXPECT_EQ(got.name, files[i].name);
            if (!got.problem) {
                EXPECT_EQ(got.text, files[i].text) << "cut at " << size;
            } else if (got.text) {
                EXPECT_TRUE(files[i].text.starts_with(*got.text)) << "cut at " << size;
            }
        }
        const bool complete = all.members.size() == files.size() && !all.members.back().problem;
        // A tar that ends between two members is a tar that was written without an end.
        const bool whole_blocks = std::string_view(GetParam().filter).empty() && size % 512 == 0 && size > 0;
        EXPECT_TRUE(all.problem || complete || whole_blocks) << "cut at " << size;
    }
}

// One wrong byte anywhere: never a crash, never an endless walk.
TEST_P(EveryFormat, SurvivesAnyWrongByte) {
    const auto whole = packed({{"one", noise(300, 7), ""}, {"two", noise(200, 8), ""}});
    Allowance limits = plenty();
    limits.member_bytes = limits.ratio_bytes = limits.total_bytes = limits.work_bytes = 1 << 20;
    const std::size_t stride = whole.size() > 4000 ? 7 : 1;
    for (std::size_t at = 0; at < whole.size(); at += stride) {
        std::string broken = whole;
        broken[at] = static_cast<char>(broken[at] ^ 0x5a);
        const auto all = read_all(broken, limits);
        EXPECT_LE(all.members.size(), 10u);
    }
}

TEST(Zip, SaysWhatIsEncrypted) {
    const auto all =
        read_all(pack({{"secret", "hidden text", ""}}, "zip", "", "zip:encryption=aes256", "word"));
    ASSERT_THAT(all.names(), ElementsAre("secret"));
    EXPECT_EQ(all.members[0].problem, (Problem{Reason::unsupported, "encrypted"}));
    EXPECT_FALSE(all.members[0].text);
}

TEST(Zip, KeepsNamesThatAreNoUtf8) {
    auto zip = pack({{"caf\xe9", "x", ""}}, "zip");
    // Marked as UTF-8, which it is not: nothing is certain about it but the place in the archive.
    zip[7] |= 8;
    zip[zip.find("PK\1\2") + 9] |= 8;
    auto all = read_all(zip);
    ASSERT_EQ(all.members.size(), 1u);
    EXPECT_FALSE(all.members[0].name.empty());
    EXPECT_EQ(all.members[0].text, "x");
    // Not marked: bytes of whatever character set.
    zip[7] &= ~8;
    zip[zip.find("PK\1\2") + 9] &= ~8;
    all = read_all(zip);
    EXPECT_THAT(all.names(), ElementsAre("caf\xe9"));
}

TEST(Zip, GivesWhatAWrongChecksumHidesAndSaysSo) {
    auto zip = pack({{"a", "some plain text", ""}, {"b", "second", ""}}, "zip", "", "zip:compression=store");
    zip[zip.find("plain")] = 'P';
    const auto all = read_all(zip);
    ASSERT_THAT(all.names(), ElementsAre("a", "b"));
    EXPECT_EQ(all.members[0].text, "some Plain text");
    EXPECT_EQ(all.members[0].problem->reason, Reason::corrupt);
    EXPECT_EQ(all.members[1].text, "second");
}

TEST(Zip, WithoutItsEndItGivesWhatItHasAndSaysThatItIsCut) {
    const auto zip = pack({{"a", "first", ""}, {"b", "second", ""}}, "zip");
    const auto all = read_all(std::string_view(zip).substr(0, zip.size() - 30));
    ASSERT_THAT(all.names(), ElementsAre("a", "b"));
    EXPECT_EQ(all.members[1].text, "second");
    ASSERT_TRUE(all.problem);
    EXPECT_EQ(all.problem->reason, Reason::truncated);
}

// The known trick: each file's data hold, as a stored block, the next file's header, and then go on as that
// file's data. All files share one compressed kernel: small to store, huge to unpack.
TEST(Zip, OverlappingFilesAreABomb) {
    const auto number = [](std::uint64_t value, int bytes) {
        std::string out;
        for (int i = 0; i < bytes; ++i, value >>= 8) out.push_back(static_cast<char>(value));
        return out;
    };
    constexpr std::uint16_t kFiles = 200;
    std::string data = raw_deflate(std::string(1'000'000, '\0'));
    std::uint64_t size = 1'000'000;
    struct Entry {
        std::string fields, name;
        std::size_t from_end;  // where its header stands
    };
    std::vector<Entry> central;
    std::string body;
    for (int i = kFiles; i-- > 0;) {
        const std::string name = "f" + std::to_string(i);
        const std::string fields = number(20, 2) + number(0, 2) + number(8, 2) + number(0, 8) +
                                   number(data.size(), 4) + number(size, 4) + number(name.size(), 2) +
                                   number(0, 2);
        const std::string header = "PK\3\4" + fields + name;
        body = header + data;
        central.push_back({"PK\1\2" + number(20, 2) + fields + number(0, 10), name, body.size()});
        data = std::string(1, '\0') + number(header.size(), 2) + number(0xffff ^ header.size(), 2) + body;
        size += header.size();
    }
    std::string directory;
    for (const auto& e : central) directory += e.fields + number(body.size() - e.from_end, 4) + e.name;
    const std::string zip = body + directory + "PK\5\6" + number(0, 4) + number(kFiles, 2) +
                            number(kFiles, 2) + number(directory.size(), 4) + number(body.size(), 4) +
                            number(0, 2);

    const auto some = read_all(zip);  // it really unpacks
    ASSERT_EQ(some.members.size(), kFiles);
    EXPECT_GE(some.members[0].text.value_or("").size(), 1'000'000u);

    Allowance limits = plenty();
    limits.ratio_bytes = std::max<std::uint64_t>(zip.size() * 200, 8 << 20);
    const auto all = read_all(zip, limits);
    ASSERT_TRUE(all.problem);
    EXPECT_EQ(all.problem->reason, Reason::bomb);
    EXPECT_LT(all.members.size(), 20u);
}

TEST(Tar, AHugeHoleCostsNothingButIsCounted) {
    struct archive_entry* entry = ::archive_entry_new();
    std::string tar;
    struct archive* a = ::archive_write_new();
    ::archive_write_set_format_by_name(a, "pax");
    ::archive_write_open2(
        a, &tar, nullptr,
        [](struct archive*, void* to, const void* data, std::size_t size) -> la_ssize_t {
            static_cast<std::string*>(to)->append(static_cast<const char*>(data), size);
            return static_cast<la_ssize_t>(size);
        },
        nullptr, nullptr);
    ::archive_entry_copy_pathname(entry, "sparse");
    ::archive_entry_set_filetype(entry, AE_IFREG);
    ::archive_entry_set_perm(entry, 0644);
    ::archive_entry_set_size(entry, la_int64_t{1} << 40);
    ::archive_entry_sparse_add_entry(entry, (la_int64_t{1} << 40) - 4, 4);
    ::archive_write_header(a, entry);
    ::archive_write_data(a, "tail", 4);
    ::archive_write_close(a);
    ::archive_write_free(a);
    ::archive_entry_free(entry);
    ASSERT_LT(tar.size(), 100'000u);
    const auto all = read_all(tar);
    ASSERT_EQ(all.members.size(), 1u);
    EXPECT_EQ(all.members[0].problem->reason, Reason::too_large);
}

TEST(Tar, SmallHolesAreZeros) {
    // An old GNU sparse file of 1,000 bytes with data at 100–103 and 996–999.
    std::string header(512, '\0');
    const auto put = [&](std::size_t at, std::string_view text) { header.replace(at, text.size(), text); };
    put(0, "holes");
    put(100, "0000644");
    put(108, "0000000");
    put(116, "0000000");
    put(124, "00000000010");
    put(136, "00000000000");
    put(156, "S");
    put(257, "ustar  ");
    put(386, "00000000144");
    put(398, "00000000004");
    put(410, "00000001744");
    put(422, "00000000004");
    put(483, "00000001750");
    put(148, "        ");
    unsigned sum = 0;
    for (const unsigned char c : header) sum += c;
    char text[9];
    std::snprintf(text, sizeof text, "%06o", sum);
    put(148, std::string_view(text, 7));
    const auto tar = header + "datatail" + std::string(504 + 1024, '\0');
    const auto all = read_all(tar);
    ASSERT_THAT(all.names(), ElementsAre("holes"));
    EXPECT_EQ(all.members[0].text, std::string(100, '\0') + "data" + std::string(892, '\0') + "tail");
}

TEST(Tar, WhatIsAppendedBehindItsEndIsReadToo) {
    const auto tar = pack({{"first", "1", ""}}, "ustar") + pack({{"second", "2", ""}}, "ustar");
    EXPECT_THAT(read_all(tar).names(), ElementsAre("first", "second"));
}

TEST(Tar, AHugeExtendedHeaderIsRefused) {
    const auto all = read_all(pack({{std::string(3'000'000, 'n'), "x", ""}, {"b", "y", ""}}, "pax"));
    for (const auto& member : all.members) EXPECT_LE(member.name.size(), 3'000'000u);
    EXPECT_TRUE(all.problem || !all.members.empty());
}

TEST(Single, ACompressedFileIsOneMember) {
    auto all = read_all(gzip("just text"));
    ASSERT_EQ(all.members.size(), 1u);
    EXPECT_EQ(all.members[0].name, "data");
    EXPECT_EQ(all.members[0].text, "just text");
    // With the name that gzip keeps, and a second member behind it.
    auto named = gzip("just ");
    named[3] = 8;
    named.insert(10, std::string("picture.png\0", 12));
    all = read_all(named + gzip("text"));
    ASSERT_EQ(all.members.size(), 1u);
    EXPECT_EQ(all.members[0].name, "picture.png");
    EXPECT_EQ(all.members[0].text, "just text");
    for (const char* filter : {"bzip2", "xz", "zstd"}) {
        all = read_all(pack({{"x", "one file", ""}}, "raw", filter));
        ASSERT_EQ(all.members.size(), 1u) << filter;
        EXPECT_EQ(all.members[0].text, "one file") << filter;
    }
}

TEST(Single, ABombEnds) {
    Allowance limits = plenty();
    limits.ratio_bytes = limits.work_bytes = 16 << 20;
    std::string zeros(40 << 20, '\0');
    const auto all = read_all(gzip(zeros), limits);
    EXPECT_THAT(all.members, IsEmpty());
    EXPECT_EQ(all.problem->reason, Reason::bomb);
    // Twice compressed, it is a small file to this layer: the next layer is the scan's, with the same budget.
    const auto twice = read_all(gzip(gzip(zeros)), limits);
    EXPECT_EQ(twice.members.size(), 1u);
}

TEST(Open, RefusesWhatIsNoArchiveInWords) {
    EXPECT_EQ(read_all("").problem->reason, Reason::empty);
    EXPECT_EQ(read_all("hello").problem->reason, Reason::unsupported);
    EXPECT_TRUE(read_all("PK\3\4").problem);
    EXPECT_TRUE(read_all("7z\xbc\xaf\x27\x1c").problem);
    EXPECT_TRUE(read_all("\x1f\x8b\x08").problem);
    EXPECT_EQ(read_all(std::string(2000, '\0')).problem->reason, Reason::unsupported);
}

}  // namespace
}  // namespace rushlight::archive::unpack
