#include "match/index/plan.h"

#include <limits>
#include <vector>

namespace rushlight::match::index {

Thresholds even_thresholds(int limit) {
    Thresholds thresholds{};
    const int budget = limit + 1;
    for (int i = 0; i < kParts; ++i) {
        thresholds[i] = static_cast<std::int8_t>(budget / kParts + (i < budget % kParts ? 1 : 0) - 1);
    }
    return thresholds;
}

Thresholds cheapest_thresholds(const PartCosts& costs, int limit) {
    constexpr int kMaxBudget = kParts * kMaxRadius;
    constexpr double kNever = std::numeric_limits<double>::infinity();
    const int budget = limit + 1;
    std::array<double, kMaxBudget + 1> best{};  // best[b]: least cost of the parts so far for a sum of b
    best.fill(kNever);
    best[0] = 0;
    std::array<std::array<std::int8_t, kMaxBudget + 1>, kParts> chosen{};
    for (int i = 0; i < kParts; ++i) {
        std::array<double, kMaxBudget + 1> next{};
        next.fill(kNever);
        for (int b = 0; b <= budget; ++b) {
            for (int r = 0; r <= kMaxRadius && r <= b; ++r) {
                const double cost = best[b - r] + costs[i][r];
                if (cost < next[b]) {
                    next[b] = cost;
                    chosen[i][b] = static_cast<std::int8_t>(r);
                }
            }
        }
        best = next;
    }
    Thresholds thresholds{};
    for (int i = kParts - 1, b = budget; i >= 0; --i) {
        const int r = chosen[i][b];
        thresholds[i] = static_cast<std::int8_t>(r - 1);
        b -= r;
    }
    return thresholds;
}

}  // namespace rushlight::match::index
