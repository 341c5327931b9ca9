// The host of a URL: the host parser of the URL Standard (https://url.spec.whatwg.org/#host-parsing).
#pragma once

#include "base/result.h"

#include <optional>
#include <string>
#include <string_view>

namespace rushlight {

enum class HostKind {
    none,    // the URL has no authority: "mailto:someone"
    empty,   // it has one without a name: "file:///etc"
    domain,  // ASCII, lower case, "xn--" labels; a trailing dot stays
    ipv4,    // four decimal numbers, however it was spelt
    ipv6,    // in brackets, compressed, lower case
    opaque,  // of a scheme the standard does not know: percent-encoded, otherwise as typed
};

struct UrlHost {
    HostKind kind = HostKind::none;
    std::string text;  // as it is serialised

    bool operator==(const UrlHost&) const = default;
};

// `text` is well-formed UTF-8 and not empty. `special`: of a scheme with domains (http, ftp, file, …).
Result<UrlHost> parse_host(std::string_view text, bool special);

}  // namespace rushlight
