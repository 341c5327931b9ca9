// Private: random secrets, their spelling, and what is kept of them.
#pragma once

#include "base/bytes.h"
#include "base/hash.h"

#include <optional>
#include <string>
#include <string_view>

namespace rushlight::accounts {

void random_fill(std::span<std::byte> out);
template <class H>
H random_hash() {
    H hash;
    random_fill(hash.value);
    return hash;
}

// 256 random bits as 64 hexadecimal digits.
std::string random_token();
// What is kept of a token; nullopt for what cannot be one.
std::optional<Sha256> hash_of_token(std::string_view token);

// SHA-256 of a few bytes, without the set-up that a general one needs.
Sha256 hash_of_secret(std::string_view secret);

// RFC 4648 base32 in small letters, without padding. parse_base32 takes either case, and skips - and spaces.
std::string to_base32(Bytes bytes);
std::optional<ByteVector> parse_base32(std::string_view text);

// A keyed hash of parts, each with its length: equal for equal parts only, and telling nothing without the
// key.
Sha256 keyed_hash(const Sha256& key, std::initializer_list<std::string_view> parts);

}  // namespace rushlight::accounts
