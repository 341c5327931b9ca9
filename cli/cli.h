// cli: the command line of `rushlight` (docs/cli.md). Commands translate and call a door.
#pragma once

namespace rushlight::cli {

// The whole program: reads the arguments, runs the command, returns the exit status.
// 0 done; 1 it failed, with one clear line on stderr; 2 wrong usage; 3 done, and what was asked about is so.
int main(int argc, const char* const* argv);

}  // namespace rushlight::cli
