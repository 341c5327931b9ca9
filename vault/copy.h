// copy: what a backup takes of this room beside its tables (the key file, the sealed files of the holding
// area), and how a restore brings it back in step with them.
//
// Threads: any. Errors: as in vault/vault.h.
#pragma once

#include "base/fd.h"
#include "base/result.h"
#include "base/time.h"
#include "store/store.h"
#include "vault/holding.h"

#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace rushlight::vault {

inline constexpr std::size_t kMostKeyFile = 256 * 1024;  // bytes

// DATA/keys/rushlight.key as it lies there: wipe it. nullopt where there is none.
Result<std::optional<std::string>> key_file_text(const std::string& data);
// Whether the keys in it are themselves sealed under a passphrase.
bool wants_passphrase(std::string_view key_file_text);

enum class KeysAdopted { made, there_already, added };
// After this the folder's key file holds its own keys and those of `text`, so that whatever was sealed with
// either opens. `denied` where two files have to become one and the passphrase does not open both.
Result<KeysAdopted> adopt_keys(const std::string& data, std::string_view text,
                               const std::optional<std::string>& passphrase);
// The ids of keys that sealed something of this store and are not in the folder's key file.
Result<std::vector<KeyId>> missing_keys(store::Reader& reader, const std::string& data);

// The sealed files of one folder. They are read and written as they are: nothing is opened.
class HeldCopies {
  public:
    static Result<HeldCopies> open(const std::string& data);  // makes DATA/holding where it is missing

    const std::string& place() const { return place_; }  // which rows of the ledger are of this folder
    std::string path(const HeldId& id) const;
    bool has(const HeldId& id) const;
    // While this lives no sweep of this folder, by any process, takes a file for a stray. `unavailable` where
    // one is under way for ten seconds.
    Result<Fd> pause_sweeps() const;
    // A file of this id, flushed to the disk with `finish`; one that is there already is left as it is.
    Result<Fd> make(const HeldId& id) const;        // ID.part: swept where it stays
    Status finish(const HeldId& id, int fd) const;  // → ID.sealed
    void remove(const HeldId& id) const;
    Status flush() const;  // the folder itself

  private:
    HeldCopies(std::string path, std::string place) : path_(std::move(path)), place_(std::move(place)) {}
    std::string path_, place_;
};

// Not destroyed, in the order of their ids.
Result<std::vector<HeldId>> held_of(store::Reader& reader, std::string_view place);
Result<std::int64_t> held_elsewhere(store::Reader& reader, std::string_view place);
Result<bool> is_held(store::Reader& reader, const HeldId& id);
Result<std::set<HeldId>> destroyed_ids(store::Reader& reader);

struct LedgerAdopted {
    std::int64_t held = 0;       // files that the ledger has and `place` now holds
    std::int64_t destroyed = 0;  // that were destroyed since the backup, and stay so
    std::int64_t missing = 0;    // destroyed while the backup was made, marked so now
};
// A restored ledger: rows of the folder `from` are now of `place`; what was destroyed since stays destroyed,
// and what has no file is marked.
Result<LedgerAdopted> adopt_ledger(store::Writer& writer, std::string_view from, std::string_view place,
                                   const std::set<HeldId>& files, const std::set<HeldId>& destroyed_since,
                                   Time now);

}  // namespace rushlight::vault
