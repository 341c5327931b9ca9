#include "server/openapi.h"

#include "base/text.h"
#include "server/access.h"

#include <nlohmann/json.hpp>

namespace rushlight::server {
namespace {

using nlohmann::ordered_json;

ordered_json parameters_of(std::string_view pattern) {
    auto parameters = ordered_json::array();
    for (std::string_view part : split(pattern, '/')) {
        if (!part.starts_with('{')) continue;
        parameters.push_back({{"name", part.substr(1, part.size() - 2)},
                              {"in", "path"},
                              {"required", true},
                              {"schema", {{"type", "string"}}}});
    }
    return parameters;
}

ordered_json who_may(const Access& access) {
    if (access.open) return "anybody";
    if (access.any_person) return "whoever is signed in";
    ordered_json may;
    if (access.here) may["this_machine"] = true;
    may["roles"] = accounts::names_of(access.roles);
    if (!access.scopes.empty()) may["scopes"] = accounts::names_of(access.scopes);
    return may;
}

std::string body_type(const Route& route) {
    if (route.pattern == "/api/v1/check") return "multipart/form-data";
    if (route.pattern.ends_with("/import")) return "application/octet-stream";
    return "application/json";
}

}  // namespace

ordered_json openapi_of(const RouteList& routes) {
    ordered_json paths = ordered_json::object();
    for (const Route& route : routes) {
        const Access* access = find_access(route.method, route.pattern);
        if (access == nullptr) continue;
        ordered_json operation{{"summary", route.what}};
        if (auto parameters = parameters_of(route.pattern); !parameters.empty())
            operation["parameters"] = parameters;
        if (route.body_limit > 0) {
            operation["requestBody"]["content"][body_type(route)] = ordered_json::object();
            operation["x-most-bytes"] = route.body_limit;
        }
        if (route.creates) {
            operation["parameters"].push_back({{"name", "Idempotency-Key"},
                                               {"in", "header"},
                                               {"required", false},
                                               {"schema", {{"type", "string"}, {"maxLength", 200}}}});
        }
        operation["responses"]["default"] = {
            {"description", "the answer, or a problem (RFC 9457) with a stable type"}};
        operation["x-who"] = who_may(*access);
        if (!access->open) {
            operation["security"] = ordered_json::array();
            if (!access->scopes.empty()) operation["security"].push_back({{"key", ordered_json::array()}});
            operation["security"].push_back({{"session", ordered_json::array()}});
        }
        paths[std::string(route.pattern)][lower(http::to_string(route.method))] = std::move(operation);
    }
    return {{"openapi", "3.1.0"},
            {"info",
             {{"title", "Rushlight"}, {"version", RUSHLIGHT_VERSION}, {"license", {{"name", "Apache-2.0"}}}}},
            {"paths", paths},
            {"components",
             {{"securitySchemes",
               {{"key", {{"type", "http"}, {"scheme", "bearer"}}},
                {"session", {{"type", "apiKey"}, {"in", "cookie"}, {"name", "rushlight_session"}}}}}}}};
}

}  // namespace rushlight::server
