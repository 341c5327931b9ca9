#include "media/format.h"

#include <array>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <random>
#include <string>

#include <gtest/gtest.h>

namespace rushlight::media {
namespace {

using namespace std::string_literals;

std::string mime(const std::string& head) { return std::string(sniff(bytes_of(head)).mime); }

std::string box(const std::string& brands) {
    std::string size = "\0\0\0\0"s;
    size[3] = static_cast<char>(8 + brands.size());
    return size + "ftyp" + brands;
}

std::string tar(std::string name, bool posix, char extra = 0) {
    std::string block(512, '\0');
    block.replace(0, name.size(), name);
    block.replace(100, 8, "0000644\0"s);
    block.replace(124, 12, "00000000000\0"s);
    block.replace(148, 8, "        ");
    if (posix) block.replace(257, 8, "ustar\00000"s);
    unsigned sum = 0;
    for (const char c : block) sum += static_cast<unsigned char>(c);
    char digits[8];
    std::snprintf(digits, sizeof digits, "%06o", sum);
    block.replace(148, 7, std::string(digits, 7));
    block[10] = extra != 0 ? extra : block[10];
    return block;
}

std::string png(const std::string& chunks) { return "\x89PNG\r\n\x1a\n" + chunks; }
const std::string kIhdr = "\0\0\0\x0dIHDR"s + std::string(17, '\0');
const std::string kActl = "\0\0\0\x08"s + "acTL"s + std::string(12, '\0');

TEST(Sniff, KnowsEachFormatByItsBytes) {
    struct Case {
        std::string head, mime;
    };
    const Case cases[] = {
        {"\xff\xd8\xff\xe0", "image/jpeg"},
        {png(kIhdr + "\0\0\0\1IDAT"s), "image/png"},
        {png(kIhdr + kActl + "\0\0\0\1IDAT"s), "image/apng"},
        {png(kIhdr + "\0\0\0\0IDAT\0\0\0\0"s + kActl), "image/png"},
        {"GIF87a", "image/gif"},
        {"GIF89a", "image/gif"},
        {"RIFF....WEBPVP8 ", "image/webp"},
        {"RIFF....AVI LIST", "video/x-msvideo"},
        {"RIFF....WAVEfmt ", "text/plain"},
        {"RIFF\1\2\3\4WAVEfmt ", "application/octet-stream"},
        {"II*\0"s, "image/tiff"},
        {"MM\0*"s, "image/tiff"},
        {"II+\0"s, "image/tiff"},
        {"MM\0+"s, "image/tiff"},
        {"BM" + std::string(12, '\0') + "\x28\0\0\0"s, "image/bmp"},
        {"BM" + std::string(12, '\0') + "\x29\0\0\0"s, "application/octet-stream"},
        {"BMW makes cars and no pictures", "text/plain"},
        {box("heic\0\0\0\0mif1heic"s), "image/heic"},
        {box("mif1\0\0\0\0mif1heic"s), "image/heic"},
        {box("mif1\0\0\0\0mif1avifmiaf"s), "image/avif"},
        {box("mif1\0\0\0\0mif1iso8"s), "image/heif"},
        {box("avif\0\0\0\0mif1"s), "image/avif"},
        {box("isom\0\0\2\0isomavc1"s), "video/mp4"},
        {box("mp42\0\0\0\0mp42"s), "video/mp4"},
        {box("qt  \0\0\0\0qt  "s), "video/quicktime"},
        {box("XXXX\0\0\0\0isom"s), "video/mp4"},
        {box("jxl \0\0\0\0jxl "s), "application/octet-stream"},
        {"\0\0\0\x0CJXL \r\n\x87\n"s, "image/jxl"},
        {"\xff\x0a\x01", "image/jxl"},
        {"\0\0\0\x0CjP  \r\n\x87\n"s, "image/jp2"},
        {"\xff\x4f\xff\x51", "image/x-jp2-codestream"},
        {"\0\0\1\0\1\0\x10\x10\0\0\1\0\x20\0\0\0\0\0\x16\0\0\0"s, "image/vnd.microsoft.icon"},
        {"8BPS\0\1"s, "image/vnd.adobe.photoshop"},
        {"Rar!\x1a\7\0"s, "application/vnd.rar"},
        {"Rar!\x1a\7\1\0"s, "application/vnd.rar"},
        {"MSCF\0\0\0\0"s, "application/vnd.ms-cab-compressed"},
        {box("crx \0\0\0\1crx isom"s), "image/x-canon-cr3"},
        {"FUJIFILMCCD-RAW 0201", "image/x-fuji-raf"},
        {"P6\n# made by hand\n640 480\n255\n", "image/x-portable-anymap"},
        {"P3 is where we parked the car", "text/plain"},
        {"<?xml version='1.0'?>\n<!-- drawn --><svg xmlns='x'>", "image/svg+xml"},
        {"\0\0\1\xba\x44\0\4\0\4\1\1\1"s, "video/mpeg"},
        {"\0\0\1\xba\x03\0\4\0\4\1\1\1"s, "application/octet-stream"},
        {"FWS and CWS are no words", "text/plain"},
        {"Good -lh5- morning to you all", "text/plain"},
        {std::string(5000, 'G'), "text/plain"},
        {"\0\0\0\x20wide\0\0\0\0mdat"s, "video/quicktime"},
        {"\x1a\x45\xdf\xa3\x8b\x42\x86\x81\x01\x42\x82\x84webm", "video/webm"},
        {"\x1a\x45\xdf\xa3\x01\0\0\0\0\0\0\x0b\x42\x82\x88matroska"s, "video/x-matroska"},
        {"\x1a\x45\xdf\xa3\x8a\x42\x82\x87unknown", "application/octet-stream"},
        {"PK\3\4", "application/zip"},
        {"PK\5\6", "application/zip"},
        {"7z\xbc\xaf\x27\x1c", "application/x-7z-compressed"},
        {"\x1f\x8b\x08", "application/gzip"},
        {"BZh91AY&SY", "application/x-bzip2"},
        {"BZh9 is where the story starts", "text/plain"},
        {"\xfd" + "7zXZ\0"s, "application/x-xz"},
        {"\x28\xb5\x2f\xfd", "application/zstd"},
        {"WARC/1.1\r\n", "application/warc"},
        {tar("a/file", true), "application/x-tar"},
        {tar("a/file", false), "application/x-tar"},
        {tar("a/file", true, 'x'), "application/octet-stream"},
        {"%PDF-1.7", "application/pdf"},
        {"\xef\xbb\xbf \n<!DOCTYPE HTML><p>", "text/html"},
        {"<html lang=en>", "text/html"},
        {"<htmlish>", "text/plain"},
        {"plain words, \xc3\xa4 and \xe2\x82\xac\n", "text/plain"},
        {"words\0and a NUL"s, "application/octet-stream"},
        {"latin \xe4 is no UTF-8", "application/octet-stream"},
        {"", "application/octet-stream"},
    };
    for (const Case& each : cases) EXPECT_EQ(mime(each.head), each.mime) << testing::PrintToString(each.head);
}

TEST(Sniff, SaysWhatKindOfThingItIs) {
    EXPECT_EQ(sniff(bytes_of("GIF89a")).kind, Kind::picture);
    EXPECT_EQ(sniff(bytes_of(box("isom\0\0\0\0"s))).kind, Kind::video);
    EXPECT_EQ(sniff(bytes_of("\x1f\x8b\x08")).kind, Kind::archive);
    EXPECT_EQ(sniff(bytes_of("WARC/1.0")).kind, Kind::web_archive);
    EXPECT_EQ(sniff(bytes_of("hello")).kind, Kind::other);
}

TEST(Sniff, TextMayBeCutWithinALetter) {
    std::string text;
    while (text.size() < kSniffBytes + 10) text += "\xe2\x82\xac";
    EXPECT_EQ(mime(text), "text/plain");
    EXPECT_EQ(mime(text.substr(0, 31)), "application/octet-stream") << "a whole file may not be";
}

TEST(Sniff, ReadsTheNamesOfOurOwnSamplesOutOfTheirBytes) {
    const std::pair<const char*, const char*> kinds[] = {
        {".jpg", "image/jpeg"},       {".png", "image/png"},       {".apng", "image/apng"},
        {".gif", "image/gif"},        {".webp", "image/webp"},     {".tiff", "image/tiff"},
        {".bmp", "image/bmp"},        {".heic", "image/heic"},     {".avif", "image/avif"},
        {".mp4", "video/mp4"},        {".mov", "video/quicktime"}, {".webm", "video/webm"},
        {".mkv", "video/x-matroska"}, {".avi", "video/x-msvideo"}, {".ts", "video/mp2t"},
        {".mpg", "video/mpeg"},       {".flv", "video/x-flv"},     {".wmv", "video/x-ms-asf"},
        {".ogv", "application/ogg"}};
    int files = 0;
    for (const auto& entry :
         std::filesystem::recursive_directory_iterator(RUSHLIGHT_SOURCE_DIR "/media/testdata")) {
        for (const auto& [extension, expected] : kinds) {
            if (entry.path().extension() != extension) continue;
            std::ifstream in(entry.path(), std::ios::binary);
            EXPECT_EQ(mime({std::istreambuf_iterator<char>(in), {}}), expected) << entry.path();
            ++files;
        }
    }
    EXPECT_GT(files, 90);
}

TEST(Sniff, SurvivesAnyBytes) {
    std::minstd_rand random(3);
    const std::string starts[] = {box("isom\0\0\2\0isom"s), png(kIhdr + kActl),
                                  tar("x", true),           "\x1a\x45\xdf\xa3\x8a\x42\x82\x84webm",
                                  "RIFF....WEBP",           "\xef\xbb\xbf<html>"};
    for (int round = 0; round < 30'000; ++round) {
        std::string head = starts[random() % std::size(starts)];
        for (int flips = static_cast<int>(random() % 6); flips >= 0; --flips) {
            head[random() % head.size()] = static_cast<char>(random() >> 8);
        }
        head.resize(random() % (head.size() + 1));
        EXPECT_LT(static_cast<int>(sniff_format(bytes_of(head))), kFormats);
    }
}

}  // namespace
}  // namespace rushlight::media
