// media/decode: bytes of a picture or a video → PDQ, inside the sandbox child. One file a format behind one
// interface.
#pragma once

#include "sandbox/child/child.h"

namespace rushlight::media::decode {

// Answers the requests of media/protocol.h.
std::map<std::uint32_t, sandbox::child::Handler> handlers();

}  // namespace rushlight::media::decode
