// People, their sessions, and the keys of programs.

#include "base/text.h"
#include "http/cookies.h"
#include "server/app.h"
#include "server/routes.h"
#include "server/session.h"

#include <algorithm>
#include <chrono>
#include <optional>
#include <utility>

#include <nlohmann/json.hpp>

namespace rushlight::server {
namespace {

using accounts::AccountId;
using accounts::Person;
using nlohmann::json;
using nlohmann::ordered_json;

ordered_json to_json(const Person& person) {
    ordered_json object{{"id", person.id.text},
                        {"email", person.email},
                        {"roles", accounts::names_of(person.roles)},
                        {"active", person.active},
                        {"has_password", person.has_password},
                        {"second_factor", person.second_factor},
                        {"made", person.made.rfc3339()}};
    if (person.signed_in) object["signed_in"] = person.signed_in->rfc3339();
    return object;
}

ordered_json to_json(const accounts::ApiKey& key) {
    ordered_json object{{"id", key.id.hex()},
                        {"name", key.name},
                        {"scopes", accounts::names_of(key.scopes)},
                        {"made", key.made.rfc3339()},
                        {"made_by", key.made_by}};
    if (key.expires) object["expires"] = key.expires->rfc3339();
    if (key.revoked) object["revoked"] = key.revoked->rfc3339();
    if (key.used) object["used"] = key.used->rfc3339();
    return object;
}

// The answer to whoever is signed in now, with the cookie.
http::Response welcome(Call& call, int status, const Person& person, const std::string& token) {
    const ordered_json body{{"account", to_json(person)},
                            {"csrf", accounts::csrf_token(token)},
                            {"profile", call.app.settings->get().profile},
                            {"version", RUSHLIGHT_VERSION}};
    http::Response response = json_answer(status, body);
    response.headers.emplace_back("Set-Cookie", session_cookie(call, token, false));
    return response;
}

http::Response setup_state(Call& call) {
    const auto has = call.app.accounts->has_administrator();
    if (!has) return problem_of(has.error());
    ordered_json object{{"needed", !*has}, {"profiles", ordered_json::array()}};
    for (const Profile& profile : profiles()) {
        object["profiles"].push_back({{"id", profile.id},
                                      {"name", profile.name},
                                      {"what", profile.what},
                                      {"holding", profile.holding},
                                      {"hours", profile.hours}});
    }
    if (!*has) object["key_file"] = call.app.sealer->path();
    return json_answer(200, object);
}

http::Response set_up(Call& call) {
    const auto body = call.json();
    if (!body) return bad_request(body.error().message);
    const std::string profile = text_at(*body, "profile");
    const auto chosen = std::ranges::find(profiles(), profile, &Profile::id);
    if (chosen == profiles().end())
        return problem_of(
            {ErrorCode::invalid, "'profile' has to be platform, hotline, ngo, police or research"});
    const std::string email = text_at(*body, "email");
    const std::string password = text_at(*body, "password");
    const auto person = call.app.accounts->set_up(text_at(*body, "token"), email, password, call.now);
    if (!person) return problem_of(person.error());
    Settings settings = call.app.settings->get();
    settings.profile = profile;
    settings.holding = body->contains("holding") && body->at("holding").is_boolean()
                           ? body->at("holding").get<bool>()
                           : chosen->holding;
    settings.holding_hours = chosen->hours;
    if (auto applied = call.app.apply(settings, accounts::who(person->id)); !applied)
        return problem_of(applied.error());
    const auto signed_in = call.app.accounts->sign_in(
        {.email = email, .password = password, .peer = std::string(call.head.peer)}, call.now);
    if (!signed_in) return problem_of(signed_in.error());
    return welcome(call, 201, *person, signed_in->token);
}

http::Response slowed(std::chrono::seconds wait) {
    return http::problem(429, "too many attempts: wait a while before the next", "/problems/rate-limited")
        .with("Retry-After", std::to_string(wait.count()));
}

http::Response sign_in(Call& call) {
    const auto body = call.json();
    if (!body) return bad_request(body.error().message);
    const auto result = call.app.accounts->sign_in({.email = text_at(*body, "email"),
                                                    .password = text_at(*body, "password"),
                                                    .code = text_at(*body, "code"),
                                                    .peer = std::string(call.head.peer)},
                                                   call.now);
    if (!result) return problem_of(result.error());
    switch (result->state) {
        case accounts::SignIn::State::signed_in:
            call.app.metrics.sign_in(SignInOutcome::signed_in);
            return welcome(call, 201, result->session->person, result->token);
        case accounts::SignIn::State::second_factor_wanted:
            return http::problem(401, "a code of the second factor is wanted", "/problems/second-factor",
                                 "\"second_factor\":true");
        case accounts::SignIn::State::slowed:
            call.app.metrics.sign_in(SignInOutcome::slowed);
            call.app.log.warn("accounts", "signin.slowed", {{"request", call.head.id}});
            return slowed(result->wait);
        case accounts::SignIn::State::refused:
            break;
    }
    call.app.metrics.sign_in(SignInOutcome::refused);
    call.app.log.warn("accounts", "signin.refused", {{"request", call.head.id}});
    return http::problem(401, "the address, the password or the code is wrong", "/problems/unauthorised");
}

http::Response reset(Call& call) {
    const auto body = call.json();
    if (!body) return bad_request(body.error().message);
    const auto person =
        call.app.accounts->reset(text_at(*body, "token"), text_at(*body, "password"), call.now);
    return person ? json_answer(200, {{"email", person->email}}) : problem_of(person.error());
}

http::Response session(Call& call) {
    return json_answer(200, {{"account", to_json(call.caller.session->person)},
                             {"csrf", accounts::csrf_token(call.caller.token)},
                             {"profile", call.app.settings->get().profile},
                             {"version", RUSHLIGHT_VERSION}});
}

http::Response sign_out(Call& call) {
    if (auto out = call.app.accounts->sign_out(call.caller.token, call.now); !out)
        return problem_of(out.error());
    call.app.hub.look_again();
    http::Response response = http::Response::empty(204);
    response.headers.emplace_back("Set-Cookie", session_cookie(call, "", true));
    return response;
}

http::Response me(Call& call) { return json_answer(200, to_json(call.caller.session->person)); }

// A secret that one typed wrongly is a mistake in the form, not a lack of rights.
http::Response mistyped(const Error& error) {
    return problem_of(error.code == ErrorCode::denied ? Error{ErrorCode::invalid, error.message} : error);
}

http::Response change_password(Call& call) {
    const auto body = call.json();
    if (!body) return bad_request(body.error().message);
    const auto changed =
        call.app.accounts->change_password(call.caller.session->person.id, text_at(*body, "old"),
                                           text_at(*body, "new"), call.head.peer, call.now);
    call.app.hub.look_again();
    return changed ? http::Response::empty(204) : mistyped(changed.error());
}

http::Response begin_totp(Call& call) {
    const auto factor = call.app.accounts->begin_second_factor(call.caller.session->person.id, call.now);
    if (!factor) return problem_of(factor.error());
    return json_answer(200, {{"secret", factor->secret}, {"uri", factor->uri}});
}

http::Response confirm_totp(Call& call) {
    const auto body = call.json();
    if (!body) return bad_request(body.error().message);
    const auto codes = call.app.accounts->confirm_second_factor(call.caller.session->person.id,
                                                                text_at(*body, "code"), call.now);
    return codes ? json_answer(200, {{"recovery_codes", *codes}}) : mistyped(codes.error());
}

// Before the second factor of somebody who has one is changed: an open browser alone must not do that. Trying
// the password is slowed as signing in is; since a second factor is on, it opens no session.
std::optional<http::Response> wrong_password(Call& call) {
    const auto body = call.json();
    if (!body) return bad_request(body.error().message);
    const auto tried = call.app.accounts->sign_in({.email = call.caller.session->person.email,
                                                   .password = text_at(*body, "password"),
                                                   .peer = std::string(call.head.peer)},
                                                  call.now);
    if (!tried) return problem_of(tried.error());
    if (tried->state == accounts::SignIn::State::slowed) return slowed(tried->wait);
    if (tried->state != accounts::SignIn::State::second_factor_wanted)
        return problem_of({ErrorCode::invalid, "the password is wrong"});
    return std::nullopt;
}

http::Response new_recovery_codes(Call& call) {
    const Person& person = call.caller.session->person;
    if (!person.second_factor)
        return problem_of({ErrorCode::conflict, "there is no second factor to recover"});
    if (auto refusal = wrong_password(call)) return std::move(*refusal);
    const auto codes = call.app.accounts->new_recovery_codes(person.id, call.caller.who, call.now);
    return codes ? json_answer(200, {{"recovery_codes", *codes}}) : problem_of(codes.error());
}

http::Response remove_totp(Call& call) {
    if (call.caller.session->person.second_factor) {
        if (auto refusal = wrong_password(call)) return std::move(*refusal);
    }
    const auto gone =
        call.app.accounts->remove_second_factor(call.caller.session->person.id, call.caller.who, call.now);
    return gone ? http::Response::empty(204) : problem_of(gone.error());
}

http::Response sessions(Call& call) {
    const auto all = call.app.accounts->sessions(call.caller.session->person.id, call.now);
    if (!all) return problem_of(all.error());
    auto items = ordered_json::array();
    for (const accounts::Session& one : *all) {
        items.push_back({{"id", one.id.hex()},
                         {"made", one.made.rfc3339()},
                         {"used", one.used.rfc3339()},
                         {"ends", one.ends.rfc3339()},
                         {"this", one.id == call.caller.session->id}});
    }
    return json_answer(200, page_of(std::move(items), std::nullopt));
}

http::Response revoke_session(Call& call) {
    const auto id = accounts::SessionId::parse(call.parameters.at(0));
    if (!id) return problem_of({ErrorCode::not_found, "there is no such session"});
    const auto gone =
        call.app.accounts->revoke(call.caller.session->person.id, *id, call.caller.who, call.now);
    call.app.hub.look_again();
    return gone ? http::Response::empty(204) : problem_of(gone.error());
}

http::Response people(Call& call) {
    const auto query = call.query();
    if (!query) return bad_request(query.error().message);
    const auto limit = limit_of(*query);
    if (!limit) return problem_of(limit.error());
    std::optional<AccountId> after;
    if (const auto cursor = query->get("cursor")) after = AccountId{std::string(*cursor)};
    const auto all = call.app.accounts->list(after, *limit);
    if (!all) return problem_of(all.error());
    auto items = ordered_json::array();
    for (const Person& person : *all) items.push_back(to_json(person));
    const bool full = std::cmp_equal(all->size(), *limit);
    return json_answer(200,
                       page_of(std::move(items), full ? std::optional(all->back().id.text) : std::nullopt));
}

// Who stands behind the ids that lists, policies and the audit log name: at most the first 1,000 people and
// the first 1,000 keys. Whoever was forgotten has no name any more. Whole addresses are for those who look
// after people and the audit log; colleagues are known by what stands before the @.
http::Response names(Call& call) {
    constexpr int kMost = 1000;
    const auto people = call.app.accounts->list(std::nullopt, kMost);
    if (!people) return problem_of(people.error());
    const auto keys = call.app.keys->list(std::nullopt, kMost);
    if (!keys) return problem_of(keys.error());
    const bool whole =
        call.caller.roles.has(accounts::Role::admin) || call.caller.roles.has(accounts::Role::steward);
    auto items = ordered_json::array();
    for (const Person& one : *people) {
        if (one.email.empty()) continue;
        items.push_back({{"who", accounts::who(one.id)},
                         {"name", whole ? one.email : one.email.substr(0, one.email.find('@'))}});
    }
    for (const accounts::ApiKey& one : *keys)
        items.push_back({{"who", accounts::who(one.id)}, {"name", one.name}});
    return json_answer(200, page_of(std::move(items), std::nullopt));
}

http::Response create_person(Call& call) {
    const auto body = call.json();
    if (!body) return bad_request(body.error().message);
    const auto roles = texts_at(*body, "roles").and_then(accounts::parse_roles);
    if (!roles) return problem_of(roles.error());
    accounts::NewPerson person{.email = text_at(*body, "email"), .roles = *roles};
    if (const std::string password = text_at(*body, "password"); !password.empty())
        person.password = password;
    const auto made = call.app.accounts->create(person, call.caller.who, call.now);
    if (!made) return problem_of(made.error());
    ordered_json object = to_json(*made);
    if (!made->has_password) {
        const auto token = call.app.accounts->make_reset_token(made->id, false, call.caller.who, call.now);
        if (!token) return problem_of(token.error());
        object["reset_token"] = token->text;
        object["reset_expires"] = token->expires.rfc3339();
    }
    return json_answer(201, object);
}

http::Response change_person(Call& call) {
    const auto body = call.json();
    if (!body) return bad_request(body.error().message);
    const AccountId id{call.parameters.at(0)};
    if (body->is_object() && body->contains("roles")) {
        const auto roles = texts_at(*body, "roles").and_then(accounts::parse_roles);
        if (!roles) return problem_of(roles.error());
        if (auto set = call.app.accounts->set_roles(id, *roles, call.caller.who, call.now); !set)
            return problem_of(set.error());
    }
    if (body->is_object() && body->contains("active")) {
        if (!body->at("active").is_boolean())
            return problem_of({ErrorCode::invalid, "'active' has to be true or false"});
        if (auto set =
                call.app.accounts->set_active(id, body->at("active").get<bool>(), call.caller.who, call.now);
            !set)
            return problem_of(set.error());
    }
    call.app.hub.look_again();
    const auto person = call.app.accounts->find(id);
    return person ? json_answer(200, to_json(*person)) : problem_of(person.error());
}

// The id stays, so that old entries keep their meaning; nothing leads from it to a person any more.
http::Response erase_person(Call& call) {
    const auto erased = call.app.accounts->erase({call.parameters.at(0)}, call.caller.who, call.now);
    call.app.hub.look_again();
    return erased ? http::Response::empty(204) : problem_of(erased.error());
}

http::Response reset_person(Call& call) {
    bool second_factor_too = false;
    if (!call.body.empty()) {
        const auto body = call.json();
        if (!body) return bad_request(body.error().message);
        second_factor_too = body->is_object() && body->value("second_factor_too", json()).is_boolean() &&
                            body->at("second_factor_too").get<bool>();
    }
    const auto token = call.app.accounts->make_reset_token({call.parameters.at(0)}, second_factor_too,
                                                           call.caller.who, call.now);
    if (!token) return problem_of(token.error());
    return json_answer(200, {{"reset_token", token->text}, {"reset_expires", token->expires.rfc3339()}});
}

http::Response keys(Call& call) {
    const auto query = call.query();
    if (!query) return bad_request(query.error().message);
    const auto limit = limit_of(*query);
    if (!limit) return problem_of(limit.error());
    std::optional<accounts::ApiKeyId> after;
    if (const auto cursor = query->get("cursor")) {
        after = accounts::ApiKeyId::parse(*cursor);
        if (!after) return problem_of({ErrorCode::invalid, "'cursor' is none of ours"});
    }
    const auto all = call.app.keys->list(after, *limit);
    if (!all) return problem_of(all.error());
    auto items = ordered_json::array();
    for (const accounts::ApiKey& key : *all) items.push_back(to_json(key));
    const bool full = std::cmp_equal(all->size(), *limit);
    return json_answer(200,
                       page_of(std::move(items), full ? std::optional(all->back().id.hex()) : std::nullopt));
}

http::Response create_key(Call& call) {
    const auto body = call.json();
    if (!body) return bad_request(body.error().message);
    const auto scopes = texts_at(*body, "scopes").and_then(accounts::parse_scopes);
    if (!scopes) return problem_of(scopes.error());
    accounts::NewApiKey key{.name = text_at(*body, "name"), .scopes = *scopes};
    if (const std::string text = text_at(*body, "expires"); !text.empty()) {
        key.expires = Time::parse(text);
        if (!key.expires) return problem_of({ErrorCode::invalid, "'expires' is no RFC 3339 time"});
    }
    const auto made = call.app.keys->create(key, call.caller.who, call.now);
    if (!made) return problem_of(made.error());
    ordered_json object = to_json(made->key);
    object["key"] = made->secret;
    return json_answer(201, object);
}

http::Response revoke_key(Call& call) {
    const auto id = accounts::ApiKeyId::parse(call.parameters.at(0));
    if (!id) return problem_of({ErrorCode::not_found, "there is no such key"});
    const auto gone = call.app.keys->revoke(*id, call.caller.who, call.now);
    call.app.hub.look_again();  // as everywhere where somebody lost a right
    return gone ? http::Response::empty(204) : problem_of(gone.error());
}

}  // namespace

void add_session_routes(RouteList& routes) {
    using enum http::Method;
    routes.push_back(
        {get, "/api/v1/setup", "Whether the first administrator is still to be made", 0, false, setup_state});
    routes.push_back({post, "/api/v1/setup", "Make the first administrator", kJsonBody, false, set_up});
    routes.push_back({post, "/api/v1/session", "Sign in", kJsonBody, false, sign_in});
    routes.push_back({get, "/api/v1/session", "Who is signed in", 0, false, session});
    routes.push_back({delete_, "/api/v1/session", "Sign out", 0, false, sign_out});
    routes.push_back({post, "/api/v1/reset", "A new password with a reset token", kJsonBody, false, reset});
    routes.push_back({get, "/api/v1/me", "One's own account", 0, false, me});
    routes.push_back(
        {post, "/api/v1/me/password", "Change one's own password", kJsonBody, false, change_password});
    routes.push_back({post, "/api/v1/me/totp", "Begin a second factor", kJsonBody, false, begin_totp});
    routes.push_back(
        {post, "/api/v1/me/totp/confirm", "Confirm it with a code", kJsonBody, false, confirm_totp});
    routes.push_back(
        {delete_, "/api/v1/me/totp", "Give the second factor up", kJsonBody, false, remove_totp});
    routes.push_back({post, "/api/v1/me/recovery-codes", "New recovery codes, shown once; the old ones go",
                      kJsonBody, false, new_recovery_codes});
    routes.push_back({get, "/api/v1/me/sessions", "One's own sessions", 0, false, sessions});
    routes.push_back({delete_, "/api/v1/me/sessions/{id}", "End one of them", 0, false, revoke_session});
}

void add_account_routes(RouteList& routes) {
    using enum http::Method;
    routes.push_back({get, "/api/v1/names", "Who stands behind the ids of people and keys", 0, false, names});
    routes.push_back({get, "/api/v1/accounts", "All people", 0, false, people});
    routes.push_back({post, "/api/v1/accounts", "Add a person", kJsonBody, true, create_person});
    routes.push_back({patch, "/api/v1/accounts/{id}", "Change roles, or switch a person off", kJsonBody,
                      false, change_person});
    routes.push_back({delete_, "/api/v1/accounts/{id}", "Forget a person: nothing of them is kept but the id",
                      0, false, erase_person});
    routes.push_back(
        {post, "/api/v1/accounts/{id}/reset", "A token for a new password", kJsonBody, false, reset_person});
    routes.push_back({get, "/api/v1/keys", "All keys of programs", 0, false, keys});
    routes.push_back({post, "/api/v1/keys", "Make a key, shown once", kJsonBody, true, create_key});
    routes.push_back({delete_, "/api/v1/keys/{id}", "Revoke a key", 0, false, revoke_key});
}

}  // namespace rushlight::server
