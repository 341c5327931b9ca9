// Landlock: the kernel's interface, declared here because Debian 12's headers know only its first versions.
// Source: the kernel's Documentation/userspace-api/landlock.rst and include/uapi/linux/landlock.h (numbers).
//
// A ruleset without a rule forbids all that it handles.
#pragma once

#include <cstddef>
#include <cstdint>

namespace rushlight::sandbox::landlock {

// 0 where the kernel has none or has it switched off.
int abi();
// Forbids this thread, and all that it starts, everything that landlock can forbid at this ABI. Needs
// no_new_privs. Returns 0 or an errno. Async-signal-safe.
int forbid_everything(int abi);

}  // namespace rushlight::sandbox::landlock
