#pragma once

#include "base/result.h"
#include "sandbox/handshake.h"

namespace rushlight::sandbox::child {

// Gives up for good what this process could do; see lockdown.cpp for all of it. Says what was applied, or
// which step failed: then the process must end, half locked as it is. Call with one thread running.
Result<handshake::Locked> lock_down(const handshake::Lock& wanted);

}  // namespace rushlight::sandbox::child
