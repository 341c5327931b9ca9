#include "accounts/tokens.h"

#include "accounts/accounts.h"
#include "base/digest.h"
#include "base/text.h"

#include <array>
#include <stdexcept>

#include <sodium.h>

namespace rushlight::accounts {
namespace {

constexpr std::string_view kBase32 = "abcdefghijklmnopqrstuvwxyz234567";
using Token256 = Hash<32, struct Token256Tag>;

}  // namespace

void random_fill(std::span<std::byte> out) {
    static const int started = ::sodium_init();  // may be called by several rooms; 1: was started already
    if (started < 0) throw std::runtime_error("libsodium cannot start");
    ::randombytes_buf(out.data(), out.size());
}

std::string random_token() { return random_hash<Token256>().hex(); }

std::optional<Sha256> hash_of_token(std::string_view token) {
    const auto parsed = Token256::parse(token);
    if (!parsed) return std::nullopt;
    return sha256_of(parsed->value);
}

Sha256 hash_of_secret(std::string_view secret) {
    Sha256 hash;
    ::crypto_hash_sha256(reinterpret_cast<unsigned char*>(hash.value.data()),
                         reinterpret_cast<const unsigned char*>(secret.data()), secret.size());
    return hash;
}

std::string to_base32(Bytes bytes) {
    std::string text;
    unsigned held = 0;
    int bits = 0;
    for (const std::byte byte : bytes) {
        held = (held << 8) | std::to_integer<unsigned>(byte);
        for (bits += 8; bits >= 5; bits -= 5) text += kBase32[(held >> (bits - 5)) & 31];
    }
    if (bits > 0) text += kBase32[(held << (5 - bits)) & 31];
    return text;
}

std::optional<ByteVector> parse_base32(std::string_view text) {
    ByteVector bytes;
    unsigned held = 0;
    int bits = 0;
    for (char c : text) {
        if (c == '-' || c == ' ') continue;
        if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
        const auto digit = kBase32.find(c);
        if (digit == std::string_view::npos) return std::nullopt;
        held = (held << 5) | static_cast<unsigned>(digit);
        bits += 5;
        if (bits >= 8) {
            bits -= 8;
            bytes.push_back(static_cast<std::byte>((held >> bits) & 255));
        }
    }
    return bytes;
}

Sha256 keyed_hash(const Sha256& key, std::initializer_list<std::string_view> parts) {
    crypto_generichash_state state;
    Sha256 hash;
    ::crypto_generichash_init(&state, reinterpret_cast<const unsigned char*>(key.value.data()),
                              key.value.size(), hash.value.size());
    for (const std::string_view part : parts) {
        std::array<unsigned char, 8> size{};
        for (std::size_t i = 0; i < size.size(); ++i)
            size[i] = static_cast<unsigned char>(part.size() >> (8 * i));
        ::crypto_generichash_update(&state, size.data(), size.size());
        ::crypto_generichash_update(&state, reinterpret_cast<const unsigned char*>(part.data()), part.size());
    }
    ::crypto_generichash_final(&state, reinterpret_cast<unsigned char*>(hash.value.data()),
                               hash.value.size());
    return hash;
}

std::string csrf_token(std::string_view session_token) {
    return sha256_of(bytes_of("rushlight-csrf-1:" + std::string(session_token))).hex();
}

bool same(std::string_view a, std::string_view b) {
    return a.size() == b.size() && ::sodium_memcmp(a.data(), b.data(), a.size()) == 0;
}

}  // namespace rushlight::accounts
