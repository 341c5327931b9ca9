// media/pdq: the PDQ fingerprint of a picture's luma, bit for bit as the reference computes it.
//
// Source: facebook/ThreatExchange, pdq/ (the algorithm's description, hashing/); docs/media.md has the steps.
// Pure computation: no allocation beyond the scratch buffers, no input or output. Functions are thread-safe;
// a Scratch belongs to one thread. Kernels are chosen once at run time by what the processor has (AVX2; SSE2
// or NEON; plain); all give the same bits.
#pragma once

#include "base/hash.h"

#include <array>
#include <chrono>
#include <cstdint>
#include <span>
#include <vector>

namespace rushlight::media::pdq {

inline constexpr int kMaxSide = 512;  // larger pictures are sampled down to kMaxSide squared first
inline constexpr int kMinSide = 5;    // smaller ones have no fingerprint

struct Result {
    Pdq hash;
    int quality = 0;  // 0–100; below 50 a near match means nothing
};
// In the reference's order: turned 90° anticlockwise, 180°, 90° clockwise, mirrored top to bottom, left to
// right, on the one and on the other diagonal.
using Dihedral = std::array<Pdq, 7>;

enum class Layout { grey8, rgb8, rgba8 };  // bytes a pixel 1, 3, 4; alpha is dropped, not blended

// A picture in memory, rows `stride` bytes apart.
struct Image {
    const std::uint8_t* pixels = nullptr;
    std::uint32_t width = 0;
    std::uint32_t height = 0;
    std::size_t stride = 0;
    Layout layout = Layout::rgb8;

    // For a decoder that scales while it decodes: this is a picture of full_width × full_height reduced to
    // `eighths`/8 (1 to 7), each pixel the mean of its part of the full one, sides rounded up. The blur that
    // the reference applies to the full picture is then applied to this one directly: close to the reference,
    // not equal to it (docs/media.md has how close). 8: it is the picture itself, and the result is exact.
    std::uint32_t eighths = 8;
    std::uint32_t full_width = 0;
    std::uint32_t full_height = 0;
};

// Memory and time of one thread's hashing.
struct Scratch {
    std::vector<float> a, b;
    // What the calls so far took, added up: to a blurred picture of 64×64; from there to the bits.
    std::chrono::nanoseconds filter{0}, dct{0};
};

// `dihedral`, where given, receives the seven other hashes (transposition and sign changes of the same DCT).
// A picture with a side under kMinSide (in the reference's sense: after the sampling to kMaxSide) gives
// quality 0 and a hash of zeros, as there.
Result hash(const Image& image, Scratch& scratch, Dihedral* dihedral = nullptr);

}  // namespace rushlight::media::pdq
