// The rules: from a query and the tables to an answer. Pure; private to match. docs/lists.md says them in
// words.
#pragma once

#include "match/matcher.h"
#include "match/tables.h"

#include <memory>
#include <span>
#include <unordered_map>

namespace rushlight::match {

// The lists that are matched against, by their number in the tables.
using ListTable = std::unordered_map<std::uint32_t, List>;

// `query.threshold` is within 0–63. Entries of lists that are not in `lists`, or have expired by `now`, are
// as if they were not there.
Answer judge(const Query& query, std::span<const std::shared_ptr<Tables>> tables, const ListTable& lists,
             Time now);

}  // namespace rushlight::match
