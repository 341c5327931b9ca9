#include "base/text.h"
#include "media/format.h"
#include "media/not_read.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cstdint>
#include <optional>
#include <string_view>

namespace rushlight::media {
namespace {

using namespace std::string_view_literals;

bool at(std::string_view head, std::size_t offset, std::string_view what) {
    return head.size() >= offset && head.substr(offset).starts_with(what);
}

std::uint64_t big_endian(std::string_view head, std::size_t offset, std::size_t bytes) {
    std::uint64_t value = 0;
    for (std::size_t i = 0; i < bytes; ++i) {
        value = value << 8 | (offset + i < head.size() ? static_cast<unsigned char>(head[offset + i]) : 0u);
    }
    return value;
}

// Formats that a fixed start tells.
struct Start {
    std::size_t offset;
    std::string_view bytes;
    Format format;
};
constexpr Start kStarts[] = {
    {0, "\xFF\xD8\xFF"sv, Format::jpeg},
    {0, "GIF87a"sv, Format::gif},
    {0, "GIF89a"sv, Format::gif},
    {0, "II*\0"sv, Format::tiff},
    {0, "MM\0*"sv, Format::tiff},
    {0, "II+\0"sv, Format::tiff},  // BigTIFF
    {0, "MM\0+"sv, Format::tiff},
    {0, "PK\x03\x04"sv, Format::zip},
    {0, "PK\x05\x06"sv, Format::zip},  // without a member
    {0, "PK\x07\x08"sv, Format::zip},  // split
    {0, "7z\xBC\xAF\x27\x1C"sv, Format::sevenzip},
    {0, "\x1F\x8B\x08"sv, Format::gzip},
    {0,
     "\xFD"
     "7zXZ\0"sv,
     Format::xz},
    {0, "\x28\xB5\x2F\xFD"sv, Format::zstd},
    {0, "WARC/1."sv, Format::warc},
    {0, "WARC/0."sv, Format::warc},
    {0, "%PDF-"sv, Format::pdf},
    {0, "FLV\x01"sv, Format::flv},
    {0, "OggS\0"sv, Format::ogg},  // RFC 3533
    // ASF's header object (Advanced Systems Format specification, 2.1), a GUID.
    {0, "\x30\x26\xB2\x75\x8E\x66\xCF\x11\xA6\xD9\x00\xAA\x00\x62\xCE\x6C"sv, Format::asf},
};

// An animation control chunk before the first image data makes a PNG an APNG.
Format png(std::string_view head) {
    std::size_t chunk = 8;
    while (chunk + 8 <= head.size()) {
        const auto type = head.substr(chunk + 4, 4);
        if (type == "acTL") return Format::apng;
        if (type == "IDAT" || type == "IEND") return Format::png;
        chunk += 12 + big_endian(head, chunk, 4);
    }
    return Format::png;
}

// The DIB header's size is one of those that were ever defined.
bool is_bitmap(std::string_view head) {
    if (!at(head, 0, "BM") || head.size() < 18) return false;
    constexpr unsigned kSizes[] = {12, 16, 40, 52, 56, 64, 108, 124};
    const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(head[i]); };
    const unsigned size = byte(14) | byte(15) << 8 | byte(16) << 16;
    return byte(17) == 0 && std::ranges::find(kSizes, size) != std::end(kSizes);
}

// ISO base media: what the brands say, the major one first.
std::optional<Format> brand(std::string_view name) {
    constexpr std::pair<std::string_view, Format> kBrands[] = {
        {"avif", Format::avif}, {"avis", Format::avif}, {"heic", Format::heic}, {"heix", Format::heic},
        {"heim", Format::heic}, {"heis", Format::heic}, {"hevc", Format::heic}, {"hevx", Format::heic},
        {"hevm", Format::heic}, {"hevs", Format::heic}, {"qt  ", Format::mov},  {"avc1", Format::mp4},
        {"dash", Format::mp4},  {"f4v ", Format::mp4},  {"MSNV", Format::mp4},  {"NDSC", Format::mp4},
    };
    for (const auto& [known, format] : kBrands) {
        if (name == known) return format;
    }
    for (const auto start :
         {"iso", "mp4", "M4V", "M4A", "M4P", "M4B", "3gp", "3g2", "3ge", "3gs", "mmp", "dvr"}) {
        if (name.starts_with(start)) return Format::mp4;
    }
    return std::nullopt;
}

std::optional<Format> base_media(std::string_view head) {
    const auto box = head.size() >= 8 ? head.substr(4, 4) : ""sv;
    if (box != "ftyp") {
        // QuickTime from before there were brands.
        const bool old = box == "moov" || box == "mdat" || box == "wide" || box == "pnot" || box == "skip";
        const auto size = big_endian(head, 0, 4);
        return old && (size == 0 || size == 1 || size >= 8) ? std::optional(Format::mov) : std::nullopt;
    }
    if (head.size() < 12) return std::nullopt;
    const auto major = head.substr(8, 4);
    if (const auto format = brand(major)) return format;
    const std::size_t end = std::min<std::uint64_t>(head.size(), big_endian(head, 0, 4));
    const bool still = major == "mif1" || major == "mif2" || major == "msf1" || major == "miaf";
    std::optional<Format> found;
    for (std::size_t i = 16; i + 4 <= end; i += 4) {
        const auto format = brand(head.substr(i, 4));
        if (!format) continue;
        // A still picture's container may name the video brands that it also follows.
        if (still && type_of(*format).kind == Kind::video) continue;
        if (!found || *found == Format::mp4) found = format;
    }
    if (found) return found;
    return still ? std::optional(Format::heif) : std::nullopt;
}

// Matroska (RFC 8794): an element is an id, a size, and its data; ids and sizes say their length in their
// first byte.
struct Ebml {
    std::string_view data;

