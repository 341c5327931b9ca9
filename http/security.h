// security: the headers that tell a browser what our pages may not do.
// Source: W3C Content Security Policy Level 3; Fetch (Cross-Origin-Resource-Policy); HTML (COOP); RFC 6797
// (HSTS).
#pragma once

#include "http/http.h"

namespace rushlight::http {

struct SecurityOptions {
    // Nothing but what this server gives: no inline script, no third party, no frame around it.
    std::string content_security_policy =
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; font-src "
        "'self'; "
        "connect-src 'self'; manifest-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors "
        "'none'";
    bool behind_tls = false;  // adds HSTS, for a year
};
// For every answer, pages, API and errors alike. What says nothing of its own about caching is not to be
// stored.
void set_security_headers(Response& response, const SecurityOptions& options);

}  // namespace rushlight::http
