// For tests and benchmarks: hashes that cluster as those of real pictures do, as many as are wanted.
//
// A PDQ bit is the sign of a DCT coefficient against the median, so noise is put on coefficients, not on
// bits: bits near the median flip in copy after copy, the others hardly ever. A real hash gives the signs of
// a scene; a picture of the scene is its coefficients, blended with fresh ones; an edited copy is the
// picture's with a little noise. docs/match-index.md compares what comes out with the real file.
#pragma once

#include "base/hash.h"

#include <array>
#include <bit>
#include <cstdint>
#include <fstream>
#include <string>
#include <vector>

namespace rushlight::match::index {

// Steele, Lea, Flood: "Fast splittable pseudorandom number generators", 2014.
struct SplitMix {
    std::uint64_t state;

    std::uint64_t operator()() {
        state += 0x9E3779B97F4A7C15;
        std::uint64_t z = state;
        z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9;
        z = (z ^ z >> 27) * 0x94D049BB133111EB;
        return z ^ z >> 31;
    }
    std::uint64_t below(std::uint64_t bound) { return (*this)() % bound; }
};

inline std::vector<Pdq> read_hashes(const std::string& path) {
    std::vector<Pdq> hashes;
    std::ifstream file(path);
    for (std::string line; std::getline(file, line);) {
        if (const auto hash = Pdq::parse(line)) hashes.push_back(*hash);
    }
    return hashes;
}

inline Pdq random_hash(SplitMix& random) {
    Pdq hash;
    for (std::size_t i = 0; i < Pdq::kBytes; i += 8) {
        const std::uint64_t word = random();
        std::memcpy(hash.value.data() + i, &word, 8);
    }
    return hash;
}

// The hash with exactly `bits` different bits.
inline Pdq flipped(Pdq hash, int bits, SplitMix& random) {
    std::array<bool, 256> done{};
    while (bits > 0) {
        const std::uint64_t bit = random.below(256);
        if (done[bit]) continue;
        done[bit] = true;
        hash.value[bit / 8] ^= static_cast<std::byte>(1U << (bit % 8));
        --bits;
    }
    return hash;
}

class ClusteredHashes {
  public:
    ClusteredHashes(std::vector<Pdq> real, std::uint64_t seed) : real_(std::move(real)), random_{seed} {}

    // The next edited copy; after a few of them, of another picture.
    Pdq next() {
        if (copies_left_ == 0) next_picture();
        --copies_left_;
        // Half of the copies are hardly changed (another quality, another size), the others visibly.
        const int strength = static_cast<int>(random_() % 2 == 0 ? random_.below(16) : random_.below(100));
        Pdq copy;
        for (int j = 0; j < 256; ++j) {
            const int value = 2 * (picture_[j] + strength * noise()) + 1;
            if (value > 0) copy.value[j / 8] |= static_cast<std::byte>(128U >> (j % 8));
        }
        return copy;
    }

  private:
    // Nearly normal, mean 0, standard deviation 4.
    int noise() { return std::popcount(random_()) - 32; }

    void next_picture() {
        const Pdq& scene = real_[random_.below(real_.size())];
        for (int j = 0; j < 256; ++j) {
            const bool set = (std::to_integer<unsigned>(scene.value[j / 8]) & (128U >> (j % 8))) != 0;
            const int size = std::abs(noise());
            picture_[j] = kScene * (set ? size : -size) + kFresh * noise();
        }
        copies_left_ = 1 + std::countr_zero(random_() | 1U << 5);  // 1 to 6, halving
    }

    // Shares of the scene and of what is the picture's own: kScene^2 + kFresh^2 = 256^2.
    static constexpr int kScene = 254;
    static constexpr int kFresh = 32;

    std::vector<Pdq> real_;
    SplitMix random_;
    std::array<int, 256> picture_{};
    int copies_left_ = 0;
};

}  // namespace rushlight::match::index
