// vault: the key file, and a Sealer that keeps small secrets and signing keys under it. The holding area for
// whole files stands in vault/holding.h. Formats: docs/formats/vault.md.
//
//   auto sealer = Sealer::open(store, {.data = "./var", .now = clock.now()});
//   ByteVector sealed = sealer->seal("accounts.totp:" + id, secret);        // into a table of yours
//   auto secret = sealer->open("accounts.totp:" + id, sealed);
//
// DATA/keys/rushlight.key (0600, in a folder of 0700) is made at first use, whole or not at all. It holds
// random keys, the newest first; with a passphrase they are themselves sealed under it (Argon2id). Whoever
// has the data but not this file has nothing that is sealed; whoever loses it has lost the same. On several
// machines with one PostgreSQL each needs a copy.
//
// Method: XSalsa20-Poly1305 (libsodium's secretbox) with a key of its own for every purpose, drawn from the
// ring's key by BLAKE2b; the sealed bytes name the key they were sealed with.
//
// Threads: a Sealer may be used from any thread, rotate() too. Errors: `corrupt` where sealed bytes were
// changed, or sealed for another purpose; `not_found` where their key is not in the ring; `denied` where the
// key file may not be used as it is (too open, a wrong passphrase); the message says what to do.
#pragma once

#include "audit/signing.h"
#include "base/hash.h"
#include "base/result.h"
#include "base/time.h"
#include "store/store.h"

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace rushlight::vault {

store::Schema schema();

using KeyId = Hash<8, struct KeyIdTag>;  // drawn from the key itself: a key that was changed has another

inline constexpr std::size_t kMostSecret = 64 * 1024;  // bytes that seal() takes

// How hard a passphrase is to guess; the defaults are libsodium's "moderate" (256 MiB, some 0.7 s).
struct Effort {
    std::uint64_t passes = 3;
    std::uint64_t memory_kib = 256 * 1024;
};

struct SealerOptions {
    std::string data;                         // the data folder
    std::optional<std::string> passphrase{};  // of the key file, or for the one that is made
    // Make a new key file though sealed things exist whose keys are gone. All of them are then lost for good.
    bool accept_loss = false;
    Effort effort{};
    Time now{};
};

class Sealer {
  public:
    // Reads the key file or makes it. `denied`, `corrupt` and `not_found` as above: a store that has sealed
    // things refuses to go on without their keys, in words that say what is lost with them.
    static Result<Sealer> open(store::Store& store, const SealerOptions& options);
    Sealer(Sealer&&) noexcept;
    Sealer& operator=(Sealer&&) noexcept;
    ~Sealer();

    // `purpose` says what the secret is for and whose it is, "accounts.totp:a1": sealed bytes open for that
    // one only. `limit` above kMostSecret.
    Result<ByteVector> seal(std::string_view purpose, Bytes secret) const;
    // Wipe what you got once it was used.
    Result<ByteVector> open(std::string_view purpose, Bytes sealed) const;
    // Whether a newer key than theirs is in use: seal them again when you write them next.
    bool is_old(Bytes sealed) const;

    // The signing key of this name ("audit", "receipt"): made at first use, its seed sealed in the store (one
    // for all machines), its public key as hexadecimal digits also in DATA/keys/NAME.pub, to be taken away.
    // Made anew where an operator accepted that its seed is lost. NAME is the program's own: lower case
    // letters.
    Result<audit::SigningKey> signing_key(store::Store& store, std::string_view name, Time now) const;

    // A new key for all that is sealed from now on; older ones stay in the file for what is sealed with them.
    Status rotate(store::Store& store, Time now);
    KeyId current() const;
    std::size_t keys() const;
    const std::string& path() const;  // of the key file

  private:
    struct State;
    explicit Sealer(std::unique_ptr<State> state);

    std::unique_ptr<State> state_;
};

}  // namespace rushlight::vault
