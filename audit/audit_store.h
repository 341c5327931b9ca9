// Private: the tables of audit, as the rest of the room sees them.
#pragma once

#include "audit/audit.h"
#include "audit/verify.h"

#include <vector>

namespace rushlight::audit {

struct End {
    std::int64_t number = 0;  // 0: the chain is empty
    Sha256 digest;
    std::int64_t last_row = 0;         // highest number of an entry that is really there
    std::int64_t last_checkpoint = 0;  // highest number of a checkpoint
    std::int64_t checkpoints = 0;      // from the asked number on
};
// One state of the whole. `corrupt` where the row that holds the end is gone.
Result<End> read_end(store::Store& store, std::int64_t first);

// Up to `limit` entries with numbers from `from` to `to`, and the checkpoints of the same numbers up to
// `last_checkpoint`. Rows that are damaged come out as zeros rather than as an error: verifying names them.
struct Stretch {
    std::vector<Entry> entries;
    std::vector<Checkpoint> checkpoints;
};
Result<Stretch> read_stretch(store::Store& store, std::int64_t from, std::int64_t to,
                             std::int64_t last_checkpoint, int limit);

}  // namespace rushlight::audit
