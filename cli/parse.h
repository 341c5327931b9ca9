// The command line as plain values: what a person asked for, checked for form. Only parse.cpp knows CLI11.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

namespace rushlight::cli {

// What every command understands.
struct Common {
    std::optional<std::string> data;   // --data
    std::optional<std::string> store;  // --store
    bool json = false;
    bool allow_weak_sandbox = false;
};

struct HashCommand {
    std::vector<std::string> paths;
    bool dihedral = false;
};

struct MatchCommand {
    std::vector<std::string> lists;
    std::vector<std::string> hashes;  // "-": from standard input
    std::optional<int> threshold;
    std::optional<std::string> method;
    bool explain = false;
};

struct ScanCommand {
    std::vector<std::string> targets;  // "-": paths and links from standard input
    bool nul_separated = false;        // -0
    std::vector<std::string> lists;
    std::optional<std::string> method;
    std::optional<unsigned> workers;
    std::vector<std::string> allowed_targets;  // HOST:PORT
    bool again = false;
    bool fail_on_match = false;
};

struct ListCreate {
    std::string name;
    std::optional<std::string> kind, category, source, expires;
    std::vector<std::string> thresholds;  // METHOD=N
};
struct ListImport {
    std::string name, file;
    std::optional<std::string> format, method;
};
struct ListExport {
    std::string name;
    std::optional<std::string> format;
};
struct ListShow {
    std::optional<std::string> name;
};
struct ListRemove {
    std::string name;
};
struct ListEntries {
    std::string name;
};
struct ListAdd {
    std::string name;
    std::vector<std::string> hashes;
    std::optional<std::string> method, note;
};
struct ListDrop {
    std::string name;
    std::vector<std::string> hashes;
    std::optional<std::string> method;
};
struct ListSet {
    std::string name, hash, state;
    std::optional<std::string> note, method;
};

struct LinkCommand {
    std::string link;
    std::optional<std::string> base;
};

struct AuditVerify {
    std::optional<std::string> file;  // "-": standard input; none: the store
    std::optional<std::string> key;   // 64 digits, or a file of such lines
};
struct AuditExport {
    std::optional<std::int64_t> from;
};

struct AccountCreate {
    std::string email;
    std::vector<std::string> roles;
    std::optional<std::string> password_file;
};
struct AccountReset {
    std::string email;
    bool second_factor = false;
};
struct KeyCreate {
    std::string name;
    std::vector<std::string> scopes;
    std::optional<std::string> expires;
};
struct KeyList {};
struct KeyRevoke {
    std::string id;
};

struct VaultNewKey {
    bool accept_loss = false;
};

struct ServeCommand {
    std::optional<std::string> listen;
    std::vector<std::string> allowed_targets;
    bool practice = false;
};
struct PracticeCommand {
    std::uint64_t seed = 1;
    std::int64_t speed = 1;
};

struct BackupCommand {
    std::string file;
    bool without_keys = false;
    bool force = false;
};
struct RestoreCommand {
    std::string file;
    bool without_keys = false;
    bool force = false;
};

struct ReceiptVerify {
    std::string file;
    std::optional<std::string> key;  // 64 digits, or a file of such lines
};

struct ConfigCheck {};
struct Doctor {};
struct Completion {
    std::string shell;
};
struct Version {};

using Command = std::variant<HashCommand, MatchCommand, ScanCommand, ListCreate, ListImport, ListExport,
                             ListShow, ListRemove, ListEntries, ListAdd, ListDrop, ListSet, AuditVerify,
                             AuditExport, AccountCreate, AccountReset, KeyCreate, KeyList, KeyRevoke,
                             VaultNewKey, ServeCommand, PracticeCommand, BackupCommand, RestoreCommand,
                             ReceiptVerify, LinkCommand, ConfigCheck, Doctor, Completion, Version>;

struct Parsed {
    Common common;
    Command command;
};

// Either what was asked for, or the exit status after the help or the usage error has been printed.
std::variant<Parsed, int> parse(int argc, const char* const* argv);

std::string version_line();  // "rushlight 0.1.0"

// A completion script for bash, zsh or fish, made from the same definitions.
std::string completion_script(const std::string& shell);

}  // namespace rushlight::cli
