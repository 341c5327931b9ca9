// How far each part may differ, chosen for one query.
//
// If two hashes lie within T and the numbers r_i = t_i + 1 add up to at least T + 1, some part i differs in
// fewer than r_i bits. Any such split finds everything; this chooses the cheapest one.
#pragma once

#include "match/index/bits.h"

#include <array>
#include <span>

namespace rushlight::match::index {

// t_i for each part; -1: the part's table is not asked.
using Thresholds = std::array<std::int8_t, kParts>;

// The same for all parts, as nearly as T allows.
Thresholds even_thresholds(int limit);

// costs[i][r] is the cost of part i at t_i = r - 1 (r = 0: nothing). Least total with sum r_i >= limit + 1,
// by dynamic programming.
inline constexpr int kMaxRadius = 3;
using PartCosts = std::array<std::array<double, kMaxRadius + 1>, kParts>;
Thresholds cheapest_thresholds(const PartCosts& costs, int limit);

}  // namespace rushlight::match::index
