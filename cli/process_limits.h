// process_limits: what the kernel lets this process do, set once at its start.
#pragma once

namespace rushlight::cli {

// A crashed process's memory holds keys and uploads: it is written nowhere. False where that was refused.
bool end_core_dumps();
// As many open descriptors as the machine allows this process, up to what a server can need.
void raise_descriptors();

}  // namespace rushlight::cli
