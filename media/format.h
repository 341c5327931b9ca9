// Format: every kind of content that Rushlight tells apart, by its bytes alone. The parent sniffs to name the
// type and to route archives; the child sniffs again to choose a decoder, because it trusts nobody's word.
#pragma once

#include "media/fingerprint.h"

#include <cstdint>

namespace rushlight::media {

enum class Format : std::uint8_t {
    unknown,
    text,  // UTF-8 without control characters
    html,
    pdf,
    jpeg,
    png,
    apng,  // a PNG with an animation control chunk before its image data
    gif,
    webp,
    tiff,
    bmp,
    heic,
    heif,  // the container with another codec, or a sequence
    avif,
    mp4,
    mov,
    webm,
    mkv,
    avi,
    mpeg_ts,  // transport stream, also with the time codes of Blu-ray discs
    mpeg_ps,  // program stream
    flv,
    asf,  // WMV too
    ogg,
    zip,
    tar,
    sevenzip,
    gzip,
    bzip2,
    xz,
    zstd,
    warc,
    // Known, so that they can be called `unsupported`, and read by nobody here (media/not_read.h).
    jpeg2000,
    jpeg2000_stream,
    icon,
    jpeg_xl,
    jpeg_xr,
    psd,
    xcf,
    exr,
    hdr,
    dds,
    qoi,
    flif,
    bpg,
    djvu,
    raw_fuji,
    raw_panasonic,
    raw_olympus,
    raw_sigma,
    raw_minolta,
    raw_canon_crw,
    raw_canon_cr3,
    real,
    ivf,
    y4m,
    mxf,
    mpeg_stream,
    nsv,
    swf,
    rar,
    cab,
    ace,
    arj,
    lha,
    ar,
    cpio,
    xar,
    lzip,
    lz4,
    lzop,
    compress,
    pnm,
    svg,
};
inline constexpr std::uint8_t kFormats = static_cast<std::uint8_t>(Format::svg) + 1;

// `head` as for sniff(). Pure, never fails, reads at most kSniffBytes of it.
Format sniff_format(Bytes head);
Type type_of(Format format);

// Which of the two decode programs reads it: libexec/rushlight/decode, or decode-all beside it, which holds
// FFmpeg and libheif as well and therefore starts ten times slower (media/decode/decode.h).
constexpr bool needs_all_decoders(Format format) {
    switch (format) {
        case Format::apng:
        case Format::bmp:
        case Format::heic:
        case Format::heif:
        case Format::avif:
        case Format::mp4:
        case Format::mov:
        case Format::webm:
        case Format::mkv:
        case Format::avi:
        case Format::mpeg_ts:
        case Format::mpeg_ps:
        case Format::flv:
        case Format::asf:
        case Format::ogg:
            return true;
        default:
            return false;
    }
}

}  // namespace rushlight::media
