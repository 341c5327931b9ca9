// Retry-After of HTTP (RFC 9110, section 10.2.3): a number of seconds, or a date.
#pragma once

#include "base/time.h"

#include <optional>
#include <string_view>

namespace rushlight::message {

// When to come again, not before now and at most a day away; nullopt for anything that is neither.
std::optional<Time> retry_after(std::string_view header, Time now);

}  // namespace rushlight::message
