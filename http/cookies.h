// cookies: reading the Cookie header, writing Set-Cookie. Thread-safe: values only.
// Source: RFC 6265 and its successor draft-ietf-httpbis-rfc6265bis (SameSite, the prefixes __Host- and
// __Secure-).
#pragma once

#include "base/result.h"

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace rushlight::http {

// Names and values in their order; of the same name the browser's best match comes first. What is no pair is
// left out, as is all behind the 100th.
std::vector<std::pair<std::string_view, std::string_view>> parse_cookies(std::string_view header);
std::optional<std::string_view> find_cookie(std::string_view header, std::string_view name);

struct Cookie {
    enum class SameSite : std::uint8_t { strict, lax, none };

    std::string name, value;
    std::string path = "/";
    std::optional<std::chrono::seconds> max_age{};  // none: until the browser ends; 0: now
    bool secure = true;                             // false only where there is no TLS: loopback
    bool http_only = true;
    SameSite same_site = SameSite::strict;
};
// The value of a Set-Cookie header. `invalid` where name, value or path hold what a cookie can't, or where a
// prefix or SameSite=None asks for what is not given: a browser would drop it without a word.
Result<std::string> write_cookie(const Cookie& cookie);

}  // namespace rushlight::http
