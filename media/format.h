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
    zip,
    tar,
    sevenzip,
    gzip,
    bzip2,
    xz,
    zstd,
    warc,
};
inline constexpr std::uint8_t kFormats = static_cast<std::uint8_t>(Format::warc) + 1;

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
            return true;
        default:
            return false;
    }
}

}  // namespace rushlight::media
