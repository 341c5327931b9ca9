#include "http/cookies.h"

#include "base/text.h"

#include <algorithm>

namespace rushlight::http {
namespace {

constexpr std::size_t kMostCookies = 100;

bool is_name(std::string_view name) {
    return !name.empty() && std::all_of(name.begin(), name.end(), [](char c) {
        return c > ' ' && c < 127 &&
               std::string_view("()<>@,;:\\\"/[]?={}").find(c) == std::string_view::npos;
    });
}

bool is_value(std::string_view value) {
    return std::all_of(value.begin(), value.end(), [](char c) {
        return c > ' ' && c < 127 && c != '"' && c != ',' && c != ';' && c != '\\';
    });
}

bool is_path(std::string_view path) {
    return path.starts_with('/') &&
           std::all_of(path.begin(), path.end(), [](char c) { return c >= ' ' && c < 127 && c != ';'; });
}

}  // namespace

std::vector<std::pair<std::string_view, std::string_view>> parse_cookies(std::string_view header) {
    std::vector<std::pair<std::string_view, std::string_view>> cookies;
    while (!header.empty() && cookies.size() < kMostCookies) {
        const auto end = std::min(header.find(';'), header.size());
        const auto pair = trim(header.substr(0, end));
        header.remove_prefix(std::min(end + 1, header.size()));
        const auto equals = pair.find('=');
        if (equals == std::string_view::npos) continue;
        const auto name = trim(pair.substr(0, equals));
        auto value = trim(pair.substr(equals + 1));
        if (value.size() >= 2 && value.front() == '"' && value.back() == '"')
            value = value.substr(1, value.size() - 2);
        if (is_name(name)) cookies.emplace_back(name, value);
    }
    return cookies;
}

std::optional<std::string_view> find_cookie(std::string_view header, std::string_view name) {
    const auto cookies = parse_cookies(header);
    const auto found =
        std::find_if(cookies.begin(), cookies.end(), [&](const auto& pair) { return pair.first == name; });
    return found == cookies.end() ? std::nullopt : std::optional(found->second);
}

Result<std::string> write_cookie(const Cookie& cookie) {
    if (!is_name(cookie.name) || !is_value(cookie.value) || !is_path(cookie.path))
        return fail(ErrorCode::invalid, "a cookie's name, value or path holds a character that it can't");
    const bool host = cookie.name.starts_with("__Host-");
    if ((host || cookie.name.starts_with("__Secure-")) && !cookie.secure)
        return fail(ErrorCode::invalid, "the cookie " + cookie.name + " has to be Secure");
    if (host && cookie.path != "/")
        return fail(ErrorCode::invalid, "the cookie " + cookie.name + " has to have the path /");
    if (cookie.same_site == Cookie::SameSite::none && !cookie.secure)
        return fail(ErrorCode::invalid, "a cookie for other sites has to be Secure");
    std::string text = cookie.name + "=" + cookie.value + "; Path=" + cookie.path;
    if (cookie.max_age) text += "; Max-Age=" + std::to_string(cookie.max_age->count());
    if (cookie.secure) text += "; Secure";
    if (cookie.http_only) text += "; HttpOnly";
    switch (cookie.same_site) {
        case Cookie::SameSite::strict:
            text += "; SameSite=Strict";
            break;
        case Cookie::SameSite::lax:
            text += "; SameSite=Lax";
            break;
        case Cookie::SameSite::none:
            text += "; SameSite=None";
            break;
    }
    return text;
}

}  // namespace rushlight::http