    std::optional<std::uint64_t> number(bool with_marker) {
        if (data.empty() || data[0] == 0) return std::nullopt;
        const unsigned first = static_cast<unsigned char>(data[0]);
        const auto length = static_cast<std::size_t>(std::countl_zero(static_cast<std::uint8_t>(first))) + 1;
        if (data.size() < length) return std::nullopt;
        std::uint64_t value = big_endian(data, 0, length);
        if (!with_marker) value &= (std::uint64_t{1} << (7 * length)) - 1;
        data.remove_prefix(length);
        return value;
    }
};

std::optional<Format> matroska(std::string_view head) {
    if (!at(head, 0, "\x1A\x45\xDF\xA3"sv)) return std::nullopt;
    Ebml header{head.substr(4)};
    const auto size = header.number(false);
    if (!size) return std::nullopt;
    header.data = header.data.substr(0, *size);
    while (true) {
        const auto id = header.number(true);
        const auto length = id ? header.number(false) : std::nullopt;
        if (!length || *length > header.data.size()) return std::nullopt;
        if (*id == 0x4282) {  // DocType, perhaps padded with zeros
            const auto type = header.data.substr(0, *length);
            const auto name = type.substr(0, type.find('\0'));
            if (name == "webm") return Format::webm;
            if (name == "matroska") return Format::mkv;
            return std::nullopt;
        }
        header.data.remove_prefix(*length);
    }
}

// ISO/IEC 13818-1: packets of 188 bytes begin with 0x47; on discs each has four bytes more before it.
bool is_transport_stream(std::string_view head) {
    constexpr std::size_t kPackets = 5;
    for (const auto& [first, step] : {std::pair<std::size_t, std::size_t>{0, 188}, {4, 192}}) {
        std::size_t packets = 0;
        for (std::size_t i = first; i < head.size() && head[i] == '\x47'; i += step) {
            // A packet without payload and without an adaptation field is reserved.
            if (i + 3 < head.size() && (static_cast<unsigned char>(head[i + 3]) & 0x30U) == 0) break;
            ++packets;
        }
        const std::size_t there = head.size() > first ? (head.size() - first - 1) / step + 1 : 0;
        if (packets >= kPackets && packets == there) return true;
    }
    return false;
}

// A pack header (the same, 2.5.3.3; ISO/IEC 11172-1 before it) and the marks in the clock that follows.
bool is_program_stream(std::string_view head) {
    if (!at(head, 0, "\0\0\x01\xBA"sv) || head.size() < 12) return false;
    const auto mark = static_cast<unsigned char>(head[4]);
    return (mark & 0xC4U) == 0x44 || (mark & 0xF1U) == 0x21;
}

// A tar has no mark of its own before POSIX, but the sum of its first header.
bool is_tar(std::string_view head) {
    constexpr std::size_t kBlock = 512;
    if (head.size() < kBlock || head[0] == '\0') return false;
    unsigned sum = 0;
    int signed_sum = 0;  // as some old programs added it up
    for (std::size_t i = 0; i < kBlock; ++i) {
        const char c = i >= 148 && i < 156 ? ' ' : head[i];
        sum += static_cast<unsigned char>(c);
        signed_sum += static_cast<signed char>(c);
    }
    unsigned stored = 0;
    bool digits = false;
    for (std::size_t i = 148; i < 156; ++i) {
        if (head[i] >= '0' && head[i] <= '7') {
            stored = stored * 8 + static_cast<unsigned>(head[i] - '0');
            digits = true;
        } else if (digits || head[i] != ' ') {
            break;
        }
    }
    return digits && (stored == sum || static_cast<int>(stored) == signed_sum);
}

bool is_bzip2(std::string_view head) {
    return at(head, 0, "BZh") && head.size() >= 10 && head[3] >= '1' && head[3] <= '9' &&
           (at(head, 4, "\x31\x41\x59\x26\x53\x59") || at(head, 4, "\x17\x72\x45\x38\x50\x90"));
}

bool is_html(std::string_view head) {
    if (head.starts_with("\xEF\xBB\xBF")) head.remove_prefix(3);
    head = trim(head);
    for (const std::string_view tag : {"<!doctype html", "<html", "<head", "<body", "<script", "<title"}) {
        if (head.size() > tag.size() && equals_ignoring_case(head.substr(0, tag.size()), tag)) {
            const char after = head[tag.size()];
            if (after == '>' || after == ' ' || after == '\n' || after == '\r' || after == '\t') return true;
        }
    }
    return false;
}

bool is_text(std::string_view head) {
    if (head.empty()) return false;
    const bool control = std::ranges::any_of(head, [](char c) {
        const auto code = static_cast<unsigned char>(c);
        return code < 0x20 && c != '\t' && c != '\n' && c != '\r' && c != '\f' && c != '\x1B';
    });
    if (control) return false;
    if (is_utf8(head)) return true;
    // The last letter may be cut by the end of what we look at.
    if (head.size() < kSniffBytes) return false;
    for (std::size_t cut = 1; cut <= 3; ++cut) {
        const auto code = static_cast<unsigned char>(head[head.size() - cut]);
        if (code >= 0xC0) return is_utf8(head.substr(0, head.size() - cut));
        if (code < 0x80) return false;
    }
    return false;
}

}  // namespace

