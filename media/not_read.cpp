#include "media/not_read.h"

#include "base/text.h"

#include <algorithm>
#include <array>
#include <cstdint>

namespace rushlight::media {
namespace {

using namespace std::string_view_literals;

// Each start as the format's own specification or maker gives it.
struct Start {
    std::size_t offset;
    std::string_view bytes;
    Format format;
};
constexpr Start kStarts[] = {
    {0, "\0\0\0\x0CjP  \r\n\x87\n"sv, Format::jpeg2000},  // ISO/IEC 15444-1, annex I
    {0, "\xFF\x4F\xFF\x51"sv, Format::jpeg2000_stream},   // the same, annex A: SOC, SIZ
    {0, "\0\0\0\x0CJXL \r\n\x87\n"sv, Format::jpeg_xl},   // ISO/IEC 18181-2
    {0, "\xFF\x0A"sv, Format::jpeg_xl},                   // the bare codestream
    {0, "II\xBC\x01"sv, Format::jpeg_xr},                 // ITU-T T.832, annex A
    {0, "8BPS\0\x01"sv, Format::psd},                     // Adobe Photoshop File Formats Specification
    {0, "8BPS\0\x02"sv, Format::psd},                     // PSB
    {0, "gimp xcf "sv, Format::xcf},                      // GIMP's xcf.txt
    {0, "\x76\x2F\x31\x01"sv, Format::exr},               // OpenEXR File Layout
    {0, "#?RADIANCE"sv, Format::hdr},                     // Radiance, filefmts
    {0, "DDS |\0\0\0"sv, Format::dds},                    // Microsoft, DDS header
    {0, "qoif\0"sv, Format::qoi},                         // qoiformat.org; a width under 16 million
    {0, "FLIF"sv, Format::flif},                          // flif.info
    {0, "BPG\xFB"sv, Format::bpg},                        // bellard.org/bpg
    {0, "AT&TFORM"sv, Format::djvu},                      // DjVu3 specification
    {0, "FUJIFILMCCD-RAW "sv, Format::raw_fuji},          // RAF
    {0, "IIU\0"sv, Format::raw_panasonic},                // RW2
    {0, "IIRO"sv, Format::raw_olympus},                   // ORF
    {0, "IIRS"sv, Format::raw_olympus},                   // ORF
    {0, "MMOR"sv, Format::raw_olympus},                   // ORF
    {0, "FOVb"sv, Format::raw_sigma},                     // X3F
    {0, "\0MRM"sv, Format::raw_minolta},                  // MRW
    {6, "HEAPCCDR"sv, Format::raw_canon_crw},             // CRW (CIFF)
    {4, "ftypcrx "sv, Format::raw_canon_cr3},             // CR3
    {0, ".RMF\0"sv, Format::real},                        // RealMedia File Format
    {0, "DKIF\0\0"sv, Format::ivf},                       // the container of libvpx
    {0, "YUV4MPEG2 "sv, Format::y4m},                     // mjpegtools, yuv4mpeg(5)
    {0, "\x06\x0E\x2B\x34\x02\x05\x01\x01\x0D\x01\x02"sv, Format::mxf},  // SMPTE 377
    {0, "\0\0\x01\xB3"sv, Format::mpeg_stream},                          // ISO/IEC 11172-2: sequence header
    {0, "NSVf"sv, Format::nsv},                                          // Nullsoft
    {0, "Rar!\x1A\x07"sv, Format::rar},          // RAR 5.0 archive format; 1.5 to 4 too
    {0, "MSCF\0\0\0\0"sv, Format::cab},          // Microsoft Cabinet Format
    {7, "**ACE**"sv, Format::ace},               // ACE
    {0, "!<arch>\n"sv, Format::ar},              // ar(5); Debian packages are such
    {0, "070701"sv, Format::cpio},               // cpio(5): newc
    {0, "070702"sv, Format::cpio},               // with checksums
    {0, "070707"sv, Format::cpio},               // odc
    {0, "xar!\0\x1C"sv, Format::xar},            // xar: a header of 28 bytes
    {0, "LZIP\x01"sv, Format::lzip},             // lzip manual
    {0, "\x04\x22\x4D\x18"sv, Format::lz4},      // LZ4 Frame Format
    {0, "\x89LZO\0\r\n\x1A\n"sv, Format::lzop},  // lzop
    {0, "\x1F\x9D\x90"sv, Format::compress},     // ncompress: 16 bits, blocks
};

struct Named {
    Format format;
    NotRead what;
};
constexpr Named kNames[] = {
    {Format::jpeg2000, {"image/jp2", "JPEG 2000 pictures"}},
    {Format::jpeg2000_stream, {"image/x-jp2-codestream", "JPEG 2000 pictures"}},
    {Format::jpeg_xl, {"image/jxl", "JPEG XL pictures"}},
    {Format::jpeg_xr, {"image/jxr", "JPEG XR pictures"}},
    {Format::psd, {"image/vnd.adobe.photoshop", "Photoshop documents"}},
    {Format::xcf, {"image/x-xcf", "GIMP documents"}},
    {Format::exr, {"image/x-exr", "OpenEXR pictures"}},
    {Format::hdr, {"image/vnd.radiance", "Radiance pictures"}},
    {Format::dds, {"image/vnd.ms-dds", "DirectDraw surfaces"}},
    {Format::qoi, {"image/qoi", "QOI pictures"}},
    {Format::flif, {"image/flif", "FLIF pictures"}},
    {Format::bpg, {"image/bpg", "BPG pictures"}},
    {Format::djvu, {"image/vnd.djvu", "DjVu documents"}},
    {Format::raw_fuji, {"image/x-fuji-raf", "raw files of cameras"}},
    {Format::raw_panasonic, {"image/x-panasonic-rw2", "raw files of cameras"}},
    {Format::raw_olympus, {"image/x-olympus-orf", "raw files of cameras"}},
    {Format::raw_sigma, {"image/x-sigma-x3f", "raw files of cameras"}},
    {Format::raw_minolta, {"image/x-minolta-mrw", "raw files of cameras"}},
    {Format::raw_canon_crw, {"image/x-canon-crw", "raw files of cameras"}},
    {Format::raw_canon_cr3, {"image/x-canon-cr3", "raw files of cameras"}},
    {Format::real, {"application/vnd.rn-realmedia", "RealMedia films"}},
    {Format::ivf, {"video/x-ivf", "IVF films"}},
    {Format::y4m, {"video/x-yuv4mpeg", "YUV4MPEG2 films"}},
    {Format::mxf, {"application/mxf", "MXF films"}},
    {Format::mpeg_stream, {"video/mpeg", "MPEG films without a container"}},
    {Format::nsv, {"video/x-nsv", "NSV films"}},
    {Format::swf, {"application/vnd.adobe.flash.movie", "Flash films"}},
    {Format::rar, {"application/vnd.rar", "RAR archives"}},
    {Format::cab, {"application/vnd.ms-cab-compressed", "CAB archives"}},
    {Format::ace, {"application/x-ace-compressed", "ACE archives"}},
    {Format::arj, {"application/x-arj", "ARJ archives"}},
    {Format::lha, {"application/x-lzh-compressed", "LHA archives"}},
    {Format::ar, {"application/x-archive", "ar archives"}},
    {Format::cpio, {"application/x-cpio", "cpio archives"}},
    {Format::xar, {"application/x-xar", "xar archives"}},
    {Format::lzip, {"application/lzip", "lzip files"}},
    {Format::lz4, {"application/x-lz4", "LZ4 files"}},
    {Format::lzop, {"application/x-lzop", "lzop files"}},
    {Format::compress, {"application/x-compress", "files of compress"}},
    {Format::icon, {"image/vnd.microsoft.icon", "icons and cursors of Windows"}},
    {Format::pnm, {"image/x-portable-anymap", "PNM pictures"}},
    {Format::svg, {"image/svg+xml", "SVG drawings"}},
};

unsigned byte(std::string_view head, std::size_t at) { return static_cast<unsigned char>(head[at]); }

// Microsoft's ICONDIR: zero, 1 (icon) or 2 (cursor), how many; then the first one's entry of 16 bytes, whose
// fourth is zero and whose data lies behind all entries.
bool is_icon(std::string_view head) {
    if (head.size() < 22 || !head.starts_with("\0\0"sv) || (byte(head, 2) != 1 && byte(head, 2) != 2))
        return false;
    const unsigned count = byte(head, 4) | byte(head, 5) << 8;
    const unsigned offset = byte(head, 18) | byte(head, 19) << 8 | byte(head, 20) << 16;
    return byte(head, 3) == 0 && count > 0 && byte(head, 9) == 0 && offset >= 6 + 16 * count &&
           byte(head, 21) == 0;
}

// Netpbm: P1 to P7, white space, and a number (or a PAM's first word).
bool is_pnm(std::string_view head) {
    if (head.size() < 8 || head[0] != 'P' || head[1] < '1' || head[1] > '7') return false;
    if (head[1] == '7') return head.starts_with("P7\nWIDTH "sv) || head.starts_with("P7\nHEIGHT"sv);
    if (head[2] != '\n' && head[2] != ' ' && head[2] != '\r') return false;
    // "640 480" and no letters before: a text may well begin with P3.
    std::string_view rest = head.substr(3);
    while (rest.starts_with('#')) {
        const auto end = rest.find('\n');
        if (end == std::string_view::npos) return false;
        rest.remove_prefix(end + 1);
    }
    const auto digits = [&] {
        std::size_t n = 0;
        while (n < rest.size() && rest[n] >= '0' && rest[n] <= '9') ++n;
        rest.remove_prefix(n);
        return n > 0 && n < 8;
    };
    if (!digits() || rest.empty() || (rest[0] != ' ' && rest[0] != '\n')) return false;
    rest.remove_prefix(1);
    return digits() && !rest.empty() && (rest[0] == '\n' || rest[0] == ' ' || rest[0] == '\r');
}

// Its root element, behind a declaration, comments and a document type.
bool is_svg(std::string_view head) {
    if (head.starts_with("\xEF\xBB\xBF")) head.remove_prefix(3);
    head = trim(head);
    while (head.starts_with("<?") || head.starts_with("<!")) {
        const std::string_view closing = head.starts_with("<!--") ? "-->"sv : ">"sv;
        const auto end = head.find(closing);
        if (end == std::string_view::npos) return false;
        head = trim(head.substr(end + closing.size()));
    }
    return head.starts_with("<svg") && head.size() > 4 &&
           (head[4] == ' ' || head[4] == '>' || head[4] == '\n' || head[4] == '\r' || head[4] == '\t');
}

// Adobe: FWS, CWS (zlib) or ZWS (LZMA), a version, and the length unpacked.
bool is_swf(std::string_view head) {
    return head.size() >= 8 && (head[0] == 'F' || head[0] == 'C' || head[0] == 'Z') &&
           head.substr(1, 2) == "WS" && byte(head, 3) > 0 && byte(head, 3) < 64 && byte(head, 7) < 0x10;
}

// A basic header of 30 to 2,600 bytes, whose own first header is at least 30 long (ARJ technote).
bool is_arj(std::string_view head) {
    if (head.size() < 12 || !head.starts_with("\x60\xEA"sv)) return false;
    const unsigned size = byte(head, 2) | byte(head, 3) << 8;
    return size >= 30 && size <= 2'600 && byte(head, 4) >= 30 && byte(head, 4) <= size && byte(head, 7) < 12;
}

// "-lh5-" and its like, behind a size and a sum (LHA header levels 0 to 3).
bool is_lha(std::string_view head) {
    return head.size() >= 21 && head.substr(2, 2) == "-l" && (head[4] == 'h' || head[4] == 'z') &&
           head[6] == '-' && byte(head, 20) <= 3;
}

}  // namespace

std::optional<Format> sniff_not_read(std::string_view head) {
    for (const Start& start : kStarts) {
        if (head.size() >= start.offset && head.substr(start.offset).starts_with(start.bytes))
            return start.format;
    }
    if (is_icon(head)) return Format::icon;
    if (is_pnm(head)) return Format::pnm;
    if (is_svg(head)) return Format::svg;
    if (is_swf(head)) return Format::swf;
    if (is_arj(head)) return Format::arj;
    if (is_lha(head)) return Format::lha;
    return std::nullopt;
}

std::optional<NotRead> not_read(Format format) {
    const auto* found = std::ranges::find(kNames, format, &Named::format);
    return found == std::end(kNames) ? std::nullopt : std::optional(found->what);
}

}  // namespace rushlight::media
