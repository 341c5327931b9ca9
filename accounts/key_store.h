// Private: the table of API keys, as the rest of the room sees it.
#pragma once

#include "accounts/api_keys.h"

#include <vector>

namespace rushlight::accounts {

struct ApiKeyRow {
    ApiKey key;
    Sha256 hash;  // of the secret's spelling
};

// Rises with every change that matters to check().
Result<std::int64_t> key_change(store::Reader& reader);
Status add_key(store::Writer& writer, const ApiKeyRow& row);
// False where it was revoked before.
Result<bool> revoke_key(store::Writer& writer, const ApiKeyId& id, Time now);
Result<std::optional<ApiKey>> find_key(store::Reader& reader, const ApiKeyId& id);
Result<std::vector<ApiKey>> list_keys(store::Reader& reader, std::optional<ApiKeyId> after, int limit);
Result<std::vector<ApiKeyRow>> usable_keys(store::Reader& reader);
Status save_used(store::Writer& writer, const ApiKeyId& id, Time used);

}  // namespace rushlight::accounts
