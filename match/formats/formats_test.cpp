#include "match/formats/formats.h"

#include "base/text.h"
#include "match/formats/read_case.h"
#include "match/formats/sixty_four.h"

#include <chrono>
#include <fstream>
#include <random>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace rushlight::match::formats {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using testing::Read;
using testing::read_text_as_list;

const std::string kMd5 = "00112233445566778899aabbccddeeff";
const std::string kSha1 = "00112233445566778899aabbccddeeff01234567";
const std::string kHex64 = "f162eb9daab170c0567fe3632d9a5548c5612982dd5e374a7424ebbc8a835c95";
const std::string kVideo = "[\"" + kHex64 + ",100,0\",\"" + kHex64 + ",7,1.5\"]";
const std::string kPhotoDna(192, 'A');

std::string upper(std::string text) {
    for (char& c : text) c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
    return text;
}

// One file each: what it is taken for, which values come out of it, which lines are bad and why.
struct Case {
    const char* name;
    std::string content;
    Format format;
    std::vector<std::string> items;
    std::vector<std::string> bad = {};  // each a part of the reason, after "LINE: "
    ReadOptions options = {};
};

std::vector<Case> cases() {
    const std::string many(300, 'x');
    return {
        {"plain lines of each length",
         kMd5 + "\n" + kSha1 + "\n" + kHex64 + "\n",
         Format::text,
         {"1 md5 " + kMd5, "2 sha1 " + kSha1, "3 sha256 " + kHex64 + " ?"}},
        {"comments, blank lines, notes, no line end at the end",
         "# a list\n\n  \n" + kMd5 + "  # seen in spring\n#" + kMd5 + "\n" + kSha1,
         Format::text,
         {"4 md5 " + kMd5 + " #seen in spring", "6 sha1 " + kSha1}},
        {"byte order mark, CRLF, upper case",
         "\xEF\xBB\xBF" + upper(kMd5) + "\r\n" + upper(kSha1) + "\r\n",
         Format::text,
         {"1 md5 " + kMd5, "2 sha1 " + kSha1}},
        {"bad lines are named and the good ones kept",
         kMd5 + "\n" + kMd5.substr(1) + "\n" + "zz" + kMd5.substr(2) + "\nhello\n" + kMd5 + "\n",
         Format::text,
         {"1 md5 " + kMd5, "5 md5 " + kMd5},
         {"2: not a hash: expected 32, 40 or 64 hexadecimal digits, found 31",
          "3: not the 32 hexadecimal digits of md5", "4: not a hash"}},
        {"the method given from outside",
         kHex64 + "\n" + kMd5 + "\n",
         Format::text,
         {"1 pdq " + kHex64},
         {"2: not the 64 hexadecimal digits of pdq"},
         {std::nullopt, Method::pdq}},
        {"vPDQ and PhotoDNA a line",
         kVideo + "\n" + kPhotoDna + "\n",
         Format::text,
         {"1 vpdq " + kVideo, "2 photodna " + kPhotoDna}},
        {"a broken line before the first good one",
         "what is this\n" + kMd5 + "\n",
         Format::text,
         {"2 md5 " + kMd5},
         {"1: not a hash"}},
        {"the field's type value lines",
         "pdq " + kHex64 + "\nvideo_md5 " + kMd5 + "\nHASH_SHA256 " + kHex64 + "\nvpdq " + kVideo + "\nurl " +
             kMd5 + "\nfoo " + kMd5 + "\npdq\npdq " + kMd5 + "\npdq " + kHex64 + " 'collab' POSITIVE a,b\n",
         Format::threatexchange,
         {"1 pdq " + kHex64, "2 md5 " + kMd5, "3 sha256 " + kHex64, "4 vpdq " + kVideo,
          "9 pdq " + kHex64 + " #'collab' POSITIVE a,b"},
         {"5: 'url' is no kind of hash that is kept here", "6: 'foo' is no known kind of hash",
          "7: not `type value`", "8: not the 64 hexadecimal digits of pdq"}},
        {"the field's CSV",
         "signal_type,signal_str,collab,category,tags\r\npdq," + kHex64 + ",c,POSITIVE,a b\r\nvideo_md5," +
             kMd5 + ",c,POSITIVE,\r\n",
         Format::csv,
         {"2 pdq " + kHex64, "3 md5 " + kMd5}},
        {"the field's older CSV",
         "indicator,descriptor_id,added_on,labels\n" + kHex64 + ",1,2020,a b\n",
         Format::csv,
         {"2 sha256 " + kHex64 + " ?"}},
        {"several hashes in one row",
         "\"SHA-1\",\"MD5\",\"CRC32\",\"FileName\"\n\"" + upper(kSha1) + "\",\"" + upper(kMd5) +
             "\",\"0\",\"a, \"\"b\"\".txt\"\n\"\",\"\",\"0\",\"x\"\n",
         Format::csv,
         {"2 sha1 " + kSha1, "2 md5 " + kMd5},
         {"3: no hash in this row"}},
        {"quoted fields over several lines, state and note",
         "value;note;state\n" + kMd5 + ";\"one;\ntwo \"\"three\"\"\";quarantined\n" + kSha1 + ";;DISABLED\n" +
             kMd5 + ";;nowhere\n",
         Format::csv,
         {"2 md5 " + kMd5 + " quarantined #one;\ntwo \"three\"", "4 sha1 " + kSha1 + " disabled"},
         {"5: 'nowhere' is no state"}},
        {"a quote that never closes costs its own line only",
         "md5,note\n" + kMd5 + ",\"open\n" + kMd5 + ",fine\n" + kMd5 + ",too\n",
         Format::csv,
         {"3 md5 " + kMd5 + " #fine", "4 md5 " + kMd5 + " #too"},
         {"2: a quote is opened and never closed"}},
        {"one column named by its method",
         "pdq\n" + kHex64 + "\n" + kMd5 + "\n",
         Format::csv,
         {"2 pdq " + kHex64},
         {"3: not the 64 hexadecimal digits of pdq"}},
        {"names of columns and keys as people write them",
         "File Name;MD5 Hash;SHA-256 hash;pdq_hash\na;" + kMd5 + ";" + kHex64 + ";" + kHex64 + "\n",
         Format::csv,
         {"2 md5 " + kMd5, "2 sha256 " + kHex64, "2 pdq " + kHex64}},
        {"and in JSON lines, in any case",
         "{\"Hash\":\"" + kHex64 + "\",\"Algorithm\":\"PDQ\",\"Note\":\"n\"}\n{\"PdqHash\":\"" + kHex64 +
             "\",\"md5sum\":\"" + kMd5 + "\"}\n",
         Format::jsonl,
         {"1 pdq " + kHex64 + " #n", "2 pdq " + kHex64, "2 md5 " + kMd5}},
        {"JSON lines",
         "{\"value\":\"" + kHex64 + "\",\"method\":\"pdq\",\"note\":\"a\\nb\",\"state\":\"quarantined\"}\n" +
             "{\"md5\":\"" + kMd5 + "\",\"sha1\":\"" + kSha1 + "\",\"size\":3}\n" +
             "{\"signal_type\":\"vpdq\"," + "\"signal_str\":" + kVideo + "}\n{\"hash\":\"" + kMd5 + "\"}\n",
         Format::jsonl,
         {"1 pdq " + kHex64 + " quarantined #a\nb", "2 md5 " + kMd5, "2 sha1 " + kSha1, "3 vpdq " + kVideo,
          "4 md5 " + kMd5}},
        {"JSON lines that are none",
         "{\"md5\":\"" + kMd5 + "\"}\n{\"md5\":\n[]\n{\"md5\":12}\n{\"a\":1}\n{\"hash_digest\":\"" + kMd5 +
             "\",\"algorithm\":\"MD5\",\"deleted\":true}\n" + "{\"a\":" + std::string(100, '[') + "\n" +
             "{\"md5\":\"" + kMd5 + "\",\"state\":\"odd\"}\n",
         Format::jsonl,
         {"1 md5 " + kMd5},
         {"2: not valid JSON", "3: not a JSON object", "4: the value of 'md5' is no string",
          "5: no hash in this object", "6: marked as deleted", "7: nested deeper", "8: 'state' is none of"}},
        {"hashdeep",
         "%%%% HASHDEEP-1.0\n%%%% size,md5,sha256,filename\n## Invoked from: /x\n##\n12," + kMd5 + "," +
             kHex64 + ",/a,b\n12,short\n",
         Format::hashdeep,
         {"5 md5 " + kMd5, "5 sha256 " + kHex64},
         {"6: not the 32 hexadecimal digits of md5"}},
        {"md5sum and its kin",
         kMd5 + "  a file\n" + kSha1 + " *b\n\\" + kHex64 + "  c\\n\nMD5 (d (e) = f) = " + kMd5 +
             "\nabc  x\n",
         Format::md5sum,
         {"1 md5 " + kMd5, "2 sha1 " + kSha1, "3 sha256 " + kHex64 + " ?", "4 md5 " + kMd5},
         {"5: not `hash  name`"}},
        {"64 digits and a name, with the method given from outside",
         kHex64 + "  a.jpg\n" + kHex64 + " *b.jpg\nSHA256 (c) = " + kHex64 + "\n" + kMd5 + "  d\n",
         Format::md5sum,
         {"1 pdq " + kHex64, "2 pdq " + kHex64, "3 sha256 " + kHex64},
         {"4: not the 64 hexadecimal digits of pdq"},
         {std::nullopt, Method::pdq}},
        {"64 digits with no type, or an empty one, are undecided in every form",
         "hash,type,note\n" + kHex64 + ",,a\n" + kHex64 + ",pdq,b\n" + kHex64 + ",image,c\n",
         Format::csv,
         {"2 sha256 " + kHex64 + " ? #a", "3 pdq " + kHex64 + " #b"},
         {"4: 'image' is no known kind of hash"}},
        {"and in JSON lines",
         "{\"hash\":\"" + kHex64 + "\"}\n{\"value\":\"" + kHex64 + "\",\"method\":null}\n" + "{\"value\":\"" +
             kHex64 + "\",\"type\":3}\n{\"hash\":\"" + kHex64 + "\",\"type\":\"image\"}\n",
         Format::jsonl,
         {"1 sha256 " + kHex64 + " ?", "2 sha256 " + kHex64 + " ?", "3 sha256 " + kHex64 + " ?"},
         {"4: 'image' is no known kind of hash"}},
        {"an empty file is an empty list", "", Format::text, {}},
        {"only comments", "# nothing yet\n", Format::text, {}},
        {"a note is cut at a character and has no control characters but tabs",
         kMd5 + " # a\tb\x1b[2J" + std::string(1100, 'y') + "\n",
         Format::text,
         {"1 md5 " + kMd5 + " #a\tb [2J" + std::string(1000 - 7, 'y')}},
    };
}

