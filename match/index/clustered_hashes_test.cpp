#include "match/index/clustered_hashes.h"

#include "match/index/bits.h"
#include "match/index/brute_force.h"

#include <gtest/gtest.h>

namespace rushlight::match::index {
namespace {

// How many more pairs of hashes share a part to within a bit than would among random hashes: the work an
// index does on them, in multiples of the work on random ones.
double candidate_ratio(const std::vector<Pdq>& hashes) {
    std::vector<IndexHash> ordered;
    for (const auto& hash : hashes) ordered.push_back(to_index_order(hash));
    std::uint64_t pairs = 0;
    std::uint64_t shared = 0;
    for (std::size_t a = 0; a < ordered.size(); ++a) {
        for (std::size_t b = a + 1; b < ordered.size(); ++b, ++pairs) {
            for (int i = 0; i < kParts; ++i) {
                shared += std::popcount(static_cast<unsigned>(ordered[a].part(i) ^ ordered[b].part(i))) <= 1
                              ? 1
                              : 0;
            }
        }
    }
    return static_cast<double>(shared) / static_cast<double>(pairs) / (kParts * 17.0 / kPartKeys);
}

TEST(ClusteredHashes, AreAsHardAsRealOnes) {
    std::vector<Pdq> hashes;
    for (const auto& entry : clustered_entries(3'000, 1)) hashes.push_back(entry.hash);
    std::vector<Pdq> random;
    SplitMix generator{2};
    for (int i = 0; i < 1'500; ++i) random.push_back(random_hash(generator));
    EXPECT_NEAR(candidate_ratio(random), 1, 0.1);
    EXPECT_NEAR(candidate_ratio(real_hashes()), 5.5, 0.1);
    EXPECT_NEAR(candidate_ratio(hashes), 5, 1);
}

}  // namespace
}  // namespace rushlight::match::index
