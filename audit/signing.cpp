#include "audit/signing.h"

#include "base/text.h"

#include <stdexcept>
#include <string>

#include <sodium.h>

namespace rushlight::audit {
namespace {

const unsigned char* data_of(Bytes bytes) { return reinterpret_cast<const unsigned char*>(bytes.data()); }

void start_sodium() {
    static const int started = ::sodium_init();  // may be called by several rooms; 1: was started already
    if (started < 0) throw std::runtime_error("libsodium cannot start");
}

}  // namespace

SigningKey SigningKey::from_seed(std::span<const std::byte, 32> seed) {
    start_sodium();
    SigningKey key;
    std::array<unsigned char, crypto_sign_PUBLICKEYBYTES> public_part{};
    static_assert(crypto_sign_SEEDBYTES == 32 && crypto_sign_SECRETKEYBYTES == sizeof key.secret_);
    ::crypto_sign_seed_keypair(public_part.data(), key.secret_.data(), data_of(seed));
    key.public_key_ = PublicKey::from(std::as_bytes(std::span(public_part))).value();
    return key;
}

SigningKey::SigningKey(SigningKey&& other) noexcept : secret_(other.secret_), public_key_(other.public_key_) {
    ::sodium_memzero(other.secret_.data(), other.secret_.size());
}

SigningKey& SigningKey::operator=(SigningKey&& other) noexcept {
    if (this != &other) {
        secret_ = other.secret_;
        public_key_ = other.public_key_;
        ::sodium_memzero(other.secret_.data(), other.secret_.size());
    }
    return *this;
}

SigningKey::~SigningKey() { ::sodium_memzero(secret_.data(), secret_.size()); }

Signature SigningKey::sign(Bytes message) const {
    Signature signature;
    ::crypto_sign_detached(reinterpret_cast<unsigned char*>(signature.value.data()), nullptr,
                           data_of(message), message.size(), secret_.data());
    return signature;
}

bool signed_by(const PublicKey& key, Bytes message, const Signature& signature) {
    start_sodium();
    return ::crypto_sign_verify_detached(data_of(signature.value), data_of(message), message.size(),
                                         data_of(key.value)) == 0;
}

Result<std::vector<PublicKey>> parse_public_keys(std::string_view text) {
    constexpr std::size_t kMost = 100;
    std::vector<PublicKey> keys;
    std::size_t number = 0;
    for (const std::string_view whole : split(text, '\n')) {
        ++number;
        const std::string_view line = trim(whole.substr(0, whole.find('#')));
        if (line.empty()) continue;
        const auto key = PublicKey::parse(line);
        if (!key)
            return fail(ErrorCode::invalid, "line " + std::to_string(number) +
                                                " is no public key: it wants 64 hexadecimal digits");
        keys.push_back(*key);
        if (keys.size() > kMost) return fail(ErrorCode::invalid, "there are more than 100 public keys");
    }
    if (keys.empty()) return fail(ErrorCode::invalid, "there is no public key");
    return keys;
}

}  // namespace rushlight::audit
