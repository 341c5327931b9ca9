// call: one request of the API on its way to a handler: who asks, with which parameters and body; and the
// shapes of answers. Handlers translate and call a room's door; no logic here.
#pragma once

#include "accounts/accounts.h"
#include "accounts/api_keys.h"
#include "base/result.h"
#include "base/time.h"
#include "http/http.h"
#include "http/query.h"

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json_fwd.hpp>

namespace rushlight::server {

class App;

struct Caller {
    std::string who = "nobody";  // "account:a1", "key:k7"
    accounts::Roles roles{};
    accounts::Scopes scopes{};
    std::optional<accounts::Session> session{};  // of a person
    std::string token{};                         // of the session
};

struct Call {
    App& app;
    const http::RequestHead& head;
    std::string& body;
    std::vector<std::string> parameters;  // of the path, in the pattern's order
    Caller caller;
    Time now;

    // The query's parameters; malformed ones are the handler's caller's problem (400).
    Result<http::Query> query() const { return http::Query::parse(head.query); }
    // The body as JSON; `invalid` where it is none, or nested deeper than 32.
    Result<nlohmann::json> json() const;
};

using Handle = std::function<http::Response(Call&)>;

struct Route {
    http::Method method = http::Method::get;
    std::string_view pattern;
    std::string_view what;  // for people: what the API's description says
    std::uint64_t body_limit = 0;
    bool creates = false;  // an Idempotency-Key counts
    Handle handle{};
};

inline constexpr std::uint64_t kJsonBody = 1 << 20;

// `invalid` where it is no JSON, holds a NUL (which the parser would take for the end), or is nested deeper
// than 32.
Result<nlohmann::json> parse_json(std::string_view text);

http::Response json_answer(int status, const nlohmann::ordered_json& body);
// problem+json from an error: 422 invalid, 404, 409, 503 and 429 with Retry-After, 403, else 500 without
// details. `members` as http::problem has them.
http::Response problem_of(const Error& error, std::string_view members = {});
// The same for a check that could not be done: where the policy fails closed, it says what is to be done with
// the upload.
http::Response check_problem(const App& app, const Error& error);
http::Response bad_request(std::string_view detail);  // 400
// {"items":[…],"next":…}
nlohmann::ordered_json page_of(nlohmann::ordered_json items, const std::optional<std::string>& next);
// `limit` of the query, 1 to `most`; 50 where not given.
Result<int> limit_of(const http::Query& query, int most = 500);
// Of an object's members; empty where there is none of that kind.
std::string text_at(const nlohmann::json& object, const char* key);
// `invalid` where it is there and no array of up to 1,000 texts.
Result<std::vector<std::string>> texts_at(const nlohmann::json& object, const char* key);
Result<std::optional<Time>> time_of(const http::Query& query, std::string_view name);

}  // namespace rushlight::server
