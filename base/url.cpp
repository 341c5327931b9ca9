#include "base/url.h"

#include "base/percent.h"
#include "base/text.h"

#include <algorithm>
#include <array>

namespace rushlight {
namespace {

struct SpecialScheme {
    std::string_view name;
    std::optional<std::uint16_t> port;
};
constexpr std::array<SpecialScheme, 6> kSpecial{
    {{"http", 80}, {"https", 443}, {"ws", 80}, {"wss", 443}, {"ftp", 21}, {"file", std::nullopt}}};

const SpecialScheme* find_special(std::string_view scheme) {
    const auto it = std::ranges::find(kSpecial, scheme, &SpecialScheme::name);
    return it == kSpecial.end() ? nullptr : &*it;
}

bool is_alpha(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }
bool is_digit(char c) { return c >= '0' && c <= '9'; }

// "C:" or "C|", alone.
bool is_drive_letter(std::string_view text) {
    return text.size() == 2 && is_alpha(text[0]) && (text[1] == ':' || text[1] == '|');
}
bool is_normalised_drive_letter(std::string_view text) { return is_drive_letter(text) && text[1] == ':'; }
bool starts_with_drive_letter(std::string_view text) {
    return is_drive_letter(text.substr(0, 2)) &&
           (text.size() == 2 || std::string_view("/\\?#").find(text[2]) != std::string_view::npos);
}

bool is_single_dot(std::string_view segment) {
    return segment == "." || equals_ignoring_case(segment, "%2e");
}
bool is_double_dot(std::string_view segment) {
    return segment == ".." || equals_ignoring_case(segment, ".%2e") ||
           equals_ignoring_case(segment, "%2e.") || equals_ignoring_case(segment, "%2e%2e");
}

// Without the white space and control characters around it, nor tabs and line ends anywhere.
std::string cleaned(std::string_view input) {
    const auto at_the_edge = [](char c) { return static_cast<unsigned char>(c) <= 0x20; };
    while (!input.empty() && at_the_edge(input.front())) input.remove_prefix(1);
    while (!input.empty() && at_the_edge(input.back())) input.remove_suffix(1);
    std::string text = to_utf8(input);
    std::erase_if(text, [](char c) { return c == '\t' || c == '\n' || c == '\r'; });
    return text;
}

}  // namespace

// The basic URL parser. Each function is a state of the standard (or a few that belong together), takes what
// is left of the input from rest_, and goes on to the next.
class UrlParser {
  public:
    UrlParser(std::string_view input, const Url* base) : rest_(input), base_(base) {}

    Result<Url> parse() {
        const std::size_t colon = scheme_end();
        const Status status = colon == 0 ? no_scheme() : after_scheme(colon);
        if (!status) return pass(status.error());
        return std::move(url_);
    }

  private:
    bool is_end() const { return rest_.empty(); }
    char next() const { return rest_.empty() ? '\0' : rest_[0]; }
    bool slash(char c) const { return c == '/' || (special_ && c == '\\'); }
    bool next_is_slash() const { return slash(next()); }
    bool is_file() const { return url_.scheme_ == "file"; }
    void set_scheme(std::string scheme) {
        url_.scheme_ = std::move(scheme);
        special_ = find_special(url_.scheme_);
    }
    // Takes everything before the first of the characters that end a host or a path segment.
    std::string_view take_until_delimiter() {
        const std::size_t end = rest_.find_first_of(special_ ? "/\\?#" : "/?#");
        const std::string_view taken = rest_.substr(0, end);
        rest_.remove_prefix(taken.size());
        return taken;
    }

    // scheme start state, scheme state: the position of the colon, 0 where there is no scheme.
    std::size_t scheme_end() const {
        if (rest_.empty() || !is_alpha(rest_[0])) return 0;
        for (std::size_t i = 1; i < rest_.size(); ++i) {
            const char c = rest_[i];
            if (c == ':') return i;
            if (!is_alpha(c) && !is_digit(c) && c != '+' && c != '-' && c != '.') return 0;
        }
        return 0;
    }

    Status after_scheme(std::size_t colon) {
        set_scheme(lower(rest_.substr(0, colon)));
        rest_.remove_prefix(colon + 1);
        if (is_file()) return file();
        if (special_) {
            // special relative or authority state
            if (base_ && base_->scheme_ == url_.scheme_ && !rest_.starts_with("//")) return relative();
            return special_authority();
        }
        if (rest_.starts_with("//")) {
            rest_.remove_prefix(2);
            return authority();
        }
        if (rest_.starts_with('/')) {
            rest_.remove_prefix(1);
            return path();
        }
        return opaque_path();
    }

