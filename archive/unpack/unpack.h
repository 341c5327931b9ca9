// archive/unpack: goes through the members of an archive or a WARC, inside the sandbox child.
#pragma once

#include "sandbox/child/child.h"

namespace rushlight::archive::unpack {

// Answers the requests of archive/protocol.h. Call it before the sandbox closes: it sets the process's
// character set to UTF-8.
std::map<std::uint32_t, sandbox::child::Handler> handlers();

}  // namespace rushlight::archive::unpack
