// Key: what makes an entry of a list the same entry: the hash itself, or for the long values (vPDQ, PhotoDNA)
// the SHA-256 of their packed bytes.
#pragma once

#include "base/hash.h"
#include "match/formats/value.h"

#include <array>
#include <compare>
#include <cstdint>
#include <cstring>

namespace rushlight::match {

struct Key {
    formats::Method method = formats::Method::md5;
    std::array<std::byte, 32> bytes{};  // zero behind the method's own length

    static constexpr std::size_t size_of(formats::Method method) {
        switch (method) {
            case formats::Method::md5:
                return Md5::kBytes;
            case formats::Method::sha1:
                return Sha1::kBytes;
            default:
                return 32;
        }
    }
    static constexpr bool is_digest(formats::Method method) {
        return method == formats::Method::vpdq || method == formats::Method::photodna;
    }
    Bytes view() const { return Bytes(bytes).first(size_of(method)); }

    std::strong_ordering operator<=>(const Key& other) const {
        if (method != other.method) return method <=> other.method;
        return std::memcmp(bytes.data(), other.bytes.data(), bytes.size()) <=> 0;
    }
    bool operator==(const Key& other) const { return (*this <=> other) == 0; }
};

// `packed` is a well-formed value's bytes.
Key key_of(formats::Method method, Bytes packed);
inline Key key_of(const formats::Value& value) { return key_of(value.method, value.bytes); }

}  // namespace rushlight::match
