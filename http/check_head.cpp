#include "base/text.h"
#include "http/head.h"

#include <algorithm>
#include <cstring>

namespace rushlight::http {
namespace {

Fault bad(std::string words) { return {400, std::move(words)}; }

bool holds(std::string_view line, char c) { return std::memchr(line.data(), c, line.size()) != nullptr; }

bool is_host_character(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           std::string_view("-._~:[]%").find(c) != std::string_view::npos;
}

std::optional<Fault> check_target(RequestHead& head, std::string_view target) {
    if (std::any_of(target.begin(), target.end(), [](char c) { return (c & 0x80) != 0 || c == '#'; }))
        return bad("the target of the request holds characters that have to be percent-encoded");
    if (target == "*") {
        if (head.method != Method::options) return bad("the target * is for OPTIONS only");
        head.path = target;
        return std::nullopt;
    }
    if (!target.starts_with('/')) {  // RFC 9112 3.2.2: the absolute form, as proxies are asked
        const auto scheme = target.find("://");
        const std::string_view name = target.substr(0, scheme == std::string_view::npos ? 0 : scheme);
        if (!equals_ignoring_case(name, "http") && !equals_ignoring_case(name, "https"))
            return bad("the target of the request is no path");
        target.remove_prefix(scheme + 3);
        const auto end = target.find_first_of("/?");
        if (end == 0 || target.substr(0, end).find('@') != std::string_view::npos)
            return bad("the target of the request names no host");
        if (end == std::string_view::npos)
            target = "/";
        else
            target.remove_prefix(end);
        if (target.starts_with('?')) {
            head.path = "/";
            head.query = target.substr(1);
            return std::nullopt;
        }
    }
    const auto question = target.find('?');
    head.path = target.substr(0, question);
    if (question != std::string_view::npos) head.query = target.substr(question + 1);
    return std::nullopt;
}

}  // namespace

std::optional<Fault> check_lines(std::string_view head) {
    while (!head.empty()) {
        const auto end = head.find('\n');
        if (end == std::string_view::npos) return bad("the head of the request ends in the middle of a line");
        if (end == 0 || head[end - 1] != '\r')
            return bad("a line of the head ends without a carriage return");
        const auto line = head.substr(0, end - 1);
        head.remove_prefix(end + 1);
        if (line.empty()) {
            if (!head.empty()) return bad("something follows the head's empty line");
            return std::nullopt;
        }
        if (line.front() == ' ' || line.front() == '\t')
            return bad("a line of the head begins with white space");
        if (holds(line, '\r')) return bad("a line of the head holds a carriage return");
        if (holds(line, '\0')) return bad("a line of the head holds a NUL");
    }
    return bad("the head of the request has no end");
}

std::optional<Fault> check_request(RequestHead& head, std::string_view target) {
    if (head.method_name == "CONNECT") return Fault{501, "this server is no proxy"};
    int hosts = 0;
    int lengths = 0;
    int encodings = 0;
    int types = 0;
    int credentials = 0;
    for (const auto& [name, value] : head.headers) {
        // By length first: most names are none of these.
        switch (name.size()) {
            case 4:
                if (!equals_ignoring_case(name, "host")) break;
                ++hosts;
                if (!std::all_of(value.begin(), value.end(), is_host_character))
                    return bad("the Host header names no host");
                break;
            case 12:
                if (equals_ignoring_case(name, "content-type")) ++types;
                break;
            case 13:
                if (equals_ignoring_case(name, "authorization")) ++credentials;
                break;
            case 14: {
                if (!equals_ignoring_case(name, "content-length")) break;
                ++lengths;
                const bool digits =
                    !value.empty() && value.size() <= 18 &&
                    std::all_of(value.begin(), value.end(), [](char c) { return c >= '0' && c <= '9'; });
                if (!digits) return bad("the Content-Length is no number of bytes");
                head.content_length = static_cast<std::uint64_t>(*parse_integer(value));
                break;
            }
            case 17:
                if (!equals_ignoring_case(name, "transfer-encoding")) break;
                ++encodings;
                if (!equals_ignoring_case(value, "chunked"))
                    return Fault{501, "of the transfer encodings only chunked is known here"};
                head.chunked = true;
                break;
            default:
                break;
        }
    }
    if (hosts > 1) return bad("there is more than one Host header");
    if (hosts == 0 && head.minor_version >= 1) return bad("the Host header is missing");
    if (lengths > 1) return bad("there is more than one Content-Length");
    if (encodings > 1) return bad("there is more than one Transfer-Encoding");
    if (lengths > 0 && encodings > 0) return bad("there are both a Content-Length and a Transfer-Encoding");
    if (encodings > 0 && head.minor_version == 0) return bad("HTTP/1.0 has no Transfer-Encoding");
    if (types > 1) return bad("there is more than one Content-Type");
    if (credentials > 1) return bad("there is more than one Authorization header");
    return check_target(head, target);
}

}  // namespace rushlight::http
