// Dice: the same throws for the same seed, with every compiler and library.
// Source: S. Vigna, SplitMix64 (public domain); D. Knuth, TAOCP 2, 3.4.2 (shuffling).
#pragma once

#include <cstdint>
#include <string_view>
#include <utility>
#include <vector>

namespace rushlight::practice {

class Dice {
  public:
    explicit Dice(std::uint64_t seed) : state_(seed) {}
    // Dice of their own for one purpose: what is thrown for another changes nothing here.
    Dice(std::uint64_t seed, std::string_view purpose) : state_(seed) {
        for (const char c : purpose) state_ = next() ^ static_cast<unsigned char>(c);
    }

    std::uint64_t next() {
        std::uint64_t z = (state_ += 0x9e3779b97f4a7c15);
        z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
        z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
        return z ^ (z >> 31);
    }
    // 0 to sides − 1; the bias of a remainder of 2^64 is nothing here.
    std::size_t below(std::size_t sides) { return static_cast<std::size_t>(next() % sides); }
    template <class T>
    void shuffle(std::vector<T>& items) {
        for (std::size_t i = items.size(); i > 1; --i) std::swap(items[i - 1], items[below(i)]);
    }

  private:
    std::uint64_t state_;
};

}  // namespace rushlight::practice
