// One listed hash of any method: its packed bytes and its canonical text.
//
// Values are plain data; every function here is pure and thread-safe.
#pragma once

#include "base/bytes.h"
#include "base/hash.h"
#include "base/result.h"

#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace rushlight::match::formats {

// How a hash was made, and so how it is compared.
enum class Method : std::uint8_t {
    md5,       // equal or not
    sha1,      // equal or not
    sha256,    // equal or not
    pdq,       // picture: Hamming distance of 256 bits
    vpdq,      // video: PDQ of its frames, compared by the share of frames that match
    photodna,  // kept and handed on, never matched: the algorithm is licensed
};
inline constexpr std::size_t kMethods = 6;

std::string_view to_string(Method method);
// Exactly these names, in any case; formats have further names of their own ("SHA-1", "video_md5").
std::optional<Method> parse_method(std::string_view text);

// Only these three are compared for equality.
constexpr bool is_exact(Method method) { return method <= Method::sha256; }

// Bytes of a hash that is written as hexadecimal digits; 0 for the others.
constexpr std::size_t hash_bytes(Method method) {
    switch (method) {
        case Method::md5:
            return Md5::kBytes;
        case Method::sha1:
            return Sha1::kBytes;
        case Method::sha256:
            return Sha256::kBytes;
        case Method::pdq:
            return Pdq::kBytes;
        case Method::vpdq:
        case Method::photodna:
            break;
    }
    return 0;
}

struct VideoFrame {
    Pdq hash;
    int quality = 0;     // 0–100
    double seconds = 0;  // from the start of the video

    bool operator==(const VideoFrame&) const = default;
};

inline constexpr std::size_t kMaxFrames = 20'000;  // five and a half hours at one a second
inline constexpr std::size_t kPhotoDnaBytes = 144;

// `bytes` is 16, 20, 32, 32 or 144 bytes long; for vPDQ 41 bytes a frame (hash, quality, seconds as an
// IEEE 754 double, little-endian). A Value made by the functions here is always well-formed.
struct Value {
    Method method = Method::md5;
    ByteVector bytes;

    auto operator<=>(const Value&) const = default;

    // Reads one value. MD5, SHA-1, SHA-256, PDQ: hexadecimal of either case. vPDQ: a JSON array of
    // "hex64,quality,seconds". PhotoDNA: 192 characters of base64 or 288 hexadecimal digits.
    // Fails with `invalid` and the reason in words.
    static Result<Value> parse(Method method, std::string_view text);
    // Where nobody says the method, the shape does: 32, 40 or 64 hexadecimal digits, "[…" for vPDQ. 64
    // digits can be SHA-256 or PDQ: `sixty_four` says which.
    static Result<Value> guess(std::string_view text, Method sixty_four);

    static Value of(const Md5& hash);
    static Value of(const Sha1& hash);
    static Value of(const Sha256& hash);
    static Value of(const Pdq& hash);
    static Value of(const std::vector<VideoFrame>& frames);  // at most kMaxFrames
    // From packed bytes, checked: fails with `corrupt`.
    static Result<Value> unpack(Method method, Bytes bytes);

    // Canonical: lower-case hexadecimal, base64 (PhotoDNA), or a JSON array without spaces (vPDQ).
    std::string text() const;
    std::vector<VideoFrame> frames() const;  // empty for every method but vPDQ
};

}  // namespace rushlight::match::formats
