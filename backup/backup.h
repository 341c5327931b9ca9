// backup: one file that holds one state of everything, made while a server goes on, and the way back. Format:
// docs/formats/backup.md.
//
//   auto made = back_up(store, {.data = "./var", .file = "/media/stick/monday.rushlight", …});
//   auto back = restore({.data = "./var", .file = "/media/stick/monday.rushlight", …});
//
// In it: every table as it stood at one moment, the sealed files that the holding area's ledger names then,
// the key file unless it is left out, rushlight.toml. Not in it: the match index (it is made again). A file
// that the ledger names and that is destroyed before it was copied is left out, and marked as destroyed by
// the restore.
//
// A restore believes nothing: it reads the whole file against its digests before it writes anything, builds
// the store beside at the schema that the backup has, brings that up to date, proves the audit chain, keeps
// what is there now as a backup of its own, and then puts everything into its place in one transaction:
// killed at any moment it leaves the old state or the new one. A running server starts its parts anew
// (Store::life()).
//
// Threads: any; one restore of a folder at a time. Memory: some megabytes and the largest row. Disk: a backup
// takes about what the store takes; a restore three times that, beside it. Errors: `corrupt` a damaged or
// forged file, `conflict` where something would be overwritten or a newer Rushlight made it, `io` a full
// disk, `denied` keys that do not fit; the message says what was kept and what to do.
#pragma once

#include "base/result.h"
#include "base/time.h"
#include "store/store.h"

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace rushlight::backup {

// Called often, with bytes or rows done of so many; total 0 where that is not known.
using Progress = std::function<void(const char* what, std::uint64_t done, std::uint64_t total)>;

enum class Keys { left_out, in_the_clear, under_passphrase };
const char* to_string(Keys keys);  // "left out", "included", "included, under their passphrase"

struct BackupOptions {
    std::string data;
    std::string file;
    std::string program{};  // "rushlight 0.1.0"
    bool keys = true;
    bool force = false;  // replace a file that is there
    Time now{};
    Progress progress{};
};
struct BackedUp {
    std::uint64_t bytes = 0;
    std::string sha256;  // of the file's list of digests: names this backup
    int schema = 0;
    Keys keys = Keys::left_out;
    std::int64_t tables = 0, rows = 0;
    std::int64_t held = 0;            // sealed files
    std::int64_t held_elsewhere = 0;  // that other machines of this store hold: in their backups only
    std::int64_t held_gone = 0;       // destroyed before they were copied, or gone from the disk
    bool is_private = true;           // nobody else can read it
};
Result<BackedUp> back_up(store::Store& store, const BackupOptions& options);

// What a file holds, once all of it has been read and found whole.
struct About {
    std::uint64_t bytes = 0;
    std::string sha256;
    Time made;
    std::string program, made_from;     // "sqlite", "postgresql"
    std::map<std::string, int> schema;  // room → migrations
    Keys keys = Keys::left_out;
    std::int64_t held = 0;
};
Result<About> look_at(const std::string& file, const Progress& progress = {});

struct RestoreOptions {
    std::string data;
    std::string store;  // postgresql://…; empty: the folder's own
    std::vector<store::Schema> schemas;
    std::string file;
    std::string program;
    std::string who;                          // for the audit log
    std::optional<std::string> passphrase{};  // of the key file
    bool force = false;                       // though there is something
    bool without_keys = false;                // though the keys are nowhere
    Time now{};
    Progress progress{};
};
struct Restored {
    About about;
    std::int64_t rows = 0;
    std::int64_t held = 0, held_destroyed = 0, held_missing = 0;
    std::string kept;                // the backup of what was there; empty: nothing was
    std::int64_t audit_entry = 0;    // that says so
    std::string keys;                // what became of them, in words
    std::vector<std::string> words;  // what to know and do
};
Result<Restored> restore(const RestoreOptions& options);

}  // namespace rushlight::backup
