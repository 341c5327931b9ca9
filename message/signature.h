// The signature of a webhook: HMAC-SHA-256 (RFC 2104, FIPS 180-4) over "TIME.BODY", as
// docs/formats/webhook.md has it with a worked example.
//
//   Rushlight-Signature: t=1767225600,v1=5257a8…,v1=9c1f03…
//
// While a secret is being replaced there is one v1 for each of the two, so that receivers change over when it
// suits them. The key is the secret as it is shown, all its bytes. Values; any thread.
#pragma once

#include "base/result.h"
#include "base/time.h"

#include <chrono>
#include <span>
#include <string>
#include <string_view>

namespace rushlight::message {

// One v1 a secret, in their order.
std::string sign(std::string_view body, std::span<const std::string> secrets, Time now);

// For receivers, and the practice one of ours: says that the body came from who holds the secret, within
// `tolerance` of now. Compares in constant time. `invalid`: no such header; `denied`: too old, too new, or
// another body or secret. Receivers also remember the id of what they took: within the tolerance a copy
// verifies too.
Status verify(std::string_view signature, std::string_view body, std::string_view secret, Time now,
              std::chrono::seconds tolerance = std::chrono::seconds(300));

}  // namespace rushlight::message
