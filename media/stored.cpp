// A fingerprint as bytes to keep: what the decoding child said, in the words of the wire between it and us,
// so that what comes back from a database is checked as strictly as what comes from a child.
#include "media/fingerprint.h"
#include "media/format.h"
#include "media/protocol.h"

#include <algorithm>
#include <bit>
#include <cstring>

namespace rushlight::media {
namespace {

static_assert(std::endian::native == std::endian::little, "kept fingerprints are little-endian");

constexpr std::size_t kLengthBytes = sizeof(std::uint32_t);
// Nothing was refused for its size when it was made; it isn't now either.
constexpr protocol::Request kAnything{
    .dihedral = true, .max_pixels = ~std::uint64_t{0}, .max_frames = ~std::uint64_t{0}};

Format format_of(const Type& type) {
    for (std::uint8_t i = 0; i < kFormats; ++i) {
        if (type_of(static_cast<Format>(i)) == type) return static_cast<Format>(i);
    }
    return Format::unknown;
}

void append(ByteVector& out, Bytes bytes) { out.insert(out.end(), bytes.begin(), bytes.end()); }

}  // namespace

ByteVector pack(const Fingerprint& fingerprint) {
    const ByteVector answer = protocol::encode(protocol::Answer{.format = format_of(fingerprint.type),
                                                                .width = fingerprint.width,
                                                                .height = fingerprint.height,
                                                                .pdq = fingerprint.pdq,
                                                                .quality = fingerprint.quality.value_or(0),
                                                                .dihedral = fingerprint.dihedral,
                                                                .problem = fingerprint.problem});
    ByteVector out(kLengthBytes);
    const auto length = static_cast<std::uint32_t>(answer.size());
    std::memcpy(out.data(), &length, kLengthBytes);
    append(out, answer);
    for (std::span<const Frame> rest = fingerprint.frames; !rest.empty();) {
        const auto batch = rest.first(std::min(rest.size(), protocol::kMaxBatch));
        append(out, protocol::encode(batch));
        rest = rest.subspan(batch.size());
    }
    return out;
}

std::optional<Fingerprint> unpack(Bytes bytes) {
    std::uint32_t length = 0;
    if (bytes.size() < kLengthBytes) return std::nullopt;
    std::memcpy(&length, bytes.data(), kLengthBytes);
    bytes = bytes.subspan(kLengthBytes);
    if (bytes.size() < length) return std::nullopt;
    auto answer = protocol::parse_answer(bytes.first(length), kAnything);
    if (!answer) return std::nullopt;
    Fingerprint fingerprint;
    fingerprint.type = type_of(answer->format);
    fingerprint.width = answer->width;
    fingerprint.height = answer->height;
    fingerprint.pdq = answer->pdq;
    if (answer->pdq) fingerprint.quality = answer->quality;
    fingerprint.dihedral = answer->dihedral;
    fingerprint.problem = std::move(answer->problem);
    for (bytes = bytes.subspan(length); !bytes.empty();) {
        const std::size_t batch = std::min(bytes.size(), protocol::kMaxBatch * protocol::kFrameBytes);
        if (!protocol::parse_frames(bytes.first(batch), kAnything, fingerprint.frames)) return std::nullopt;
        bytes = bytes.subspan(batch);
    }
    return fingerprint;
}

}  // namespace rushlight::media
