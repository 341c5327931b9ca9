// For tests: the plain answer that the index is held against.
#pragma once

#include "match/index/clustered_hashes.h"
#include "match/index/near_index.h"

#include <algorithm>
#include <tuple>
#include <vector>

namespace rushlight::match::index {

inline bool hit_before(const Hit& a, const Hit& b) {
    return std::tie(a.id, a.distance, a.hash) < std::tie(b.id, b.distance, b.hash);
}

inline std::vector<Hit> sorted(std::vector<Hit> hits) {
    std::sort(hits.begin(), hits.end(), hit_before);
    return hits;
}

inline std::vector<Hit> brute_force(const std::vector<Entry>& entries, const Pdq& query, int limit) {
    std::vector<Hit> hits;
    for (const auto& entry : entries) {
        if (const int d = distance(entry.hash, query); d <= limit) hits.push_back({entry.id, d, entry.hash});
    }
    return sorted(std::move(hits));
}

inline std::vector<Hit> search(const NearIndex& index, const Pdq& query, int limit,
                               SearchCost* cost = nullptr) {
    std::vector<Hit> hits;
    index.search(query, limit, hits, cost);
    return sorted(std::move(hits));
}

inline std::vector<Pdq> real_hashes() {
    return read_hashes(std::string(RUSHLIGHT_SOURCE_DIR) + "/match/index/testdata/pdq-haystack.txt");
}

inline std::vector<Entry> random_entries(std::size_t count, SplitMix& random) {
    std::vector<Entry> entries;
    for (std::size_t i = 0; i < count; ++i) entries.push_back({random_hash(random), i});
    return entries;
}

inline std::vector<Entry> clustered_entries(std::size_t count, std::uint64_t seed) {
    ClusteredHashes hashes(real_hashes(), seed);
    std::vector<Entry> entries;
    for (std::size_t i = 0; i < count; ++i) entries.push_back({hashes.next(), i});
    return entries;
}

}  // namespace rushlight::match::index
