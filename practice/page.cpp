#include "practice/page.h"

#include "base/text.h"
#include "http/security.h"

#include <utility>

namespace rushlight::practice {

std::string escaped(std::string_view text) {
    std::string out;
    for (const char c : to_utf8(text)) {
        switch (c) {
            case '&':
                out += "&amp;";
                break;
            case '<':
                out += "&lt;";
                break;
            case '>':
                out += "&gt;";
                break;
            case '"':
                out += "&quot;";
                break;
            default:
                out += c == '\0' ? ' ' : c;
        }
    }
    return out;
}

http::Response guarded(http::Response response) {
    http::set_security_headers(
        response,
        {.content_security_policy = "default-src 'none'; style-src 'self'; img-src 'self'; media-src "
                                    "'self'; form-action 'self'; base-uri 'none'; frame-ancestors "
                                    "'none'"});
    return response;
}

http::Response page(std::string_view title, std::string_view content) {
    const std::string name = escaped(title);
    http::Response response = http::Response::text(
        200,
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n<meta name=\"viewport\" "
        "content=\"width=device-width\">\n<title>" +
            name + "</title>\n<link rel=\"stylesheet\" href=\"" + std::string(kStylePath) +
            "\">\n</head>\n<body>\n<h1>" + name + "</h1>\n" + std::string(content) + "</body>\n</html>\n");
    response.set("Content-Type", "text/html; charset=utf-8");
    return guarded(std::move(response));
}

http::Response style() {
    http::Response response = http::Response::text(200, R"(:root { color-scheme: light dark; }
body { font: 1rem/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem; }
figure { display: inline-block; vertical-align: top; width: 14rem; margin: 0 1rem 1rem 0; }
img, video { max-width: 100%; }
article { border-top: 1px solid; padding: .5rem 0; }
pre { overflow-x: auto; white-space: pre-wrap; overflow-wrap: anywhere; }
table { border-collapse: collapse; }
th { text-align: start; font-weight: 500; padding-inline-end: 1rem; vertical-align: top; }
td { overflow-wrap: anywhere; }
.bad { font-weight: 700; }
)");
    response.set("Content-Type", "text/css; charset=utf-8");
    return guarded(std::move(response));
}

}  // namespace rushlight::practice
