// Private: one-time codes by RFC 6238 (HMAC-SHA-1, six digits, steps of 30 s), as authenticator apps make
// them.
#pragma once

#include "base/bytes.h"
#include "base/time.h"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace rushlight::accounts {

inline constexpr std::size_t kTotpSecret = 20;  // bytes

std::int64_t totp_step(Time at);
std::string totp_code(Bytes secret, std::int64_t step);
// The step within one of now whose code this is, later than `last_used`; nullopt where there is none. All are
// compared, in constant time.
std::optional<std::int64_t> matching_step(Bytes secret, std::string_view code, Time now,
                                          std::int64_t last_used);
// otpauth://totp/… for a QR code.
std::string totp_uri(std::string_view secret_base32, std::string_view email);

}  // namespace rushlight::accounts
