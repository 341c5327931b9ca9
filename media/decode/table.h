// Which decoders a program has. The linker takes only what the table names, so a program without the videos
// does not load FFmpeg.
#pragma once

#include "media/decode/decoder.h"
#include "media/format.h"
#include "sandbox/child/child.h"

namespace rushlight::media::decode {

// nullptr where the program has no decoder for the format.
using Table = Decoder (*)(Format);

Decoder light(Format format);
Decoder all(Format format);

std::map<std::uint32_t, sandbox::child::Handler> handlers_for(Table table);

}  // namespace rushlight::media::decode
