// history: the scans that ran, and what they answered, for those who look later.
//
// Thread-safety: all may be called from any thread.
#pragma once

#include "base/result.h"
#include "base/time.h"
#include "store/store.h"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace rushlight::scan {

using RunId = std::int64_t;

struct Run {
    RunId id = 0;
    std::string targets;  // a line each
    std::string state;    // running, done, stopped, failed; a killed scan stays running
    Time started;
    std::optional<Time> ended;
    std::string summary;  // JSON of the summary; empty while it runs
};
// Newest first, those with an id below `before`.
Result<std::vector<Run>> runs(store::Store& store, std::optional<RunId> before, int limit);
Result<std::optional<Run>> run_by_id(store::Store& store, RunId id);

struct ItemPage {
    std::vector<std::string> lines;  // as `rushlight scan --json` prints them
    std::int64_t last = 0;           // to ask for those after it
    bool more = false;
};
// What this run itself answered (what an earlier one has answered stands with that one), in the order of
// storing. `decision` empty: all.
Result<ItemPage> items_of(store::Store& store, RunId run, std::string_view decision, std::int64_t after,
                          int limit);

}  // namespace rushlight::scan
