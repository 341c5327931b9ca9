// The first half of an import, which needs no store: a file's values into a sorter. Private to match.
#pragma once

#include "match/lists.h"
#include "match/sorter.h"

namespace rushlight::match {

// Fills format, read, bad_lines and bad of the report. Fails where nothing at all could be read.
Status read_into(int fd, const ImportOptions& options, Sorter& sorter, ImportReport& report);

inline constexpr std::uint64_t kProgressEvery = 65'536;  // values
Status stopped();                                        // by its caller: `cancelled`

// What the bare values of 64 digits are: as they look, else `fallback`, else `invalid` in words.
Result<Method> decide_undecided(Sorter& sorter, std::optional<Method> fallback);

}  // namespace rushlight::match
