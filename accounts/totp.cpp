#include "accounts/totp.h"

#include "accounts/accounts.h"

#include <array>
#include <cctype>

#include <openssl/evp.h>
#include <openssl/hmac.h>

namespace rushlight::accounts {

std::int64_t totp_step(Time at) { return at.micros / 30'000'000; }

std::string totp_code(Bytes secret, std::int64_t step) {
    std::array<unsigned char, 8> counter{};
    for (std::size_t i = 0; i < 8; ++i)
        counter[7 - i] = static_cast<unsigned char>(static_cast<std::uint64_t>(step) >> (8 * i));
    std::array<unsigned char, EVP_MAX_MD_SIZE> mac{};
    unsigned size = 0;
    ::HMAC(EVP_sha1(), secret.data(), static_cast<int>(secret.size()), counter.data(), counter.size(),
           mac.data(), &size);
    const std::size_t at = mac[19] & 15U;  // RFC 4226, section 5.3
    const std::uint32_t number = ((mac[at] & 127U) << 24 | static_cast<std::uint32_t>(mac[at + 1]) << 16 |
                                  static_cast<std::uint32_t>(mac[at + 2]) << 8 | mac[at + 3]) %
                                 1'000'000;
    std::string digits = std::to_string(number);
    return std::string(6 - digits.size(), '0') + digits;
}

std::optional<std::int64_t> matching_step(Bytes secret, std::string_view code, Time now,
                                          std::int64_t last_used) {
    std::optional<std::int64_t> found;
    const std::int64_t present = totp_step(now);
    for (std::int64_t step = present - 1; step <= present + 1; ++step) {
        if (same(totp_code(secret, step), code) && step > last_used && !found) found = step;
    }
    return found;
}

std::string totp_uri(std::string_view secret_base32, std::string_view email) {
    constexpr std::string_view kHex = "0123456789ABCDEF";
    std::string label;
    for (const char c : email) {
        const auto byte = static_cast<unsigned char>(c);
        if (std::isalnum(byte) != 0 || c == '.' || c == '-' || c == '_') {
            label += c;
        } else {
            label += {'%', kHex[byte >> 4], kHex[byte & 15]};
        }
    }
    std::string secret(secret_base32);
    for (char& c : secret) c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
    return "otpauth://totp/Rushlight:" + label + "?secret=" + secret + "&issuer=Rushlight";
}

}  // namespace rushlight::accounts
