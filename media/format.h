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

}  // namespace rushlight::media
