#include "server/access.h"

#include <algorithm>
#include <array>

namespace rushlight::server {
namespace {

using accounts::Role;
using accounts::Roles;
using accounts::Scope;
using accounts::Scopes;
using http::Method;

constexpr bool kOpen = true;

Access open(Method method, std::string_view pattern) {
    return {.method = method, .pattern = pattern, .open = kOpen};
}
Access here_or(Method method, std::string_view pattern, Roles roles, Scopes scopes) {
    return {.method = method, .pattern = pattern, .here = true, .roles = roles, .scopes = scopes};
}
Access signed_in(Method method, std::string_view pattern) {
    return {.method = method, .pattern = pattern, .any_person = true};
}
Access for_(Method method, std::string_view pattern, Roles roles, Scopes scopes = {}) {
    return {.method = method, .pattern = pattern, .roles = roles, .scopes = scopes};
}

// What a role sees and does: sections 10 and 11 of the design.
const Roles kAdmin{Role::admin};
const Roles kCheckers{Role::analyst, Role::admin};
const Roles kListKeepers{Role::analyst, Role::steward, Role::admin};
const Roles kAuditors{Role::admin, Role::steward};
const Roles kEverybody{Role::viewer,  Role::analyst,   Role::reviewer, Role::reporter,
                       Role::steward, Role::responder, Role::admin};
const Scopes kChecks{Scope::check};
const Scopes kReads{Scope::read, Scope::check};
const Scopes kLists{Scope::lists};
const Scopes kListReads{Scope::lists, Scope::read};
const Scopes kScans{Scope::scans};
const Scopes kScanReads{Scope::scans, Scope::read};
const Scopes kAdminKey{Scope::admin};

}  // namespace

std::span<const Access> access_table() {
    static const std::array table = {
        open(Method::get, "/livez"),
        open(Method::get, "/readyz"),
        here_or(Method::get, "/metrics", kEverybody, {Scope::read}),
        open(Method::get, "/api/v1/openapi.json"),
        open(Method::get, "/api/v1/setup"),
        open(Method::post, "/api/v1/setup"),
        open(Method::post, "/api/v1/session"),
        open(Method::post, "/api/v1/reset"),
        signed_in(Method::get, "/api/v1/session"),
        signed_in(Method::delete_, "/api/v1/session"),
        signed_in(Method::get, "/api/v1/me"),
        signed_in(Method::post, "/api/v1/me/password"),
        signed_in(Method::post, "/api/v1/me/totp"),
        signed_in(Method::post, "/api/v1/me/totp/confirm"),
        signed_in(Method::delete_, "/api/v1/me/totp"),
        signed_in(Method::post, "/api/v1/me/recovery-codes"),
        signed_in(Method::get, "/api/v1/me/sessions"),
        signed_in(Method::delete_, "/api/v1/me/sessions/{id}"),
        for_(Method::get, "/api/v1/names", kEverybody),
        for_(Method::get, "/api/v1/events", kEverybody, {Scope::read}),
        for_(Method::get, "/api/v1/overview", kEverybody, {Scope::read}),
        for_(Method::get, "/api/v1/stats", kEverybody, {Scope::read}),

        for_(Method::post, "/api/v1/check", kCheckers, kChecks),
        for_(Method::post, "/api/v1/check/hash", kCheckers, kChecks),
        for_(Method::post, "/api/v1/check/url", kCheckers, kChecks),
        for_(Method::get, "/api/v1/check/{id}", kCheckers, kChecks),
        for_(Method::get, "/api/v1/checks", kCheckers, kReads),
        for_(Method::get, "/api/v1/holding", kCheckers),
        for_(Method::delete_, "/api/v1/holding/{id}", kAdmin),

        for_(Method::get, "/api/v1/lists", kEverybody, kListReads),
        for_(Method::post, "/api/v1/lists", kListKeepers, kLists),
        for_(Method::get, "/api/v1/lists/{name}", kEverybody, kListReads),
        for_(Method::patch, "/api/v1/lists/{name}", kListKeepers, kLists),
        for_(Method::delete_, "/api/v1/lists/{name}", kListKeepers, kLists),
        for_(Method::get, "/api/v1/lists/{name}/entries", kListKeepers, kListReads),
        for_(Method::post, "/api/v1/lists/{name}/entries", kListKeepers, kLists),
        for_(Method::patch, "/api/v1/lists/{name}/entries", kListKeepers, kLists),
        for_(Method::delete_, "/api/v1/lists/{name}/entries", kListKeepers, kLists),
        for_(Method::post, "/api/v1/lists/{name}/import", kListKeepers, kLists),
        for_(Method::get, "/api/v1/lists/{name}/export", kListKeepers, kLists),

        for_(Method::get, "/api/v1/scans", kCheckers, kScanReads),
        for_(Method::post, "/api/v1/scans", kCheckers, kScans),
        for_(Method::get, "/api/v1/scans/folders", kCheckers, kScanReads),
        for_(Method::get, "/api/v1/scans/{id}", kCheckers, kScanReads),
        for_(Method::get, "/api/v1/scans/{id}/items", kCheckers, kScanReads),
        for_(Method::post, "/api/v1/scans/{id}/stop", kCheckers, kScans),

        for_(Method::get, "/api/v1/policy", kEverybody, {Scope::read}),
        for_(Method::put, "/api/v1/policy", kAdmin, kAdminKey),
        for_(Method::get, "/api/v1/policy/versions", kEverybody, {Scope::read}),

        for_(Method::get, "/api/v1/accounts", kAdmin, kAdminKey),
        for_(Method::post, "/api/v1/accounts", kAdmin, kAdminKey),
        for_(Method::patch, "/api/v1/accounts/{id}", kAdmin, kAdminKey),
        for_(Method::delete_, "/api/v1/accounts/{id}", kAdmin, kAdminKey),
        for_(Method::post, "/api/v1/accounts/{id}/reset", kAdmin, kAdminKey),
        for_(Method::get, "/api/v1/keys", kAdmin, kAdminKey),
        for_(Method::post, "/api/v1/keys", kAdmin, kAdminKey),
        for_(Method::delete_, "/api/v1/keys/{id}", kAdmin, kAdminKey),

        for_(Method::get, "/api/v1/webhooks", kAdmin, kAdminKey),
        for_(Method::post, "/api/v1/webhooks", kAdmin, kAdminKey),
        for_(Method::patch, "/api/v1/webhooks/{id}", kAdmin, kAdminKey),
        for_(Method::delete_, "/api/v1/webhooks/{id}", kAdmin, kAdminKey),
        for_(Method::post, "/api/v1/webhooks/{id}/secret", kAdmin, kAdminKey),
        for_(Method::post, "/api/v1/webhooks/{id}/test", kAdmin, kAdminKey),
        for_(Method::get, "/api/v1/webhooks/{id}/attempts", kAdmin, kAdminKey),
        for_(Method::get, "/api/v1/dead-letters", kAdmin, kAdminKey),
        for_(Method::post, "/api/v1/dead-letters/{id}/retry", kAdmin, kAdminKey),
        for_(Method::delete_, "/api/v1/dead-letters/{id}", kAdmin, kAdminKey),

        for_(Method::get, "/api/v1/audit", kAuditors, kAdminKey),
        for_(Method::post, "/api/v1/audit/verify", kAuditors, kAdminKey),
        for_(Method::get, "/api/v1/audit/export", kAuditors, kAdminKey),
        for_(Method::get, "/api/v1/health", kEverybody, {Scope::read}),
        for_(Method::get, "/api/v1/settings", kAdmin, kAdminKey),
        for_(Method::patch, "/api/v1/settings", kAdmin, kAdminKey),
    };
    return table;
}

const Access* find_access(http::Method method, std::string_view pattern) {
    const auto table = access_table();
    const auto it = std::ranges::find_if(
        table, [&](const Access& row) { return row.method == method && row.pattern == pattern; });
    return it == table.end() ? nullptr : &*it;
}

}  // namespace rushlight::server
