// Ed25519 signatures (RFC 8032, by libsodium): of the chain's checkpoints here, of receipts in later rooms.
//
// A SigningKey is made from a 32-byte seed that somebody else keeps (vault seals it); it wipes its memory
// when it goes. Thread-safe.
#pragma once

#include "base/bytes.h"
#include "base/hash.h"
#include "base/result.h"

#include <array>
#include <cstddef>
#include <string_view>
#include <vector>

namespace rushlight::audit {

using PublicKey = Hash<32, struct PublicKeyTag>;
using Signature = Hash<64, struct SignatureTag>;

class SigningKey {
  public:
    static SigningKey from_seed(std::span<const std::byte, 32> seed);
    SigningKey(SigningKey&& other) noexcept;
    SigningKey& operator=(SigningKey&& other) noexcept;
    SigningKey(const SigningKey&) = delete;
    SigningKey& operator=(const SigningKey&) = delete;
    ~SigningKey();

    const PublicKey& public_key() const { return public_key_; }
    Signature sign(Bytes message) const;

  private:
    SigningKey() = default;

    std::array<unsigned char, 64> secret_{};
    PublicKey public_key_;
};

bool signed_by(const PublicKey& key, Bytes message, const Signature& signature);

// Public keys as people keep them: 64 hexadecimal digits a line; empty lines and what follows # are skipped.
// `invalid` names the line; also where there is none at all or more than 100.
Result<std::vector<PublicKey>> parse_public_keys(std::string_view text);

}  // namespace rushlight::audit
