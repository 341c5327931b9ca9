// Tables from the store, and from files. Private to match.
#pragma once

#include "match/judge.h"
#include "match/list_store.h"
#include "match/lists.h"
#include "match/tables.h"

#include <memory>
#include <optional>
#include <string>
#include <unordered_set>

namespace rushlight::match {

// Which of the store's lists the tables hold: nullopt is all of them, those made later too.
using Chosen = std::optional<std::unordered_set<std::int64_t>>;

struct Loaded {
    std::shared_ptr<Tables> tables;
    Position position;  // of the change log, that the tables stand at
};
Result<Loaded> load_from_store(store::Store& store, const Chosen& chosen);

// Brings the tables from `position` to the store's present state; false where the log does not reach back so
// far. `changed` is set where there was anything.
Result<bool> follow_log(store::Store& store, const Chosen& chosen, Tables& tables, Position& position,
                        bool& changed);

// The snapshot in `folder`: its state is some earlier one of this store's; the log leads on from there.
// `not_found` or `corrupt` where there is none to use.
Result<Loaded> load_snapshot(store::Store& store, const std::string& folder);
// Replaces the one before it.
Status save_snapshot(const std::string& folder, const Tables& tables, Position position);

struct LoadedFile {
    ImportReport report;
    Sha256 content;  // of its entries in the order of their keys, and of their states
};
// Adds a list file's entries to the tables as list number `list`. Reads it once, from its start to its end: a
// pipe will do.
Result<LoadedFile> load_file(const std::string& path, std::uint32_t list, std::optional<Method> method,
                             std::optional<Method> undecided, Tables& tables);

}  // namespace rushlight::match
