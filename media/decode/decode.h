// media/decode: bytes of a picture or a video → PDQ, inside the sandbox child. One file a format behind one
// interface.
//
// There are two programs. FFmpeg and libheif load 130 shared objects, which takes longer than decoding
// several photographs; a program that holds JPEG, PNG, GIF, WebP and TIFF only starts in a tenth of the time,
// and has none of FFmpeg's code in reach of a hostile JPEG. media::needs_all_decoders (media/format.h) says
// which program a format needs.
#pragma once

#include "sandbox/child/child.h"

namespace rushlight::media::decode {

// Answer the requests of media/protocol.h. A format that the program lacks is `unsupported`; the answer still
// says which it is, so that the asker can go to the other program.
std::map<std::uint32_t, sandbox::child::Handler> handlers();      // libexec/rushlight/decode
std::map<std::uint32_t, sandbox::child::Handler> all_handlers();  // libexec/rushlight/decode-all

}  // namespace rushlight::media::decode
