#include "http/cookies.h"
#include "http/peer.h"
#include "http/query.h"
#include "http/routes.h"
#include "http/static_files.h"

#include <cstdlib>

// Query strings, cookies, paths, addresses, Accept-Encoding: what is accepted can be written and read again.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace rushlight;
    const auto text = text_of(std::as_bytes(std::span(data, size)));
    if (const auto query = http::Query::parse(text)) {
        std::string again;
        for (const auto& [name, value] : query->items())
            again += "&" + http::percent_encode(name) + "=" + http::percent_encode(value);
        if (http::Query::parse(again)->items() != query->items()) std::abort();
    }
    for (const auto& [name, value] : http::parse_cookies(text)) {
        const auto written = http::write_cookie({.name = std::string(name), .value = std::string(value)});
        if (written && http::parse_cookies(*written).front() != std::pair(name, value)) std::abort();
    }
    static const auto routes = [] {
        http::Routes made;
        made.add(http::Method::get, "/a/{x}/b");
        made.add(http::Method::get, "/{rest...}");
        return made;
    }();
    for (const auto& value : routes.find(http::Method::get, text).parameters)
        if (value.empty() || value == ".." || value == "." || value.starts_with("../")) std::abort();
    if (const auto address = http::parse_address(text))
        if (http::parse_address(http::to_string(*address)) != address) std::abort();
    static const auto trusted = *http::Networks::parse({"0.0.0.0/0", "::/0"});
    if (!http::parse_address(http::forwarded_peer(trusted, "127.0.0.1", text))) std::abort();
    const int quality = http::accepted_quality(text, "gzip");
    if (quality < 0 || quality > 1000) std::abort();
    return 0;
}
