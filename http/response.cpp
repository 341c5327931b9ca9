#include "http/response.h"

#include "base/text.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <chrono>
#include <cstdio>

namespace rushlight::http {
namespace {

struct Phrase {
    int status;
    std::string_view words;
};
constexpr std::array kPhrases{
    Phrase{100, "Continue"},
    Phrase{200, "OK"},
    Phrase{201, "Created"},
    Phrase{202, "Accepted"},
    Phrase{204, "No Content"},
    Phrase{206, "Partial Content"},
    Phrase{301, "Moved Permanently"},
    Phrase{302, "Found"},
    Phrase{303, "See Other"},
    Phrase{304, "Not Modified"},
    Phrase{307, "Temporary Redirect"},
    Phrase{308, "Permanent Redirect"},
    Phrase{400, "Bad Request"},
    Phrase{401, "Unauthorized"},
    Phrase{403, "Forbidden"},
    Phrase{404, "Not Found"},
    Phrase{405, "Method Not Allowed"},
    Phrase{406, "Not Acceptable"},
    Phrase{408, "Request Timeout"},
    Phrase{409, "Conflict"},
    Phrase{410, "Gone"},
    Phrase{411, "Length Required"},
    Phrase{412, "Precondition Failed"},
    Phrase{413, "Content Too Large"},
    Phrase{414, "URI Too Long"},
    Phrase{415, "Unsupported Media Type"},
    Phrase{417, "Expectation Failed"},
    Phrase{422, "Unprocessable Content"},
    Phrase{428, "Precondition Required"},
    Phrase{429, "Too Many Requests"},
    Phrase{431, "Request Header Fields Too Large"},
    Phrase{500, "Internal Server Error"},
    Phrase{501, "Not Implemented"},
    Phrase{502, "Bad Gateway"},
    Phrase{503, "Service Unavailable"},
    Phrase{504, "Gateway Timeout"},
    Phrase{505, "HTTP Version Not Supported"},
    Phrase{507, "Insufficient Storage"},
};

bool is_token(std::string_view text) {
    return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) {
        return c > ' ' && c < 127 &&
               std::string_view("()<>@,;:\\\"/[]?={}").find(c) == std::string_view::npos;
    });
}

void append_number(std::string& out, std::uint64_t number) {
    std::array<char, 20> digits{};
    const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), number);
    out.append(digits.data(), end.ptr);
}

}  // namespace

std::string_view reason_phrase(int status) {
    const auto found =
        std::lower_bound(kPhrases.begin(), kPhrases.end(), status,
                         [](const Phrase& phrase, int wanted) { return phrase.status < wanted; });
    return found != kPhrases.end() && found->status == status ? found->words : std::string_view{};
}

Response Response::text(int status, std::string body) {
    Response response{.status = status, .body = std::move(body)};
    response.headers.emplace_back("Content-Type", "text/plain; charset=utf-8");
    return response;
}

Response Response::json(int status, std::string body) {
    Response response{.status = status, .body = std::move(body)};
    response.headers.emplace_back("Content-Type", "application/json");
    return response;
}

Response Response::empty(int status) { return {.status = status}; }

Response&& Response::with(std::string name, std::string value) && {
    headers.emplace_back(std::move(name), std::move(value));
    return std::move(*this);
}

void Response::set(std::string_view name, std::string value) {
    std::erase_if(headers, [&](const auto& header) { return equals_ignoring_case(header.first, name); });
    headers.emplace_back(std::string(name), std::move(value));
}

namespace {

constexpr std::string_view kBlank = "about:blank";

// What a program can tell errors apart by, where nobody said more.
std::string_view type_of(int status) {
    switch (status) {
        case 400:
            return "/problems/malformed";
        case 401:
            return "/problems/unauthorised";
        case 403:
            return "/problems/forbidden";
        case 404:
            return "/problems/not-found";
        case 405:
            return "/problems/method-not-allowed";
        case 408:
            return "/problems/timeout";
        case 409:
            return "/problems/conflict";
        case 413:
            return "/problems/too-large";
        case 414:
            return "/problems/target-too-long";
        case 415:
            return "/problems/unsupported";
        case 422:
            return "/problems/invalid";
        case 429:
            return "/problems/rate-limited";
        case 431:
            return "/problems/head-too-large";
        case 500:
            return "/problems/bug";
        case 501:
            return "/problems/not-implemented";
        case 503:
            return "/problems/unavailable";
        case 505:
            return "/problems/http-version";
        default:
            return kBlank;
    }
}

}  // namespace

