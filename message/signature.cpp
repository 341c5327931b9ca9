#include "message/signature.h"

#include "base/hash.h"
#include "base/text.h"

#include <algorithm>
#include <array>
#include <optional>
#include <vector>

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

namespace rushlight::message {
namespace {

constexpr std::size_t kMostHeader = 1'000;
constexpr std::size_t kMostMacs = 8;
constexpr std::int64_t kMostSeconds = 253'402'300'799;  // the end of the year 9999

Sha256 mac_of(std::string_view body, std::string_view secret, std::string_view time) {
    std::string text(time);
    text.append(".").append(body);
    Sha256 mac;
    unsigned length = Sha256::kBytes;
    ::HMAC(::EVP_sha256(), secret.data(), static_cast<int>(secret.size()),
           reinterpret_cast<const unsigned char*>(text.data()), text.size(),
           reinterpret_cast<unsigned char*>(mac.value.data()), &length);
    return mac;
}

struct Parts {
    std::string_view time;  // as it was signed
    std::int64_t seconds = 0;
    std::vector<Sha256> macs;
};

// Names that are not known are passed over: a later version may add some.
std::optional<Parts> parse(std::string_view signature) {
    if (signature.size() > kMostHeader) return std::nullopt;
    Parts parts;
    for (std::string_view part : split(signature, ',')) {
        part = trim(part);
        const std::size_t equals = part.find('=');
        if (equals == std::string_view::npos) return std::nullopt;
        const std::string_view name = part.substr(0, equals);
        const std::string_view value = part.substr(equals + 1);
        if (name == "t") {
            const auto seconds = parse_integer(value);
            if (!parts.time.empty() || !seconds || *seconds < 0 || *seconds > kMostSeconds)
                return std::nullopt;
            parts.time = value;
            parts.seconds = *seconds;
        } else if (name == "v1") {
            const auto mac = Sha256::parse(value);
            if (!mac || parts.macs.size() == kMostMacs) return std::nullopt;
            parts.macs.push_back(*mac);
        }
    }
    if (parts.time.empty() || parts.macs.empty()) return std::nullopt;
    return parts;
}

}  // namespace

std::string sign(std::string_view body, std::span<const std::string> secrets, Time now) {
    const std::string time = std::to_string(now.micros / 1'000'000);
    std::string header = "t=" + time;
    for (const std::string& secret : secrets) header.append(",v1=").append(mac_of(body, secret, time).hex());
    return header;
}

Status verify(std::string_view signature, std::string_view body, std::string_view secret, Time now,
              std::chrono::seconds tolerance) {
    const auto parts = parse(signature);
    if (!parts)
        return fail(ErrorCode::invalid, "this is no Rushlight-Signature: t=SECONDS,v1=64 hexadecimal digits");
    const Sha256 mac = mac_of(body, secret, parts->time);
    bool known = false;
    for (const Sha256& one : parts->macs)
        known = ::CRYPTO_memcmp(one.value.data(), mac.value.data(), Sha256::kBytes) == 0 || known;
    if (!known || secret.empty())
        return fail(ErrorCode::denied, "the body was not signed with this secret, or was changed");
    const std::int64_t apart = now.micros / 1'000'000 - parts->seconds;
    if (apart > tolerance.count())
        return fail(ErrorCode::denied, "the signature is " + std::to_string(apart) + " s old");
    if (-apart > tolerance.count())
        return fail(ErrorCode::denied, "the signature is of " + std::to_string(-apart) +
                                           " s from now: one of the two clocks is wrong");
    return {};
}

}  // namespace rushlight::message
