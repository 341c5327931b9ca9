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

// The practice world, as somebody wants it.
struct PracticeAsked {
    std::string files;  // the folder with what it shows
    std::uint64_t seed = 1;
    std::int64_t speed = 1;  // of the world's time
    std::uint16_t port = 0;  // the first of its ports; 0: any
};
struct PracticePicture {
    std::string url, kind, decision;
    std::int64_t after = 0;  // seconds of the world's time
};
struct PracticeSite {
    std::string name, url, address, title;
    std::vector<PracticePicture> pictures;
};
struct PracticeSeen {
    std::vector<PracticeSite> sites;
    std::string dns, webhooks;
};
// A running practice world.
class Practice {
  public:
    virtual ~Practice() = default;
    virtual const PracticeSeen& seen() const = 0;
    virtual void stop() = 0;
};

struct ServeAsked {
    Config config;
    std::vector<std::string> allowed_targets;  // HOST:PORT that may lead to any address
    std::string who;                           // starts it, as the audit log says it
    std::string light_program, all_program;    // libexec/rushlight/decode and decode-all
    std::optional<std::string> passphrase;     // of the key file
    std::string console;                       // the folder of the built console; empty: none
    std::optional<PracticeAsked> practice;     // inside the same program; then nothing else can be reached
};
// A running server.
class Served {
  public:
    virtual ~Served() = default;
    virtual const std::string& url() const = 0;
    virtual const std::optional<std::string>& setup_url() const = 0;
    virtual const PracticeSeen* practice() const = 0;  // null where there is none
    // Its store was restored from a backup: what it has in memory is not true any more. Stop it, and start
    // another.
    virtual bool restored() const = 0;
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
    std::function<Result<std::unique_ptr<Practice>>(const PracticeAsked&)> practice;
};

// The whole program: reads the arguments, runs the command, returns the exit status.
// 0 done; 1 it failed, with one clear line on stderr; 2 wrong usage; 3 done, and what was asked about is so.
int main(int argc, const char* const* argv, const Services& services);

}  // namespace rushlight::cli