TEST(Formats, EachFileGivesItsValuesAndNamesItsBadLines) {
    for (const auto& one : cases()) {
        SCOPED_TRACE(one.name);
        const Read read = read_text_as_list(one.content, one.options);
        EXPECT_EQ(read.error, "");
        EXPECT_EQ(read.format, one.format);
        EXPECT_EQ(read.items, one.items);
        ASSERT_EQ(read.bad.size(), one.bad.size());
        for (std::size_t i = 0; i < one.bad.size(); ++i) EXPECT_THAT(read.bad[i], HasSubstr(one.bad[i]));
    }
}

TEST(Formats, WhatIsNoListIsRefusedInWords) {
    EXPECT_THAT(read_text_as_list(std::string("\x89PNG\0\0", 6)).error, HasSubstr("no text"));
    EXPECT_THAT(read_text_as_list(std::string("\xFF\xFE\x61\0", 4)).error, HasSubstr("UTF-16"));
    EXPECT_THAT(read_text_as_list("\x1F\x8B\x08 and so on").error, HasSubstr("unpack it"));
    EXPECT_THAT(read_text_as_list("PK\x03\x04 and so on").error, HasSubstr("unpack it"));
    for (const std::string& row :
         {kMd5 + ",a.jpg\n", "\"a.jpg\";\"" + kSha1 + "\"\n", "a b, " + kHex64 + ",c\n"}) {
        EXPECT_THAT(read_text_as_list(row + row).error, HasSubstr("names its columns")) << row;
    }
    EXPECT_THAT(read_text_as_list("dear all\nhere is the list\n").error, HasSubstr("say the format"));
    EXPECT_THAT(read_text_as_list("[{\"md5\":\"" + kMd5 + "\"}]").error, HasSubstr("one JSON document"));
    EXPECT_THAT(read_text_as_list("a,b\n1,2\n", {Format::csv, {}}).error, HasSubstr("no CSV header"));
    EXPECT_THAT(read_text_as_list("", {Format::csv, {}}).error, HasSubstr("no CSV header"));
}