Response problem(int status, std::string_view detail, std::string_view type, std::string_view extra) {
    Response response{.status = status};
    response.headers.emplace_back("Content-Type", "application/problem+json");
    std::string& body = response.body;
    body = R"({"type":)";
    append_json_string(body, type == kBlank ? type_of(status) : type);
    body += R"(,"title":)";
    append_json_string(body, reason_phrase(status));
    body += R"(,"status":)";
    append_number(body, static_cast<std::uint64_t>(status));
    if (!detail.empty()) {
        body += R"(,"detail":)";
        append_json_string(body, detail);
    }
    if (!extra.empty()) {
        body += ',';
        body += extra;
    }
    body += "}\n";
    return response;
}

void set_instance(Response& response, std::string_view id) {
    constexpr std::string_view kEnd = "}\n";
    const bool is_problem =
        std::any_of(response.headers.begin(), response.headers.end(), [](const auto& header) {
            return header.second == "application/problem+json" &&
                   equals_ignoring_case(header.first, "Content-Type");
        });
    if (!is_problem || !response.body.ends_with(kEnd)) return;
    response.body.resize(response.body.size() - kEnd.size());
    response.body += R"(,"instance":"/requests/)";
    response.body += id;
    response.body += "\"}\n";
}

bool headers_are_sound(const Response& response) {
    if (response.status < 200 || response.status > 599) return false;
    return std::all_of(response.headers.begin(), response.headers.end(), [](const auto& header) {
        return is_token(header.first) && std::none_of(header.second.begin(), header.second.end(), [](char c) {
                   return (static_cast<unsigned char>(c) < 0x20 && c != '\t') || c == 0x7f;
               });
    });
}

void write_head(std::string& out, const Response& response, const HeadOptions& options) {
    out += "HTTP/1.1 ";
    append_number(out, static_cast<std::uint64_t>(response.status));
    out += ' ';
    out += reason_phrase(response.status);
    out += "\r\nDate: ";
    out += options.date;
    out += "\r\nX-Request-Id: ";
    out += options.id;
    for (const auto& [name, value] : response.headers) {
        out += "\r\n";
        out += name;
        out += ": ";
        out += value;
    }
    if (options.framing == Framing::length) {
        out += "\r\nContent-Length: ";
        append_number(out, options.length);
    } else if (options.framing == Framing::chunked) {
        out += "\r\nTransfer-Encoding: chunked";
    }
    if (!options.keep)
        out += "\r\nConnection: close";
    else if (options.minor_version == 0)
        out += "\r\nConnection: keep-alive";
    out += "\r\n\r\n";
}

std::string http_date(Time time) {
    using namespace std::chrono;
    static constexpr std::array kDays{"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
    static constexpr std::array kMonths{"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                        "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    const auto instant = sys_time<microseconds>(microseconds(time.micros));
    const auto day = floor<days>(instant);
    const year_month_day date(day);
    const hh_mm_ss clock(floor<seconds>(instant - day));
    std::array<char, 64> text{};
    std::snprintf(text.data(), text.size(), "%s, %02u %s %04d %02d:%02d:%02d GMT",
                  kDays[weekday(day).c_encoding()], static_cast<unsigned>(date.day()),
                  kMonths[static_cast<unsigned>(date.month()) - 1], static_cast<int>(date.year()),
                  static_cast<int>(clock.hours().count()), static_cast<int>(clock.minutes().count()),
                  static_cast<int>(clock.seconds().count()));
    return text.data();
}

}  // namespace rushlight::http
