#include "base/random.h"

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

std::string new_id(std::string_view prefix) {
    constexpr std::string_view kLetters = "23456789abcdefghijkmnpqrstuvwxyz";  // 32 of them: five bits each
    std::array<std::byte, 26> random{};
    fill_random(random);
    std::string id(prefix);
    for (const std::byte b : random) id += kLetters[std::to_integer<unsigned>(b) & 31U];
    return id;
}

}  // namespace rushlight
