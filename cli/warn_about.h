// What a person should know of the lists before they trust an answer.
#pragma once

#include "match/match.h"

namespace rushlight::cli {

// On stderr, a line each: bad lines of list files, expired lists, and where nothing at all can be found.
void warn_about(const match::Matcher& matcher);

}  // namespace rushlight::cli
