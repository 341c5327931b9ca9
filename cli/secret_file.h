// A secret that a file or standard input holds in its first line: a password, a passphrase. Never an
// argument, which everybody on the machine can read.
#pragma once

#include "base/result.h"

#include <string>

namespace rushlight::cli {

// "-": standard input. Up to 4 KiB, without the newline; `what` is for the words of an error.
Result<std::string> read_secret_file(const std::string& path, const std::string& what);

}  // namespace rushlight::cli
