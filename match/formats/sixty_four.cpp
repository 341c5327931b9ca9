#include "match/formats/sixty_four.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <cstring>

namespace rushlight::match::formats {
namespace {

constexpr double kPi = 3.14159265358979323846;

// log(P(count | PDQ) / P(count | SHA-256)) for each count of set bits.
//
// PDQ: half of the weight on exactly 128, most of the rest close around it (published hashes of edited
// pictures have a spread of 3.5), and a little anywhere, for flat pictures. No single value may say more than
// a factor e^4.
std::array<double, 257> make_table() {
    std::array<double, 257> table{};
    for (int count = 0; count <= 256; ++count) {
        const double off = count - 128;
        const double near = std::exp(-(off / 3.5) * (off / 3.5) / 2) / (3.5 * std::sqrt(2 * kPi));
        const double pdq = (count == 128 ? 0.5 : 0.0) + 0.45 * near + 0.05 / 257;
        const double log_sha256 =
            std::lgamma(257) - std::lgamma(count + 1) - std::lgamma(257 - count) - 256 * std::log(2.0);
        table[static_cast<std::size_t>(count)] = std::clamp(std::log(pdq) - log_sha256, -4.0, 4.0);
    }
    return table;
}

// The mean over SHA-256 values is -1.28 with a spread of 1.57; over published PDQ hashes it is +1.3 to +2.4.
// What lies between is a mixture.
constexpr double kPdqMean = 0.6;
constexpr double kSha256Mean = -0.6;

}  // namespace

void SixtyFour::see(Bytes value) {
    static const std::array<double, 257> kTable = make_table();
    int count = 0;
    for (const std::byte b : value.first(std::min<std::size_t>(value.size(), 32))) {
        count += std::popcount(std::to_integer<unsigned>(b));
    }
    log_ratio_ += kTable[static_cast<std::size_t>(count)];
    ++seen_;
}

std::optional<Method> SixtyFour::verdict() const {
    if (seen_ == 0) return std::nullopt;
    const double mean = log_ratio_ / static_cast<double>(seen_);
    if (log_ratio_ >= kEvidence && mean >= kPdqMean) return Method::pdq;
    if (log_ratio_ <= -kEvidence && mean <= kSha256Mean) return Method::sha256;
    return std::nullopt;
}

}  // namespace rushlight::match::formats