    Status no_scheme() {
        if (!base_) return fail(ErrorCode::invalid, "the link has no scheme, such as https:");
        if (base_->opaque_path_) {
            if (next() != '#') {
                return fail(ErrorCode::invalid, "nothing can be relative to a link such as mailto: or data:");
            }
            url_ = *base_;
            return fragment();
        }
        if (base_->scheme_ == "file") return file();
        return relative();
    }

    // relative state, relative slash state
    Status relative() {
        set_scheme(base_->scheme_);
        if (next_is_slash()) {
            rest_.remove_prefix(1);
            if (special_ && next_is_slash()) return special_authority();
            if (next() == '/') {
                rest_.remove_prefix(1);
                return authority();
            }
            copy_authority();
            return path();
        }
        copy_authority();
        url_.path_ = base_->path_;
        return relative_rest();
    }

    void copy_authority() {
        url_.username_ = base_->username_;
        url_.password_ = base_->password_;
        url_.host_ = base_->host_;
        url_.port_ = base_->port_;
    }

    // What stands where a base's last segment was, or behind its path.
    Status relative_rest() {
        if (next() == '?') return query();
        if (next() == '#' || is_end()) {
            url_.query_ = base_->query_;
            return fragment();
        }
        if (!is_file() || !starts_with_drive_letter(rest_)) {
            shorten_path();
        } else {
            url_.path_.clear();
        }
        return path();
    }

    // special authority slashes state, special authority ignore slashes state
    Status special_authority() {
        while (next_is_slash()) rest_.remove_prefix(1);
        return authority();
    }

    // authority state, host state, port state
    Status authority() {
        std::string_view text = take_until_delimiter();
        const std::size_t at = text.rfind('@');
        if (at != std::string_view::npos) {
            credentials(text.substr(0, at));
            text.remove_prefix(at + 1);
            if (text.empty()) return fail(ErrorCode::invalid, "the link has a user name, but no host");
        }
        const std::size_t colon = port_colon(text);
        if (colon == 0 || (text.empty() && special_)) return fail(ErrorCode::invalid, "the link has no host");
        if (const Status status = host(text.substr(0, colon)); !status) return status;
        if (colon != std::string_view::npos) {
            if (const Status status = port(text.substr(colon + 1)); !status) return status;
        }
        return path_start();
    }

    void credentials(std::string_view text) {
        const std::size_t colon = text.find(':');
        append_percent_encoded(url_.username_, text.substr(0, colon), kUserinfoSet);
        if (colon == std::string_view::npos) return;
        append_percent_encoded(url_.password_, text.substr(colon + 1), kUserinfoSet);
    }

    // The first colon outside brackets.
    static std::size_t port_colon(std::string_view text) {
        bool in_brackets = false;
        for (std::size_t i = 0; i < text.size(); ++i) {
            if (text[i] == '[') in_brackets = true;
            if (text[i] == ']') in_brackets = false;
            if (text[i] == ':' && !in_brackets) return i;
        }
        return std::string_view::npos;
    }

    Status host(std::string_view text) {
        if (text.empty()) {
            url_.host_ = {HostKind::empty, ""};
            return {};
        }
        auto parsed = parse_host(text, special_ != nullptr);
        if (!parsed) return pass(parsed.error());
        url_.host_ = std::move(*parsed);
        return {};
    }

    Status port(std::string_view text) {
        if (text.empty()) return {};
        unsigned value = 0;
        for (const char c : text) {
            if (!is_digit(c)) return fail(ErrorCode::invalid, "the port is no number");
            value = value * 10 + static_cast<unsigned>(c - '0');
            if (value > 65535) return fail(ErrorCode::invalid, "the port is above 65535");
        }
        if (!special_ || special_->port != value) url_.port_ = static_cast<std::uint16_t>(value);
        return {};
    }

    // file state, file slash state
    Status file() {
        set_scheme("file");
        url_.host_ = {HostKind::empty, ""};
        const bool file_base = base_ && base_->scheme_ == "file";
        if (next_is_slash()) {
            rest_.remove_prefix(1);
            if (next_is_slash()) {
                rest_.remove_prefix(1);
                return file_host();
            }
            if (file_base) {
                url_.host_ = base_->host_;
                const std::string_view drive = first_segment(base_->path_);
                if (!starts_with_drive_letter(rest_) && is_normalised_drive_letter(drive)) {
                    url_.path_ = '/' + std::string(drive);
                }
            }
            return path();
        }
        if (!file_base) return path();
        url_.host_ = base_->host_;
        url_.path_ = base_->path_;
        return relative_rest();
    }

