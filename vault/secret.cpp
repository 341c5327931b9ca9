#include "vault/secret.h"

#include <cstring>
#include <stdexcept>
#include <string>

#include <sodium.h>

namespace rushlight::vault {
namespace {

void start_sodium() {
    static const int started = ::sodium_init();  // may be called by several rooms; 1: was started already
    if (started < 0) throw std::runtime_error("libsodium cannot start");
}

unsigned char* out_of(std::span<std::byte> bytes) { return reinterpret_cast<unsigned char*>(bytes.data()); }
const unsigned char* in_of(Bytes bytes) { return reinterpret_cast<const unsigned char*>(bytes.data()); }

// BLAKE2b with the key as its key: a pseudorandom function of the text.
void keyed_hash(const Key& key, std::string_view text, std::span<std::byte> out) {
    ::crypto_generichash(out_of(out), out.size(), in_of(bytes_of(text)), text.size(), key.data(),
                         Key::kBytes);
}

}  // namespace

Key::~Key() { ::sodium_memzero(bytes_.data(), bytes_.size()); }

Key Key::random() {
    Key key;
    random_bytes(key.bytes_);
    return key;
}

Key Key::from(std::span<const std::byte, kBytes> bytes) {
    Key key;
    std::memcpy(key.bytes_.data(), bytes.data(), kBytes);
    return key;
}

Key Key::derive(std::string_view use) const {
    Key derived;
    keyed_hash(*this, "rushlight-use-1:" + std::string(use), derived.bytes_);
    return derived;
}

KeyId Key::id() const {
    std::array<std::byte, 16> digest{};  // BLAKE2b gives no less
    keyed_hash(*this, "rushlight-key-id-1", digest);
    return KeyId::from(Bytes(digest).first(KeyId::kBytes)).value();
}

void random_bytes(std::span<std::byte> out) {
    start_sodium();
    ::randombytes_buf(out.data(), out.size());
}

void wipe(std::span<std::byte> bytes) { ::sodium_memzero(bytes.data(), bytes.size()); }

ByteVector box(const Key& key, Bytes secret) {
    ByteVector boxed(crypto_secretbox_NONCEBYTES + crypto_secretbox_MACBYTES + secret.size());
    const std::span<std::byte> all(boxed);
    random_bytes(all.first(crypto_secretbox_NONCEBYTES));
    ::crypto_secretbox_easy(out_of(all.subspan(crypto_secretbox_NONCEBYTES)), in_of(secret), secret.size(),
                            in_of(boxed), key.data());
    return boxed;
}

std::optional<ByteVector> unbox(const Key& key, Bytes boxed) {
    constexpr std::size_t kAround = crypto_secretbox_NONCEBYTES + crypto_secretbox_MACBYTES;
    if (boxed.size() < kAround) return std::nullopt;
    ByteVector secret(boxed.size() - kAround);
    const Bytes sealed = boxed.subspan(crypto_secretbox_NONCEBYTES);
    if (::crypto_secretbox_open_easy(out_of(secret), in_of(sealed), sealed.size(), in_of(boxed),
                                     key.data()) != 0)
        return std::nullopt;
    return secret;
}

}  // namespace rushlight::vault
