// cli: the command line of `rushlight` (docs/cli.md). Commands translate and call a door.
#pragma once

#include "base/config.h"
#include "base/result.h"
#include "store/store.h"

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace rushlight::cli {

struct ServeAsked {
    Config config;
    std::vector<std::string> allowed_targets;  // HOST:PORT that may lead to any address
    std::string light_program, all_program;    // libexec/rushlight/decode and decode-all
    std::optional<std::string> passphrase;     // of the key file
    std::string console;                       // the folder of the built console; empty: none
};
// A running server.
class Served {
  public:
    virtual ~Served() = default;
    virtual const std::string& url() const = 0;
    virtual const std::optional<std::string>& setup_url() const = 0;
    virtual void stop() = 0;
};

// What was set for the holding area.
struct HoldingSet {
    bool on = false;
    std::uint64_t quota = 0;  // bytes
};

// What stands beside the command line, joined with it by the program.
struct Services {
    std::vector<store::Schema> schemas;  // of every room, in floor order
    std::function<Result<std::unique_ptr<Served>>(const ServeAsked&)> serve;
    std::function<Result<HoldingSet>(store::Store&)> holding;
};

// The whole program: reads the arguments, runs the command, returns the exit status.
// 0 done; 1 it failed, with one clear line on stderr; 2 wrong usage; 3 done, and what was asked about is so.
int main(int argc, const char* const* argv, const Services& services);

}  // namespace rushlight::cli
