// For benchmarks: a data folder whose lists hold as many hashes as are wanted, made as a person would make
// it: by `rushlight list import`, from a pipe. Kept where a folder to keep it in is given.
//
// The hashes are random, and each is told by its number, so that nobody has to remember ten million.
#pragma once

#include "base/hash.h"

#include <cstdint>
#include <cstring>
#include <string>

namespace rushlight::app::testing {

// Steele, Lea, Flood: "Fast splittable pseudorandom number generators", 2014, at a place of its own.
template <class Hash>
Hash hash_number(std::uint64_t number) {
    Hash hash;
    for (std::size_t i = 0; i < Hash::kBytes; i += 8) {
        std::uint64_t z = (4 * number + i / 8 + 1) * 0x9E3779B97F4A7C15;
        z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9;
        z = (z ^ z >> 27) * 0x94D049BB133111EB;
        z ^= z >> 31;
        std::memcpy(hash.value.data() + i, &z, 8);
    }
    return hash;
}

// Numbers of what the lists hold: [0, pdq) are PDQ, [kSha256, kSha256 + sha256) SHA-256. From kUnknown on
// they stand in no list.
inline constexpr std::uint64_t kSha256 = std::uint64_t{1} << 40;
inline constexpr std::uint64_t kUnknown = std::uint64_t{1} << 50;

struct KnownLists {
    std::uint64_t pdq = 0, sha256 = 0;

    double import_seconds = 0;  // 0: they stood there already
};

// Makes the lists in `data`, or finds that they are there; std::runtime_error where that fails.
KnownLists make_lists(const std::string& data, std::uint64_t pdq, std::uint64_t sha256);

}  // namespace rushlight::app::testing
