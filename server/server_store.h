// The tables of server: settings, and the answers kept for idempotency keys. Private to the room.
#pragma once

#include "base/hash.h"
#include "base/result.h"
#include "base/time.h"
#include "store/store.h"
#include "vault/vault.h"

#include <optional>
#include <string>
#include <string_view>

namespace rushlight::server {

// A POST with an Idempotency-Key, as the first one of that key left it.
struct KeptAnswer {
    bool lost = false;  // what was asked and answered cannot be read any more: its sealing key is gone
    Sha256 asked;       // of the request
    int status = 0;     // 0: still under way
    std::string body;
    Time at;  // when the first request came
};

// Answers hold secrets that are shown once, and requests hold passwords: what is kept of either is sealed.
class IdempotencyStore {
  public:
    IdempotencyStore(store::Store& store, const vault::Sealer& sealer) : store_(&store), sealer_(&sealer) {}

    // What is kept for this key; where there is nothing it is ours now, and nullopt is returned.
    Result<std::optional<KeptAnswer>> begin(std::string_view who, std::string_view key, const Sha256& asked,
                                            Time now);
    Status finish(std::string_view who, std::string_view key, int status, std::string_view body);
    Status give_up(std::string_view who, std::string_view key);  // it may be tried again
    Status forget(Time older_than);

  private:
    store::Store* store_;
    const vault::Sealer* sealer_;
};

}  // namespace rushlight::server