Format sniff_format(Bytes bytes) {
    const std::string_view head = text_of(bytes.first(std::min(bytes.size(), kSniffBytes)));
    for (const Start& start : kStarts) {
        if (at(head, start.offset, start.bytes)) return start.format;
    }
    if (at(head, 0, "\x89PNG\r\n\x1A\n"sv)) return png(head);
    if (at(head, 0, "RIFF") && at(head, 8, "WEBP")) return Format::webp;
    if (at(head, 0, "RIFF") && at(head, 8, "AVI ")) return Format::avi;
    if (is_bitmap(head)) return Format::bmp;
    if (is_transport_stream(head)) return Format::mpeg_ts;
    if (is_program_stream(head)) return Format::mpeg_ps;
    if (const auto format = sniff_not_read(head)) return *format;
    if (const auto format = base_media(head)) return *format;
    if (const auto format = matroska(head)) return *format;
    if (is_bzip2(head)) return Format::bzip2;
    if (is_tar(head)) return Format::tar;
    if (is_html(head)) return Format::html;
    if (is_text(head)) return Format::text;
    return Format::unknown;
}

Type type_of(Format format) {
    switch (format) {
        case Format::unknown:
            break;
        case Format::text:
            return {Kind::other, "text/plain"};
        case Format::html:
            return {Kind::other, "text/html"};
        case Format::pdf:
            return {Kind::other, "application/pdf"};
        case Format::jpeg:
            return {Kind::picture, "image/jpeg"};
        case Format::png:
            return {Kind::picture, "image/png"};
        case Format::apng:
            return {Kind::picture, "image/apng"};
        case Format::gif:
            return {Kind::picture, "image/gif"};
        case Format::webp:
            return {Kind::picture, "image/webp"};
        case Format::tiff:
            return {Kind::picture, "image/tiff"};
        case Format::bmp:
            return {Kind::picture, "image/bmp"};
        case Format::heic:
            return {Kind::picture, "image/heic"};
        case Format::heif:
            return {Kind::picture, "image/heif"};
        case Format::avif:
            return {Kind::picture, "image/avif"};
        case Format::mp4:
            return {Kind::video, "video/mp4"};
        case Format::mov:
            return {Kind::video, "video/quicktime"};
        case Format::webm:
            return {Kind::video, "video/webm"};
        case Format::mkv:
            return {Kind::video, "video/x-matroska"};
        case Format::avi:
            return {Kind::video, "video/x-msvideo"};
        case Format::zip:
            return {Kind::archive, "application/zip"};
        case Format::tar:
            return {Kind::archive, "application/x-tar"};
        case Format::sevenzip:
            return {Kind::archive, "application/x-7z-compressed"};
        case Format::gzip:
            return {Kind::archive, "application/gzip"};
        case Format::bzip2:
            return {Kind::archive, "application/x-bzip2"};
        case Format::xz:
            return {Kind::archive, "application/x-xz"};
        case Format::zstd:
            return {Kind::archive, "application/zstd"};
        case Format::warc:
            return {Kind::web_archive, "application/warc"};
        case Format::mpeg_ts:
            return {Kind::video, "video/mp2t"};
        case Format::mpeg_ps:
            return {Kind::video, "video/mpeg"};
        case Format::flv:
            return {Kind::video, "video/x-flv"};
        case Format::asf:
            return {Kind::video, "video/x-ms-asf"};
        case Format::ogg:
            return {Kind::video, "application/ogg"};
        default:
            if (const auto known = not_read(format)) return {Kind::other, known->mime};
    }
    return {Kind::other, "application/octet-stream"};
}

Type sniff(Bytes head) { return type_of(sniff_format(head)); }

}  // namespace rushlight::media
