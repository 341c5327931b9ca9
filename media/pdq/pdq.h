// media/pdq: the PDQ fingerprint of a picture's luma, bit for bit as the reference computes it.
//
// Source: facebook/ThreatExchange, pdq/ (the algorithm's description, hashing/); docs/media.md has the steps.
// Pure computation: no allocation beyond the scratch buffer, no input or output. Functions are thread-safe; a
// Scratch belongs to one thread. Kernels are chosen once at run time by what the processor has (plain x86-64,
// AVX2+FMA-free, NEON); all give the same bits.
#pragma once

#include "base/hash.h"

#include <array>
#include <cstdint>
#include <span>
#include <vector>

namespace rushlight::media::pdq {

inline constexpr int kMaxSide = 512;  // larger pictures are sampled down to kMaxSide squared first

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
};

struct Scratch {
    std::vector<float> a, b;
};

// `dihedral`, where given, receives the seven other hashes (transposition and sign changes of the same DCT).
// An image of zero width or height gives quality 0 and a hash of zeros.
Result hash(const Image& image, Scratch& scratch, Dihedral* dihedral = nullptr);

}  // namespace rushlight::media::pdq