    Status file_host() {
        const std::string_view before = rest_;
        const std::string_view text = take_until_delimiter();
        if (is_drive_letter(text)) {  // "file://C:/x": no host, but the path's first segment
            rest_ = before;
            return path();
        }
        if (const Status status = host(text); !status) return status;
        if (url_.host_.text == "localhost") url_.host_ = {HostKind::empty, ""};
        return path_start();
    }

    Status path_start() {
        if (next_is_slash()) {
            rest_.remove_prefix(1);
        } else if (!special_ && (is_end() || next() == '?' || next() == '#')) {
            return query();
        }
        return path();
    }

    // path state: rest_ starts behind the first segment's slash.
    Status path() {
        for (;;) {
            const std::string_view segment = take_until_delimiter();
            const bool more = next_is_slash();
            if (more) rest_.remove_prefix(1);
            if (is_double_dot(segment)) {
                shorten_path();
                if (!more) url_.path_ += '/';
            } else if (is_single_dot(segment)) {
                if (!more) url_.path_ += '/';
            } else if (is_file() && url_.path_.empty() && is_drive_letter(segment)) {
                url_.path_ = {'/', segment[0], ':'};
            } else {
                url_.path_ += '/';
                append_percent_encoded(url_.path_, segment, kPathSet);
            }
            if (!more) return query();
        }
    }

    // A file's drive letter stays.
    void shorten_path() {
        std::string& path = url_.path_;
        if (path.empty()) return;
        if (is_file() && path.size() == 3 && is_normalised_drive_letter(path.substr(1))) return;
        path.resize(path.rfind('/'));
    }

    static std::string_view first_segment(std::string_view path) {
        if (path.empty()) return {};
        path.remove_prefix(1);
        return path.substr(0, path.find('/'));
    }

    Status opaque_path() {
        url_.opaque_path_ = true;
        const std::size_t end = std::min(rest_.find_first_of("?#"), rest_.size());
        append_percent_encoded(url_.path_, rest_.substr(0, end), kControlSet);
        // A space at the very end would be lost when the link is read again.
        if (end < rest_.size() && url_.path_.ends_with(' '))
            url_.path_.replace(url_.path_.size() - 1, 1, "%20");
        rest_.remove_prefix(end);
        return query();
    }

    Status query() {
        if (next() != '?') return fragment();
        rest_.remove_prefix(1);
        const std::string_view text = rest_.substr(0, rest_.find('#'));
        append_percent_encoded(url_.query_.emplace(), text, special_ ? kSpecialQuerySet : kQuerySet);
        rest_.remove_prefix(text.size());
        return fragment();
    }

    Status fragment() {
        if (is_end()) return {};
        append_percent_encoded(url_.fragment_.emplace(), rest_.substr(1), kFragmentSet);
        return {};
    }

    std::string_view rest_;
    const Url* base_;
    const SpecialScheme* special_ = nullptr;  // of url_.scheme_; null: a scheme the standard does not know
    Url url_;
};

Result<Url> Url::parse(std::string_view input, const Url* base) {
    if (input.size() > kMostBytes) return fail(ErrorCode::limit, "the link is longer than 64 KiB");
    const std::string text = cleaned(input);
    return UrlParser(text, base).parse();
}

std::string Url::href() const {
    std::string text = protocol();
    if (host_.kind != HostKind::none) {
        text += "//";
        if (has_credentials()) {
            text += username_;
            if (!password_.empty()) text += ':' + password_;
            text += '@';
        }
        text += host();
    } else if (!opaque_path_ && path_.starts_with("//")) {
        text += "/.";  // or the path would be read as an authority
    }
    text += path_;
    if (query_) text += '?' + *query_;
    if (fragment_) text += '#' + *fragment_;
    return text;
}

std::string Url::host() const { return port_ ? host_.text + ':' + std::to_string(*port_) : host_.text; }

std::string Url::search() const { return query_ && !query_->empty() ? '?' + *query_ : ""; }

std::string Url::hash() const { return fragment_ && !fragment_->empty() ? '#' + *fragment_ : ""; }

std::optional<std::uint16_t> Url::port_or_default() const {
    if (port_) return port_;
    const SpecialScheme* special = find_special(scheme_);
    return special ? special->port : std::nullopt;
}

Url Url::without_fragment() const {
    Url url = *this;
    url.fragment_.reset();
    return url;
}

}  // namespace rushlight
