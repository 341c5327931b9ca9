// access: who may call which route. access.cpp has the one table; a test walks it.
#pragma once

#include "accounts/rights.h"
#include "http/http.h"

#include <span>
#include <string_view>

namespace rushlight::server {

struct Access {
    http::Method method = http::Method::get;
    std::string_view pattern;
    bool open = false;          // nobody has to say who they are
    bool here = false;          // nor does who asks from this machine itself, not through a proxy
    bool any_person = false;    // whoever is signed in
    accounts::Roles roles{};    // people with one of these
    accounts::Scopes scopes{};  // programs with one of these; empty: not for programs
};
std::span<const Access> access_table();
// Of a route; null where the table has none: then nobody may.
const Access* find_access(http::Method method, std::string_view pattern);

}  // namespace rushlight::server
