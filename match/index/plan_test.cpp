#include "match/index/plan.h"

#include "match/index/clustered_hashes.h"
#include "match/index/segment.h"

#include <algorithm>
#include <numeric>

#include <gtest/gtest.h>

namespace rushlight::match::index {
namespace {

int budget_of(const Thresholds& thresholds) {
    return std::accumulate(thresholds.begin(), thresholds.end(), 0,
                           [](int sum, int t) { return sum + t + 1; });
}

TEST(Plan, EvenThresholdsAddUp) {
    for (int limit = 0; limit <= kTableCover; ++limit) {
        const auto thresholds = even_thresholds(limit);
        EXPECT_EQ(budget_of(thresholds), limit + 1);
        const auto [least, most] = std::minmax_element(thresholds.begin(), thresholds.end());
        EXPECT_LE(*most - *least, 1);
        EXPECT_GE(*least, -1);
        EXPECT_LE(*most, kMaxPartThreshold);
    }
}

TEST(Plan, CheapestThresholdsAddUpAndBeatEverythingTried) {
    SplitMix random{1};
    for (int round = 0; round < 200; ++round) {
        PartCosts costs{};
        for (auto& part : costs) {
            for (std::size_t r = 1; r < part.size(); ++r)
                part[r] = part[r - 1] + static_cast<double>(random.below(1000));
        }
        const int limit = static_cast<int>(random.below(kTableCover + 1));
        const auto total = [&](const Thresholds& thresholds) {
            double sum = 0;
            for (std::size_t i = 0; i < kParts; ++i)
                sum += costs[i][static_cast<std::size_t>(thresholds[i] + 1)];
            return sum;
        };
        const auto best = cheapest_thresholds(costs, limit);
        ASSERT_EQ(budget_of(best), limit + 1);
        EXPECT_LE(total(best), total(even_thresholds(limit)));
        for (int other = 0; other < 50; ++other) {  // move one unit from a part to another
            auto moved = best;
            auto& from = moved[random.below(kParts)];
            auto& to = moved[random.below(kParts)];
            if (from < 0 || to >= kMaxPartThreshold) continue;
            --from;
            ++to;
            EXPECT_LE(total(best), total(moved) + 1e-9);
        }
    }
}

// The principle that the search rests on, tried on part distances of every shape: whatever adds up to at most
// T has a part within its threshold whose next part is near enough, too.
TEST(Plan, RingPrincipleHolds) {
    SplitMix random{2};
    for (int round = 0; round < 200'000; ++round) {
        const int limit = static_cast<int>(random.below(kTableCover + 1));
        Thresholds t{};
        t.fill(-1);
        for (int left = limit + 1; left > 0;) {
            auto& chosen = t[random.below(kParts)];
            if (chosen >= kMaxPartThreshold) continue;
            ++chosen;
            --left;
        }
        std::array<int, kParts> apart{};
        for (int left = limit; left > 0; --left) ++apart[random.below(round % 2 == 0 ? kParts : 12)];
        bool found = false;
        for (std::size_t i = 0; i < kParts; ++i) {
            const std::size_t next = (i + 1) % kParts;
            found |= apart[i] <= t[i] && apart[i] + apart[next] <= t[i] + t[next] + 1;
        }
        ASSERT_TRUE(found);
    }
}

// Every kernel and every threshold on one segment, skewed so that the thresholds of the parts differ.
TEST(Segment, FindsWhatItsScanFindsOnEveryKernel) {
    SplitMix random{3};
    std::vector<IndexEntry> entries;
    for (std::uint64_t i = 0; i < 6'000; ++i) {
        IndexHash hash = to_index_order(random_hash(random));
        if (i % 3 != 0) hash.words[1] = random() & random() & random() & 0x0101;  // parts 4 to 7 say little
        if (i % 7 == 0) hash.words[0] &= ~std::uint64_t{0xFFFF};                  // and part 0 now and then
        entries.push_back({hash, random()});
    }
    sort_for_segment(entries);
    const auto segment = Segment::build(entries, 2);
    for (const Kernels* kernels : runnable_kernels()) {
        for (int limit = 0; limit <= kTableCover; ++limit) {
            for (int q = 0; q < 4; ++q) {
                IndexHash query = entries[random.below(entries.size())].hash;
                for (int flips = 0; flips < limit; ++flips)
                    query.words[random.below(4)] ^= std::uint64_t{1} << random.below(64);
                std::vector<Hit> by_tables;
                std::vector<Hit> by_scan;
                SearchCost cost;
                segment->search(query, limit, *kernels, by_tables, cost);
                segment->scan(query, limit, best_kernels(), by_scan, cost);
                const auto before = [](const Hit& a, const Hit& b) {
                    return std::pair(a.id, a.distance) < std::pair(b.id, b.distance);
                };
                std::sort(by_tables.begin(), by_tables.end(), before);
                std::sort(by_scan.begin(), by_scan.end(), before);
                ASSERT_EQ(by_tables, by_scan) << kernels->name << ' ' << limit;
            }
        }
    }
}

}  // namespace
}  // namespace rushlight::match::index
