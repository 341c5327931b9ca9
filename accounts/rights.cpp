#include "accounts/rights.h"

#include "base/text.h"

#include <array>

namespace rushlight::accounts {
namespace {

constexpr std::array<std::string_view, kRoles> kRoleNames{"viewer",  "analyst",   "reviewer", "reporter",
                                                          "steward", "responder", "admin"};
constexpr std::array<std::string_view, kScopes> kScopeNames{"check", "lists", "scans",
                                                            "cases", "read",  "admin"};

template <class T, std::size_t N>
std::optional<T> find(const std::array<std::string_view, N>& names, std::string_view text) {
    for (std::size_t i = 0; i < N; ++i) {
        if (names[i] == text) return static_cast<T>(i);
    }
    return std::nullopt;
}

template <class T, std::size_t N>
std::vector<std::string> spell(const std::array<std::string_view, N>& names, SetOf<T> set) {
    std::vector<std::string> words;
    for (std::size_t i = 0; i < N; ++i) {
        if (set.has(static_cast<T>(i))) words.emplace_back(names[i]);
    }
    return words;
}

template <class T, std::size_t N>
Result<SetOf<T>> parse(const std::array<std::string_view, N>& names, std::span<const std::string> words,
                       const std::string& what) {
    SetOf<T> set;
    std::string all;
    for (const std::string_view name : names) all += (all.empty() ? "" : ", ") + std::string(name);
    for (const std::string& word : words) {
        const auto one = find<T>(names, word);
        if (!one)
            return fail(ErrorCode::invalid,
                        "there is no " + what + " '" + printable(word) + "': there are " + all);
        set.add(*one);
    }
    if (set.empty()) return fail(ErrorCode::invalid, "at least one " + what + " is needed: there are " + all);
    return set;
}

}  // namespace

std::string_view to_string(Role role) { return kRoleNames[static_cast<std::size_t>(role)]; }
std::string_view to_string(Scope scope) { return kScopeNames[static_cast<std::size_t>(scope)]; }
std::optional<Role> parse_role(std::string_view text) { return find<Role>(kRoleNames, text); }
std::optional<Scope> parse_scope(std::string_view text) { return find<Scope>(kScopeNames, text); }
std::vector<std::string> names_of(Roles roles) { return spell(kRoleNames, roles); }
std::vector<std::string> names_of(Scopes scopes) { return spell(kScopeNames, scopes); }
Result<Roles> parse_roles(std::span<const std::string> names) {
    return parse<Role>(kRoleNames, names, "role");
}
Result<Scopes> parse_scopes(std::span<const std::string> names) {
    return parse<Scope>(kScopeNames, names, "scope");
}

}  // namespace rushlight::accounts
