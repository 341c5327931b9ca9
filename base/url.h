// Url: a link, parsed and resolved as browsers do it (the WHATWG URL Standard, https://url.spec.whatwg.org/).
//
//   auto page = Url::parse("HTTP://Example.com:80/a/../b");   // page->href() == "http://example.com/b"
//   auto link = Url::parse("//other.example/?q", &*page);
//
// What two programs read differently is how an address gets past a check: so everything here that looks at a
// link uses this one reading. International names become ASCII by UTS #46 (ICU, non-transitional).
//
// Input is any bytes; what is no UTF-8 counts as U+FFFD. A Url is a value; any thread may parse.
// Errors: `invalid` where the standard says failure, `limit` above kMostBytes.
#pragma once

#include "base/result.h"
#include "base/url_host.h"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace rushlight {

class Url {
  public:
    static constexpr std::size_t kMostBytes = 64 * 1024;

    // `base` is what a relative link is relative to.
    static Result<Url> parse(std::string_view input, const Url* base = nullptr);

    // The standard's getters, with their odd punctuation: "https:", "?q=1", "#top", and "" for what is not
    // there.
    std::string href() const;
    std::string protocol() const { return scheme_ + ':'; }
    const std::string& username() const { return username_; }
    const std::string& password() const { return password_; }
    std::string host() const;  // with the port
    const std::string& hostname() const { return host_.text; }
    std::string port() const { return port_ ? std::to_string(*port_) : ""; }
    const std::string& pathname() const { return path_; }
    std::string search() const;
    std::string hash() const;

    const std::string& scheme() const { return scheme_; }  // "https"
    HostKind host_kind() const { return host_.kind; }
    bool has_credentials() const { return !username_.empty() || !password_.empty(); }
    // The one given, else the scheme's own; nullopt where neither is.
    std::optional<std::uint16_t> port_or_default() const;
    // The same resource: what is sent to a server, which never sees the fragment.
    Url without_fragment() const;

    bool operator==(const Url&) const = default;

  private:
    friend class UrlParser;
    Url() = default;

    std::string scheme_;
    std::string username_, password_;
    UrlHost host_;
    std::optional<std::uint16_t> port_;  // never the scheme's default
    // The standard's list of segments, each with its "/" before it; or, opaque, anything ("mailto:…").
    std::string path_;
    bool opaque_path_ = false;
    std::optional<std::string> query_, fragment_;
};

}  // namespace rushlight
