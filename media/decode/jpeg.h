// The JPEG decoder's inside, for its tests and for the program that measures scales. Private to media/decode.
#pragma once

#include "media/decode/decoder.h"

#include <cstdint>

namespace rushlight::media::decode {

// At which size a picture is decoded, in eighths of its own: docs/media.md has what was tried.
int jpeg_eighths(std::uint32_t width, std::uint32_t height);

// As decode_jpeg, at `eighths` = 1 to 8.
Outcome decode_jpeg_at(Input& input, const Limits& limits, Sink& sink,
                       int (*eighths)(std::uint32_t, std::uint32_t));

}  // namespace rushlight::media::decode
