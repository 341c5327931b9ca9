#include "match/index/near_index.h"

#include "base/testing/rounds.h"
#include "match/index/brute_force.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <thread>

#include <gtest/gtest.h>

namespace rushlight::match::index {
namespace {

NearIndex::Options with_tail(std::size_t tail, std::size_t segment = std::size_t{1} << 22) {
    NearIndex::Options options;
    options.tail_limit = tail;
    options.segment_limit = segment;
    return options;
}

// Each query lies at a known distance from something, so that every threshold has hits at its very edge.
void expect_like_brute_force(const NearIndex& index, const std::vector<Entry>& entries, std::uint64_t seed,
                             std::span<const int> limits, int queries) {
    SplitMix random{seed};
    for (const int limit : limits) {
        for (int i = 0; i < queries; ++i) {
            Pdq query = random_hash(random);
            if (i % 4 != 0 && !entries.empty()) {
                const int away =
                    std::clamp(limit - 1 + i % 3, 0, 256);  // just inside, at the edge, just outside
                query = flipped(entries[random.below(entries.size())].hash, away, random);
            }
            ASSERT_EQ(search(index, query, limit), brute_force(entries, query, limit))
                << "threshold " << limit;
        }
    }
}

std::vector<int> all_thresholds() {
    std::vector<int> limits;
    for (int limit = 0; limit <= 63; ++limit) limits.push_back(limit);
    return limits;
}

TEST(NearIndex, FindsWhatAScanFindsInRandomHashesAtEveryThreshold) {
    for (Rounds rounds; rounds.next();) {
        SplitMix random{rounds.seed()};
        const auto entries = random_entries(20'000, random);
        NearIndex index(with_tail(100));
        index.build(entries);
        expect_like_brute_force(index, entries, random(), all_thresholds(), 12);
    }
}

TEST(NearIndex, FindsWhatAScanFindsInClusteredHashesAtEveryThreshold) {
    for (Rounds rounds; rounds.next();) {
        SplitMix random{rounds.seed()};
        const auto entries = clustered_entries(20'000, random());
        NearIndex index(with_tail(100));
        index.build(entries);
        expect_like_brute_force(index, entries, random(), all_thresholds(), 12);
        ClusteredHashes fresh(real_hashes(), random());
        for (int i = 0; i < 100; ++i) {
            const Pdq query = fresh.next();
            ASSERT_EQ(search(index, query, 31), brute_force(entries, query, 31));
        }
    }
}

TEST(NearIndex, FindsEveryPairAmongRealHashes) {
    const auto hashes = real_hashes();
    ASSERT_EQ(hashes.size(), 1350U);
    std::vector<Entry> entries;
    for (std::size_t i = 0; i < hashes.size(); ++i) entries.push_back({hashes[i], i});
    NearIndex index(with_tail(100, 500));  // three segments
    index.build(entries);
    for (const auto& hash : hashes) ASSERT_EQ(search(index, hash, 31), brute_force(entries, hash, 31));
}

// The tables could cover up to 47; asked to, they do.
TEST(NearIndex, CoversWhatItIsToldTo) {
    const auto entries = clustered_entries(3'000, 6);
    auto options = with_tail(10);
    options.covered_distance = 256;
    NearIndex index(options);
    index.build(entries);
    SearchCost cost;
    for (const int limit : {0, 31, 32, 40, 47, 48}) {
        search(index, entries[0].hash, limit, &cost);
        EXPECT_EQ(cost.scanned, limit > 47) << limit;
    }
    expect_like_brute_force(index, entries, 7, std::array{32, 33, 40, 46, 47, 48}, 40);
}

TEST(NearIndex, SaysWhenItScanned) {
    const auto entries = clustered_entries(2'000, 8);
    NearIndex index(with_tail(10));
    index.build(entries);
    SearchCost cost;
    EXPECT_EQ(search(index, entries[5].hash, 31, &cost), brute_force(entries, entries[5].hash, 31));
    EXPECT_FALSE(cost.scanned);
    EXPECT_LT(cost.candidates, entries.size());
    for (const int limit : {32, 63, 128, 200, 255, 256}) {
        EXPECT_EQ(search(index, entries[5].hash, limit, &cost), brute_force(entries, entries[5].hash, limit));
        EXPECT_TRUE(cost.scanned);
        EXPECT_EQ(cost.candidates, entries.size());
    }
    EXPECT_EQ(search(index, entries[5].hash, 1000).size(), entries.size());
    EXPECT_TRUE(search(index, entries[5].hash, -1).empty());
}

TEST(NearIndex, AnswersWithNothingInIt) {
    NearIndex index;
    EXPECT_TRUE(search(index, Pdq{}, 31).empty());
    EXPECT_EQ(index.size(), 0U);
    index.build({});
    index.add({});
    index.remove(std::vector<Entry>{{Pdq{}, 1}});
    EXPECT_TRUE(search(index, Pdq{}, 256).empty());
}

TEST(NearIndex, FindsASingleEntryInTailAndInSegment) {
    SplitMix random{9};
    for (const std::size_t tail : {std::size_t{1}, std::size_t{16'384}}) {
        const std::vector<Entry> one{{random_hash(random), ~std::uint64_t{0}}};
        NearIndex index(with_tail(tail));
        index.add(one);
        expect_like_brute_force(index, one, 10, std::array{0, 1, 15, 16, 31, 32, 63, 256}, 8);
        NearIndex built(with_tail(tail));
        built.build(one);
        expect_like_brute_force(built, one, 11, std::array{0, 1, 15, 16, 31, 32, 63, 256}, 8);
    }
}

TEST(NearIndex, KeepsSeveralIdsOfOneHashAndOneIdOfSeveralHashes) {
    SplitMix random{12};
    const Pdq a = random_hash(random);
    const Pdq b = flipped(a, 31, random);
    std::vector<Entry> entries{{a, 1}, {a, 2}, {a, 2}, {b, 1}, {a, ~std::uint64_t{0}}, {b, 7}};
    for (std::uint64_t i = 0; i < 50; ++i) entries.push_back({a, 100});  // the same pair many times
    for (const std::size_t tail : {std::size_t{4}, std::size_t{1000}}) {
        NearIndex index(with_tail(tail));
        index.build(entries);
        EXPECT_EQ(search(index, a, 31), brute_force(entries, a, 31));
        index.remove(std::vector<Entry>{{a, 2}, {a, 100}, {a, 999}, {b, 2}});
        auto left = entries;
        left.erase(std::find(left.begin(), left.end(), Entry{a, 2}));
        left.erase(std::find(left.begin(), left.end(), Entry{a, 100}));
        EXPECT_EQ(index.size(), left.size());
        EXPECT_EQ(search(index, a, 31), brute_force(left, a, 31));
    }
}

TEST(NearIndex, SurvivesOneHashFillingABucket) {
    SplitMix random{13};
    const Pdq a = random_hash(random);
    std::vector<Entry> entries;
    for (std::uint64_t i = 0; i < 10'000; ++i) entries.push_back({a, i});
    NearIndex index(with_tail(10));
    index.build(entries);
    EXPECT_EQ(search(index, flipped(a, 31, random), 31).size(), entries.size());
    EXPECT_TRUE(search(index, flipped(a, 32, random), 31).empty());
}

TEST(NearIndex, SpreadsOverManySegments) {
    const auto entries = clustered_entries(5'000, 14);
    NearIndex index(with_tail(64, 700));
    index.build(entries);
    EXPECT_EQ(index.size(), entries.size());
    expect_like_brute_force(index, entries, 15, std::array{0, 10, 31, 47, 63}, 20);
}

// A plain vector is told the same as the index; after every few changes both are asked.
TEST(NearIndex, FollowsAddsAndRemovesInAnyOrder) {
    for (Rounds rounds(3); rounds.next();) {
        const std::size_t tail = std::array{200, 1, 7}[rounds.seed() % 3];
        SplitMix random{rounds.seed()};
        ClusteredHashes hashes(real_hashes(), random());
        NearIndex index(with_tail(tail, 900));
        std::vector<Entry> model;
        for (int step = 0; step < 120; ++step) {
            std::vector<Entry> batch;
            const std::size_t size = 1 + random.below(step % 10 == 0 ? 150 : 12);
            const bool adding = model.empty() || random.below(5) < 3;
            for (std::size_t i = 0; i < size; ++i) {
                const bool known = !model.empty() && random.below(4) != 0;
                if (adding) {
                    batch.push_back(
                        {known && i % 3 == 0 ? model[random.below(model.size())].hash : hashes.next(),
                         random.below(50)});
                } else {
                    batch.push_back(known ? model[random.below(model.size())] : Entry{hashes.next(), 1});
                }
            }
            if (adding) {
                index.add(batch);
                model.insert(model.end(), batch.begin(), batch.end());
            } else {
                index.remove(batch);
                for (const auto& entry : batch) {
                    if (const auto it = std::find(model.begin(), model.end(), entry); it != model.end())
                        model.erase(it);
                }
            }
            ASSERT_EQ(index.size(), model.size());
            const Pdq query =
                model.empty() ? hashes.next() : flipped(model[random.below(model.size())].hash, 20, random);
            for (const int limit : {0, 25, 31, 50}) {
                ASSERT_EQ(search(index, query, limit), brute_force(model, query, limit)) << "step " << step;
            }
        }
        index.wait_for_merges();
        expect_like_brute_force(index, model, random(), std::array{0, 20, 31, 63}, 20);
        index.remove(model);
        EXPECT_EQ(index.size(), 0U);
        index.wait_for_merges();
        EXPECT_TRUE(search(index, hashes.next(), 256).empty());
    }
}

TEST(NearIndex, MergesAwayWhatWasRemoved) {
    const auto entries = clustered_entries(40'000, 18);
    NearIndex index(with_tail(100));
    index.build(entries);
    const std::size_t before = index.memory_bytes();
    index.remove(std::span(entries).first(30'000));
    index.wait_for_merges();
    EXPECT_EQ(index.size(), 10'000U);
    EXPECT_LT(index.memory_bytes(), before - 30'000 * 64);
    expect_like_brute_force(index, {entries.begin() + 30'000, entries.end()}, 19, std::array{31}, 20);
}

TEST(NearIndex, KeepsTheNumberOfSegmentsSmall) {
    SplitMix random{20};
    NearIndex index(with_tail(50));
    for (int i = 0; i < 100; ++i) index.add(random_entries(50, random));
    index.wait_for_merges();
    EXPECT_EQ(index.size(), 5'000U);
    // A segment costs 4.2 MB however small it is; five thousand entries need no more than a handful.
    EXPECT_LT(index.memory_bytes(), 6U * 4'400'000U);
}

TEST(NearIndex, BuildReplacesEverything) {
    SplitMix random{21};
    const auto first = random_entries(500, random);
    const auto second = random_entries(300, random);
    NearIndex index(with_tail(100));
    index.build(first);
    index.add(first);
    index.build(second);
    EXPECT_EQ(index.size(), second.size());
    EXPECT_TRUE(search(index, first[0].hash, 31).empty());
    expect_like_brute_force(index, second, 22, std::array{31}, 10);
}

// Entries that stay must be found in every search, those never added in none, whatever the writers do.
void search_while_others_change_it(std::uint64_t seed) {
    const auto entries = clustered_entries(3'000, seed);
    const std::span<const Entry> all(entries);
    const auto staying = all.first(1'000);
    NearIndex index(with_tail(64, 1'200));
    index.build({staying.begin(), staying.end()});
    std::atomic<bool> done{false};
    std::atomic<int> wrong{0};
    std::atomic<int> searches{0};
    std::vector<std::jthread> searchers;
    for (int t = 0; t < 3; ++t) {
        searchers.emplace_back([&, t] {
            SplitMix random{seed + static_cast<unsigned>(t)};
            while (!done || searches < 50) {
                const Pdq query = flipped(staying[random.below(staying.size())].hash, 15, random);
                const int limit = random.below(8) == 0 ? 60 : 31;
                auto expected = brute_force({staying.begin(), staying.end()}, query, limit);
                const auto most = brute_force(entries, query, limit);
                const auto got = search(index, query, limit);
                const bool enough =
                    std::includes(got.begin(), got.end(), expected.begin(), expected.end(), hit_before);
                const bool none_extra =
                    std::includes(most.begin(), most.end(), got.begin(), got.end(), hit_before);
                if (!enough || !none_extra) ++wrong;
                ++searches;
            }
        });
    }
    const auto coming = all.subspan(1'000);
    std::vector<std::jthread> writers;
    for (std::size_t w = 0; w < 2; ++w) {
        writers.emplace_back([&, w] {
            const auto mine = coming.subspan(w * 1'000, 1'000);
            for (int round = 0; round < 3; ++round) {
                for (std::size_t i = 0; i < mine.size(); i += 20) index.add(mine.subspan(i, 20));
                for (std::size_t i = 0; i < mine.size(); i += 50) index.remove(mine.subspan(i, 50));
            }
            index.add(mine);
        });
    }
    writers.clear();
    done = true;
    searchers.clear();
    EXPECT_EQ(wrong, 0);
    index.wait_for_merges();
    EXPECT_EQ(index.size(), entries.size());
    expect_like_brute_force(index, entries, seed, std::array{31}, 20);
}

TEST(NearIndex, SearchesWhileOthersChangeIt) {
    for (Rounds rounds; rounds.next();) search_while_others_change_it(rounds.seed());
}

}  // namespace
}  // namespace rushlight::match::index
