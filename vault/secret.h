// Private: key material that wipes itself, and random bytes.
#pragma once

#include "base/bytes.h"
#include "vault/vault.h"

#include <array>
#include <string_view>

namespace rushlight::vault {

// A 256-bit key. Copies wipe themselves, too.
class Key {
  public:
    static constexpr std::size_t kBytes = 32;

    Key() = default;
    Key(const Key&) = default;
    Key& operator=(const Key&) = default;
    ~Key();

    static Key random();
    static Key from(std::span<const std::byte, kBytes> bytes);
    // A key of its own for this use of this one.
    Key derive(std::string_view use) const;
    KeyId id() const;

    const unsigned char* data() const { return reinterpret_cast<const unsigned char*>(bytes_.data()); }
    Bytes bytes() const { return bytes_; }

  private:
    std::array<std::byte, kBytes> bytes_{};
};

void random_bytes(std::span<std::byte> out);
void wipe(std::span<std::byte> bytes);

// nonce (24 bytes) and secretbox. `unbox` fails with nullopt where it was changed or the key is another one.
ByteVector box(const Key& key, Bytes secret);
std::optional<ByteVector> unbox(const Key& key, Bytes boxed);

}  // namespace rushlight::vault
