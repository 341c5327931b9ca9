#include "base/random.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <stdexcept>

#include <sys/random.h>

namespace rushlight {

void fill_random(std::span<std::byte> out) {
    while (!out.empty()) {
        const ssize_t n = ::getrandom(out.data(), out.size(), 0);
        if (n < 0 && errno == EINTR) continue;
        if (n <= 0) throw std::runtime_error("the kernel gives no random numbers");
        out = out.subspan(static_cast<std::size_t>(n));
    }
}

namespace {

constexpr std::string_view kLetters = "23456789abcdefghijkmnpqrstuvwxyz";  // 32 of them: five bits each
constexpr std::size_t kDigits = 26;

// Random bytes for the next ids of one thread: one call of the kernel gives enough for some dozen. What was
// used is forgotten.
class Stock {
  public:
    std::array<std::byte, kDigits> next() {
        if (left_ == 0) {
            fill_random(bytes_);
            left_ = kIds;
        }
        --left_;
        std::array<std::byte, kDigits> taken{};
        const auto place = std::span(bytes_).subspan(left_ * kDigits, kDigits);
        std::ranges::copy(place, taken.begin());
        std::ranges::fill(place, std::byte{0});
        return taken;
    }

  private:
    static constexpr std::size_t kIds = 64;
    std::array<std::byte, kIds * kDigits> bytes_{};
    std::size_t left_ = 0;
};

}  // namespace

std::string new_id(std::string_view prefix) {
    thread_local Stock stock;
    std::string id;
    id.reserve(prefix.size() + kDigits);
    id += prefix;
    for (const std::byte b : stock.next()) id += kLetters[std::to_integer<unsigned>(b) & 31U];
    return id;
}

}  // namespace rushlight