TEST(Formats, AnEndlessLineIsSkippedInBoundedMemory) {
    const std::string endless(3 * kMaxLineBytes, 'a');
    const Read read = read_text_as_list(kMd5 + "\n" + endless + "\n" + kSha1 + "\n");
    EXPECT_THAT(read.items, ElementsAre("1 md5 " + kMd5, "3 sha1 " + kSha1));
    EXPECT_THAT(read.bad, ElementsAre(HasSubstr("2: longer than")));
    EXPECT_THAT(read_text_as_list("md5,note\n" + kMd5 + ",\"" + endless).bad,
                ElementsAre(HasSubstr("2: longer")));
}

TEST(Formats, LinesAcrossTheBuffersEdgeAreWhole) {
    std::string content;
    std::vector<std::string> expected;
    for (int i = 1; i <= 20'000; ++i) {  // 33 bytes a line: every phase of the 64 KiB buffer is met
        content += kMd5 + "\n";
        expected.push_back(std::to_string(i) + " md5 " + kMd5);
    }
    EXPECT_EQ(read_text_as_list(content).items, expected);
}

TEST(Formats, ManyOpenQuotesEndSoon) {
    std::string content = "md5,note\n";
    for (int i = 0; i < 20'000; ++i) content += kMd5 + ",\"a\"\"\"\"\n";
    const Read read = read_text_as_list(content);
    EXPECT_EQ(read.items.size(), 10'000U);  // each quote is closed by the next line's
}

TEST(Formats, WhatIsWrittenReadsBack) {
    const std::vector<Value> values = {
        *Value::parse(Method::md5, kMd5), *Value::parse(Method::sha256, kHex64),
        *Value::parse(Method::pdq, kHex64), *Value::parse(Method::vpdq, kVideo),
        *Value::parse(Method::photodna, kPhotoDna)};
    for (const Format format : {Format::csv, Format::jsonl}) {
        std::string content = format == Format::csv ? std::string(csv_header()) : "";
        std::vector<std::string> expected;
        for (const auto& value : values) {
            write_entry(format, {value, EntryState::quarantined, "a \"note\", really; # one", "me", "2024"},
                        content);
            expected.push_back(std::to_string(expected.size() + (format == Format::csv ? 2 : 1)) + " " +
                               std::string(to_string(value.method)) + " " + value.text() +
                               " quarantined #a \"note\", really; # one");
        }
        const Read read = read_text_as_list(content);
        EXPECT_EQ(read.format, format);
        EXPECT_EQ(read.items, expected);
        EXPECT_THAT(read.bad, IsEmpty());
    }
}

// Any note, once clean, survives being written and read, with its newlines, quotes and all.
TEST(Formats, NotesReadBackByteForByte) {
    constexpr std::string_view kPieces[] = {
        "\n",   "\n\n", "\r\n", "\r",   "\"",   "\"\"",         ",",   ";", "\t", " ",    "#",
        "\\",   "\\n",  "{",    "[",    "a",    "bc",           "ä",   "€", "😀", "\xFF", "\xE2\x82",
        "\x01", "\x7F", "'",    "<!--", "\x1b", "\xEF\xBB\xBF", "pdq,"};
    std::mt19937_64 random(7);
    const auto value = *Value::parse(Method::md5, kMd5);
    for (int round = 0; round < 3000; ++round) {
        std::string raw;
        for (auto pieces = random() % (round % 10 == 0 ? 1500 : 30); pieces > 0; --pieces) {
            raw += random() % 50 == 0 ? std::string_view("\0", 1) : kPieces[random() % std::size(kPieces)];
        }
        const std::string note = clean_note(raw);
        ASSERT_EQ(clean_note(note), note);
        ASSERT_LE(note.size(), kMaxNoteBytes);
        ASSERT_TRUE(is_utf8(note));
        ASSERT_EQ(note.find_first_of(std::string_view("\0\r\x01\x1b\x7F", 5)), std::string::npos);
        for (const Format format : {Format::csv, Format::jsonl}) {
            std::string content = format == Format::csv ? std::string(csv_header()) : "";
            for (int twice = 0; twice < 2; ++twice) {
                write_entry(format, {value, EntryState::disabled, note, "me", "2024"}, content);
            }
            const Read read = read_text_as_list(content);
            ASSERT_EQ(read.items.size(), 2U) << content;
            for (const auto& item : read.items) {
                ASSERT_EQ(item.substr(item.find(' ') + 1),
                          "md5 " + kMd5 + " disabled" + (note.empty() ? "" : " #" + note));
            }
            ASSERT_THAT(read.bad, IsEmpty());
        }
    }
}

TEST(Formats, ANoteMayHaveAsManyLinesAsItHasBytes) {
    std::string note = "a" + std::string(998, '\n') + "b";
    EXPECT_EQ(clean_note(note), note);
    EXPECT_EQ(clean_note("  a\r\nb\rc\n"), "a\nb\nc");
    EXPECT_EQ(clean_note(std::string(999, 'x') + "é"), std::string(999, 'x')) << "cut at a character";
    EXPECT_EQ(clean_note(std::string(990, 'x') + std::string(50, ' ') + "y"), std::string(990, 'x'));
    std::string content(csv_header());
    write_entry(Format::csv, {*Value::parse(Method::md5, kMd5), EntryState::active, note, "me", "2024"},
                content);
    EXPECT_THAT(read_text_as_list(content).items, ElementsAre("2 md5 " + kMd5 + " active #" + note));
}

// Lines that open a quote, whether the one before was open or not, and then none that could close it: each of
// the first would have all the others read again.
TEST(Formats, QuotesThatNeverCloseCostLittle) {
    std::string content = "note,md5\n";
    std::size_t lines = 0;
    for (int round = 0; round < 50; ++round) {
        for (int i = 0; i < 150; ++i) content += "x\",\"\n";
        for (int i = 0; i < 1900; ++i) content += "z\n";
        lines += 150 + 1900;
    }
    content += "," + kMd5 + "\n";
    const auto begin = std::chrono::steady_clock::now();
    const Read read = read_text_as_list(content);
    EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(5));
    EXPECT_THAT(read.items, ElementsAre(std::to_string(lines + 2) + " md5 " + kMd5));
    EXPECT_EQ(read.bad.size(), lines);
}

TEST(Value, AVideoIsReadStrictlyAndWrittenCanonically) {
    const auto text = [](std::string_view in) {
        const auto value = Value::parse(Method::vpdq, in);
        return value ? value->text() : value.error().message;
    };
    EXPECT_EQ(text("[ \"" + upper(kHex64) + ",100,1e+02\" , \"" + kHex64 + ", 0 , -0.0\" ]"),
              "[\"" + kHex64 + ",100,100\",\"" + kHex64 + ",0,0\"]");
    EXPECT_THAT(text("[]"), HasSubstr("without a frame"));
    EXPECT_THAT(text("[\"" + kHex64 + ",101,0\"]"), HasSubstr("frame 1"));
    EXPECT_THAT(text("[\"" + kHex64 + ",100,-1\"]"), HasSubstr("frame 1"));
    EXPECT_THAT(text("[\"" + kHex64 + ",100,nan\"]"), HasSubstr("frame 1"));
    EXPECT_THAT(text("[\"" + kHex64 + ",100,0\",]"), HasSubstr("ends with a comma"));
    EXPECT_THAT(text("[\"" + kHex64 + ",100,0"), HasSubstr("JSON array"));
    EXPECT_THAT(text("[\"" + kHex64 + ",100,0]"), HasSubstr("does not end"));
}

TEST(Value, DamagedStoredBytesAreNoticed) {
    const auto good = *Value::parse(Method::vpdq, kVideo);
    EXPECT_EQ(*Value::unpack(Method::vpdq, good.bytes), good);
    auto bad = good.bytes;
    bad[32] = std::byte{101};  // a quality over 100
    EXPECT_EQ(Value::unpack(Method::vpdq, bad).error().code, ErrorCode::corrupt);
    EXPECT_EQ(Value::unpack(Method::vpdq, Bytes(good.bytes).first(50)).error().code, ErrorCode::corrupt);
    EXPECT_EQ(Value::unpack(Method::md5, Bytes(good.bytes).first(20)).error().code, ErrorCode::corrupt);
}

Sha256 coin_flips(std::mt19937_64& random) {
    Sha256 hash;
    for (auto& b : hash.value) b = static_cast<std::byte>(random());
    return hash;
}

TEST(SixtyFour, PublishedPdqHashesAreTakenForPdq) {
    for (const char* name : {"pdq-haystack.txt", "pdq-needles.txt"}) {
        std::ifstream file(std::string(RUSHLIGHT_SOURCE_DIR "/match/testdata/") + name);
        SixtyFour evidence;
        int decided_at = 0;
        for (std::string line; std::getline(file, line);) {
            evidence.see(Pdq::parse(line)->value);
            if (evidence.verdict() && decided_at == 0) decided_at = static_cast<int>(evidence.seen());
        }
        ASSERT_GT(evidence.seen(), 90U);
        EXPECT_EQ(evidence.verdict(), Method::pdq);
        EXPECT_GT(decided_at, 4) << "a handful of lines can't decide";
        EXPECT_LT(decided_at, 40);
    }
}

TEST(SixtyFour, CoinFlipsAreNeverTakenForPdq) {
    std::mt19937_64 random(1);
    for (int round = 0; round < 1000; ++round) {
        SixtyFour evidence;
        for (int i = 0; i < 200; ++i) {
            evidence.see(coin_flips(random).value);
            EXPECT_NE(evidence.verdict(), Method::pdq);
            if (i < 4) {
                EXPECT_EQ(evidence.verdict(), std::nullopt);
            }
        }
        EXPECT_EQ(evidence.verdict(), Method::sha256);
    }
}

TEST(SixtyFour, AMixtureIsNotDecided) {
    std::mt19937_64 random(2);
    std::ifstream file(RUSHLIGHT_SOURCE_DIR "/match/testdata/pdq-haystack.txt");
    SixtyFour evidence;
    EXPECT_EQ(evidence.verdict(), std::nullopt);
    for (std::string line; std::getline(file, line);) {
        evidence.see(Pdq::parse(line)->value);
        evidence.see(coin_flips(random).value);
    }
    EXPECT_EQ(evidence.verdict(), std::nullopt);
}

}  // namespace
}  // namespace rushlight::match::formats
