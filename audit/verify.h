// Checkpoints, exports, and the proof that nothing was changed.
//
// A checkpoint is a signature over the chain's end at one time: number, digest, time. The server makes one an
// hour and whenever the log is exported. Whoever keeps an export on another machine, or only its last line
// but one, can later show that the entries up to there are still what they were. Formats:
// docs/formats/audit.md.
//
// What this does not protect against: who holds the signing key and the store can write another history. That
// one does not fit the checkpoints that left the machine; so let them leave.
//
// Threads: any. Memory is bounded: a million entries are verified in some 10 MB.
#pragma once

#include "audit/audit.h"
#include "audit/signing.h"
#include "base/result.h"
#include "base/time.h"
#include "store/store.h"

#include <chrono>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace rushlight::audit {

struct Checkpoint {
    std::int64_t number = 0;  // of the last entry that it covers
    Sha256 digest;            // that entry's
    Time at;
    PublicKey key;
    Signature signature;
};

// Signs the chain's end. nullopt where that is signed already, or the chain is empty.
Result<std::optional<Checkpoint>> make_checkpoint(store::Store& store, const SigningKey& key, Time now);
// The same where the last one is at least an hour old (or from the future: the clock was set back); made to
// be called every minute.
Result<std::optional<Checkpoint>> make_checkpoint_if_due(
    store::Store& store, const SigningKey& key, Time now,
    std::chrono::microseconds every = std::chrono::hours(1));
Result<std::optional<Checkpoint>> last_checkpoint(store::Store& store);

struct Exported {
    std::int64_t entries = 0, checkpoints = 0;
};
// Writes the entries from number `first` on with their checkpoints as JSON lines, piece by piece. An error of
// `sink` ends it and is returned.
Result<Exported> export_to(store::Store& store, store::FunctionRef<Status(std::string_view)> sink, Time now,
                           std::int64_t first = 1);

struct Verdict {
    std::int64_t entries = 0;      // that were read and found good before the first bad one
    std::int64_t checkpoints = 0;  // whose signatures are good
    std::int64_t covered = 0;      // number of the last entry under a good signature
    bool ok = false;
    std::optional<std::int64_t>
        first_bad{};        // number of the first entry that is wrong, missing or misplaced;
                            // not set where only what stands around the entries is wrong
    std::string problem{};  // in words
};
// With `keys` each checkpoint has to be signed by one of them. Without any, the keys that the checkpoints
// name are believed, which proves that the parts fit together, and not who signed.
Result<Verdict> verify(store::Store& store, std::span<const PublicKey> keys);
// The same for an exported file, read from the descriptor's position to its end.
Result<Verdict> verify_export(int fd, std::span<const PublicKey> keys);

}  // namespace rushlight::audit
