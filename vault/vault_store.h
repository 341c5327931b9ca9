// Private: the tables of vault, as the rest of the room sees them.
#pragma once

#include "vault/holding.h"
#include "vault/vault.h"

#include <vector>

namespace rushlight::vault {

// Which keys ever sealed something of this store.
Result<std::vector<KeyId>> known_keys(store::Store& store);
Result<std::vector<KeyId>> known_keys(store::Reader& reader);
// Adds `mine` and returns all; `forget_others` where the operator accepted that the others are gone.
Result<std::vector<KeyId>> add_keys(store::Store& store, const std::vector<KeyId>& mine, bool forget_others,
                                    Time now);
struct Sealed {  // what would be lost without the keys
    std::int64_t held_files = 0, signing_keys = 0;
};
Result<Sealed> count_sealed(store::Store& store);

struct StoredSigningKey {
    audit::PublicKey public_key;
    ByteVector sealed;
};
Result<std::optional<StoredSigningKey>> find_signing_key(store::Store& store, std::string_view name);
// Keeps the first one only; whoever comes second finds that. `instead_of`: a sealed one whose key is lost.
Status add_signing_key(store::Store& store, std::string_view name, const StoredSigningKey& key,
                       Bytes instead_of, Time now);

struct HeldRow {
    HeldFile file;
    ByteVector sealed_key;  // empty once it was thrown away
    std::string place;
};
Result<std::optional<HeldRow>> find_held(store::Store& store, const HeldId& id);
Result<std::optional<HeldRow>> find_held(store::Reader& reader, const HeldId& id);
Status add_held(store::Writer& writer, const HeldRow& row);
// Throws the key away. False where that was done before, or there is no such file.
Result<bool> mark_destroyed(store::Writer& writer, const HeldId& id, std::string_view who,
                            std::string_view why, Time now);
// All rows of one folder are now of another.
Status move_held(store::Writer& writer, std::string_view from, std::string_view to);
Result<std::uint64_t> held_bytes(store::Reader& reader);
Result<std::vector<HeldId>> expired_held(store::Store& store, Time now, int limit);
Result<std::vector<HeldId>> held_at(store::Store& store, std::string_view place);  // not destroyed
Result<std::vector<HeldFile>> list_held(store::Store& store, std::optional<HeldId> after, int limit);
Result<Usage> count_held(store::Store& store);

}  // namespace rushlight::vault
