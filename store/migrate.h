// Brings a store's schema up to date, on either database.
#pragma once

#include "store/engine.h"

namespace rushlight::store {

struct MigrationRules {
    std::string_view begin;  // begins a transaction that keeps other writers out
    bool postgres = false;
    FunctionRef<Status(int version)>
        back_up;  // called once before the first change to a store that holds something
};

// The caller holds a lock that keeps other processes' migrations out. Returns the version: how many
// migrations the store has had.
Result<int> migrate(Connection& connection, const std::vector<Schema>& schemas, const MigrationRules& rules);

}  // namespace rushlight::store
