// Config: what the operator set, checked. Flag > environment (RUSHLIGHT_SECTION_KEY) > DATA/rushlight.toml >
// default.
//
// docs/configuration.md lists the keys; kKeys in config.cpp is the one place that defines them.
#pragma once

#include "base/result.h"

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace rushlight {

struct Config {
    std::string data = "./var";  // the one folder to back up
    std::string store;           // postgresql://user@host/db; empty: the folder's own database

    struct Keys {
        std::string passphrase_file;  // of the key file; empty: it has no passphrase
    } keys;
    struct Sandbox {
        bool allow_weak = false;    // read untrusted files where the kernel can't contain the reader
        std::int64_t seconds = 10;  // most time for one file
        std::int64_t memory_mb = 2048;
    } sandbox;
    struct Scan {
        std::int64_t workers = 0;  // 0: as many as there are cores
        std::string folders;       // that may be scanned over the API, with ':' between them; empty: none
    } scan;
    struct Net {
        std::string dns;    // servers to ask, "127.0.0.1:5353", with ',' between them; empty: the system's
        std::string allow;  // HOST:PORT pairs that may lead to any address, with ',' between them
    } net;
    struct Serve {
        std::string listen = "127.0.0.1:8080";
        std::int64_t reserve_mb = 64;  // room on the data folder's disk for the day on which it is full
        std::int64_t threads = 0;      // that read and answer; 0: as many as there are cores
        std::string proxies;  // addresses and networks whose X-Forwarded-For is believed, with ',' between
    } serve;
    struct Logging {
        std::string level = "info";  // debug, info, warn, error
    } log;
    struct Archive {
        std::int64_t depth = 5;
        std::int64_t members = 10'000'000;
        std::int64_t member_mb = 512;
        std::int64_t total_mb = 65'536;
        std::int64_t ratio = 200;
    } archive;
};

// What stands on the command line.
struct ConfigFlags {
    std::optional<std::string> data{}, store{};
    bool allow_weak_sandbox = false;
};
using Environment = std::function<std::optional<std::string>(const std::string& name)>;
Environment process_environment();

struct ConfigFinding {
    std::string where;    // "var/rushlight.toml:3" or "RUSHLIGHT_SCAN_WORKERS"
    std::string message;  // what is wrong, and what would be right
};

// Everything that is wrong, in the file's order; empty where all is well. A missing file is well.
std::vector<ConfigFinding> check_config(const ConfigFlags& flags, const Environment& environment);
// Of the names of environment variables, those that begin with RUSHLIGHT_ and that nothing here reads: a
// setting that was mistyped is silently none.
std::vector<ConfigFinding> unknown_variables(const std::vector<std::string>& names);
// Fails with `invalid` on the first finding.
Result<Config> load_config(const ConfigFlags& flags, const Environment& environment);

}  // namespace rushlight
