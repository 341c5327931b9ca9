#include "http/security.h"

#include "base/text.h"

#include <algorithm>

namespace rushlight::http {

void set_security_headers(Response& response, const SecurityOptions& options) {
    const auto has = [&](std::string_view name) {
        return std::any_of(response.headers.begin(), response.headers.end(),
                           [&](const auto& header) { return equals_ignoring_case(header.first, name); });
    };
    const auto add = [&](std::string_view name, std::string_view value) {
        response.headers.emplace_back(name, value);
    };
    if (!has("Content-Security-Policy")) add("Content-Security-Policy", options.content_security_policy);
    add("X-Content-Type-Options", "nosniff");
    add("Referrer-Policy", "no-referrer");
    add("Cross-Origin-Opener-Policy", "same-origin");
    add("Cross-Origin-Resource-Policy", "same-origin");
    add("Permissions-Policy", "camera=(), geolocation=(), microphone=(), payment=(), usb=()");
    if (options.behind_tls) add("Strict-Transport-Security", "max-age=31536000");
    if (!has("Cache-Control")) add("Cache-Control", "no-store");
}

}  // namespace rushlight::http
