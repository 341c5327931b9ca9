// What people and programs may do: roles of people, scopes of API keys, and sets of them. Which route or
// command asks for which is the server's table, not ours.
#pragma once

#include "base/result.h"

#include <cstdint>
#include <initializer_list>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace rushlight::accounts {

enum class Role : std::uint8_t {
    viewer,     // sees cases without pictures
    analyst,    // checks, scans, crawls; works cases, adverts, notices
    reviewer,   // asks for previews, and decides
    reporter,   // sends reports
    steward,    // data, releases, estimates, directory
    responder,  // answers canvasses, sees addresses of an accepted referral
    admin,      // people, keys, settings, policies; no pictures
};
inline constexpr int kRoles = 7;

enum class Scope : std::uint8_t { check, lists, scans, cases, read, admin };
inline constexpr int kScopes = 6;

std::string_view to_string(Role role);
std::string_view to_string(Scope scope);
std::optional<Role> parse_role(std::string_view text);
std::optional<Scope> parse_scope(std::string_view text);

template <class T>
class SetOf {
  public:
    SetOf() = default;
    SetOf(std::initializer_list<T> members) {
        for (const T member : members) add(member);
    }
    // Unknown bits, of a newer program's store, are dropped.
    static SetOf from_bits(std::int64_t bits, int known) {
        SetOf set;
        set.bits_ = static_cast<std::uint32_t>(bits) & ((1U << known) - 1);
        return set;
    }

    void add(T member) { bits_ |= 1U << static_cast<unsigned>(member); }
    bool has(T member) const { return (bits_ & (1U << static_cast<unsigned>(member))) != 0; }
    bool empty() const { return bits_ == 0; }
    std::int64_t bits() const { return bits_; }
    bool operator==(const SetOf&) const = default;

  private:
    std::uint32_t bits_ = 0;
};
using Roles = SetOf<Role>;
using Scopes = SetOf<Scope>;

std::vector<std::string> names_of(Roles roles);
std::vector<std::string> names_of(Scopes scopes);
// `invalid` names the word that is none of them, and those that there are; also where there is none.
Result<Roles> parse_roles(std::span<const std::string> names);
Result<Scopes> parse_scopes(std::span<const std::string> names);

}  // namespace rushlight::accounts
