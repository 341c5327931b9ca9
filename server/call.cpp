#include "server/call.h"

#include "base/text.h"
#include "server/app.h"

#include <nlohmann/json.hpp>

namespace rushlight::server {
namespace {

constexpr int kMostDepth = 32;
constexpr std::size_t kMostTexts = 1000;

// Before it is parsed: an array in an array in an array costs the parser's caller a stack.
bool too_deep(std::string_view text) {
    int depth = 0;
    bool in_string = false;
    for (std::size_t i = 0; i < text.size(); ++i) {
        const char c = text[i];
        if (in_string) {
            if (c == '\\') ++i;
            if (c == '"') in_string = false;
        } else if (c == '"') {
            in_string = true;
        } else if ((c == '[' || c == '{') && ++depth > kMostDepth) {
            return true;
        } else if (c == ']' || c == '}') {
            --depth;
        }
    }
    return false;
}

}  // namespace

Result<nlohmann::json> parse_json(std::string_view text) {
    if (too_deep(text)) return fail(ErrorCode::invalid, "it is nested deeper than 32");
    auto parsed = nlohmann::json::parse(text, nullptr, false);
    if (parsed.is_discarded() || text.find('\0') != std::string_view::npos)
        return fail(ErrorCode::invalid, "it is no JSON");
    return parsed;
}

Result<nlohmann::json> Call::json() const {
    auto parsed = parse_json(body);
    if (!parsed) return fail(ErrorCode::invalid, "the body: " + parsed.error().message);
    return parsed;
}

http::Response json_answer(int status, const nlohmann::ordered_json& body) {
    return http::Response::json(status,
                                body.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace));
}

namespace {

http::Response answer_to(const Error& error, std::string_view members) {
    switch (error.code) {
        case ErrorCode::invalid:
            return http::problem(422, error.message, "/problems/invalid", members);
        case ErrorCode::not_found:
            return http::problem(404, error.message, "/problems/not-found", members);
        case ErrorCode::conflict:
            return http::problem(409, error.message, "/problems/conflict", members);
        case ErrorCode::denied:
            return http::problem(403, error.message, "/problems/forbidden", members);
        case ErrorCode::limit:
            return http::problem(429, error.message, "/problems/rate-limited", members)
                .with("Retry-After", "5");
        case ErrorCode::unavailable:
        case ErrorCode::cancelled:
            return http::problem(503, error.message, "/problems/unavailable", members)
                .with("Retry-After", "2");
        case ErrorCode::io:
            return http::problem(503, error.message, "/problems/unavailable", members)
                .with("Retry-After", "30");
        case ErrorCode::corrupt:
            break;
    }
    return http::problem(500,
                         "something here is damaged; the operator finds more under Health and in the log",
                         "/problems/damaged", members);
}

}  // namespace

http::Response problem_of(const Error& error, std::string_view members) {
    http::Response response = answer_to(error, members);
    if (response.status >= 500) response.note = error.message;
    return response;
}

http::Response check_problem(const App& app, const Error& error) {
    const bool asker_erred = error.code == ErrorCode::invalid || error.code == ErrorCode::not_found ||
                             error.code == ErrorCode::conflict || error.code == ErrorCode::denied;
    const check::Action action = app.checks->policy().unreadable;
    // "allow" is never said of what nobody looked at.
    if (asker_erred || action == check::Action::allow) return problem_of(error);
    return problem_of(error, "\"action\":\"" + std::string(check::to_string(action)) + '"');
}

http::Response bad_request(std::string_view detail) {
    return http::problem(400, detail, "/problems/malformed");
}

nlohmann::ordered_json page_of(nlohmann::ordered_json items, const std::optional<std::string>& next) {
    nlohmann::ordered_json page{{"items", std::move(items)}, {"next", nullptr}};
    if (next) page["next"] = *next;
    return page;
}

std::string text_at(const nlohmann::json& object, const char* key) {
    if (!object.is_object()) return "";
    const auto it = object.find(key);
    return it != object.end() && it->is_string() ? it->get<std::string>() : "";
}

Result<std::vector<std::string>> texts_at(const nlohmann::json& object, const char* key) {
    std::vector<std::string> texts;
    if (!object.is_object()) return texts;
    const auto array = object.find(key);
    if (array == object.end()) return texts;
    const auto wrong = fail(ErrorCode::invalid, '\'' + std::string(key) + "' has to be an array of texts");
    if (!array->is_array() || array->size() > kMostTexts) return wrong;
    for (const auto& item : *array) {
        if (!item.is_string()) return wrong;
        texts.push_back(item.get<std::string>());
    }
    return texts;
}

Result<int> limit_of(const http::Query& query, int most) {
    const auto text = query.get("limit");
    if (!text) return 50;
    const auto number = parse_integer(*text);
    if (!number || *number < 1 || *number > most)
        return fail(ErrorCode::invalid, "'limit' has to be a number from 1 to " + std::to_string(most));
    return static_cast<int>(*number);
}

Result<std::optional<Time>> time_of(const http::Query& query, std::string_view name) {
    const auto text = query.get(name);
    if (!text || text->empty()) return std::nullopt;
    const auto time = Time::parse(*text);
    if (!time) return fail(ErrorCode::invalid, "'" + std::string(name) + "' is no RFC 3339 time");
    return time;
}

}  // namespace rushlight::server
