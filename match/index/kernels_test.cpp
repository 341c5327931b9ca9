#include "match/index/kernels.h"

#include "match/index/brute_force.h"

#include <gtest/gtest.h>

namespace rushlight::match::index {
namespace {

std::vector<IndexHash> some_hashes(std::size_t count) {
    SplitMix random{1};
    const Pdq centre = random_hash(random);
    std::vector<IndexHash> hashes;
    for (std::size_t i = 0; i < count; ++i) {
        hashes.push_back(to_index_order(flipped(centre, static_cast<int>(random.below(80)), random)));
    }
    return hashes;
}

TEST(Kernels, PlainIsAlwaysThereAndTheBestIsTheLast) {
    ASSERT_FALSE(runnable_kernels().empty());
    EXPECT_STREQ(runnable_kernels().front()->name, "plain");
    EXPECT_EQ(&best_kernels(), runnable_kernels().back());
}

TEST(Kernels, AllFilterAlike) {
    SplitMix random{2};
    for (const Kernels* kernels : runnable_kernels()) {
        for (const int shift : {16, 20, 22, 24}) {
            const std::uint32_t mask = ~std::uint32_t{0} << shift;
            for (const std::size_t count : {0, 1, 3, 7, 8, 15, 16, 17, 31, 33, 200}) {
                std::vector<std::uint32_t> postings(count);
                for (auto& posting : postings) posting = static_cast<std::uint32_t>(random());
                const auto query = static_cast<std::uint32_t>(random()) & mask;
                for (int limit = 0; limit <= 16; ++limit) {
                    std::vector<std::uint32_t> expected;
                    for (const auto posting : postings) {
                        if (std::popcount((posting ^ query) & mask) <= limit)
                            expected.push_back(posting & ~mask);
                    }
                    std::vector<std::uint32_t> got(count + 16);
                    got.resize(
                        kernels->filter(postings.data(), count, query, mask, shift, limit, got.data()));
                    ASSERT_EQ(got, expected) << kernels->name << ' ' << shift << ' ' << count << ' ' << limit;
                }
            }
        }
    }
}

TEST(Kernels, AllScanAlike) {
    for (const std::size_t count : {0, 1, 2, 3, 4, 5, 7, 8, 9, 100}) {
        const auto hashes = some_hashes(count + 1);
        const IndexHash query = hashes.back();
        for (const Kernels* kernels : runnable_kernels()) {
            for (const int limit : {0, 20, 31, 40, 100, 256}) {
                std::vector<std::uint32_t> expected;
                for (std::size_t i = 0; i < count; ++i) {
                    if (distance(hashes[i], query) <= limit)
                        expected.push_back(static_cast<std::uint32_t>(i));
                }
                std::vector<std::uint32_t> got(count);
                got.resize(kernels->scan(hashes.data(), count, query, limit, got.data()));
                ASSERT_EQ(got, expected) << kernels->name << ' ' << count << ' ' << limit;
            }
        }
    }
}

TEST(Kernels, AllVerifyAlikeAlsoInPlace) {
    const auto hashes = some_hashes(1000);
    SplitMix random{3};
    for (const Kernels* kernels : runnable_kernels()) {
        for (const std::size_t count : {0, 1, 5, 12, 13, 300}) {
            std::vector<std::uint32_t> positions(count);
            for (auto& position : positions)
                position = static_cast<std::uint32_t>(random.below(hashes.size()));
            std::vector<std::uint32_t> expected;
            for (const auto position : positions) {
                if (distance(hashes[position], hashes[0]) <= 31) expected.push_back(position);
            }
            auto got = positions;
            got.resize(kernels->verify(hashes.data(), got.data(), count, hashes[0], 31, got.data()));
            ASSERT_EQ(got, expected) << kernels->name << ' ' << count;
        }
    }
}

TEST(IndexOrder, KeepsEveryDistanceAndLosesNoBit) {
    SplitMix random{4};
    for (int i = 0; i < 200; ++i) {
        const Pdq a = random_hash(random);
        const Pdq b = flipped(a, static_cast<int>(random.below(257)), random);
        ASSERT_EQ(distance(to_index_order(a), to_index_order(b)), distance(a, b));
        ASSERT_EQ(from_index_order(to_index_order(a)), a);
    }
    // Each bit goes to a place of its own.
    IndexHash all;
    for (int bit = 0; bit < 256; ++bit) {
        Pdq one;
        one.value[static_cast<std::size_t>(bit / 8)] = static_cast<std::byte>(1U << (bit % 8));
        for (std::size_t w = 0; w < 4; ++w) all.words[w] |= to_index_order(one).words[w];
    }
    for (const auto word : all.words) EXPECT_EQ(word, ~std::uint64_t{0});
}

TEST(PartDistances, NameThePartsWithinTheirBounds) {
    SplitMix random{9};
    for (int round = 0; round < 10'000; ++round) {
        const IndexHash a = to_index_order(random_hash(random));
        const IndexHash b =
            to_index_order(flipped(from_index_order(a), static_cast<int>(random.below(257)), random));
        std::array<std::int8_t, kParts> most{};
        for (auto& one : most) one = static_cast<std::int8_t>(static_cast<int>(random.below(18)) - 1);
        const PartDistances apart(a, b);
        unsigned expected = 0;
        int whole = 0;
        for (int part = 0; part < kParts; ++part) {
            const int bits = std::popcount(static_cast<unsigned>(a.part(part) ^ b.part(part)));
            EXPECT_EQ(apart.of(part), bits);
            if (bits <= most[static_cast<std::size_t>(part)]) expected |= 1U << part;
            whole += bits;
        }
        ASSERT_EQ(apart.within(PartDistances::Bounds(most)), expected);
        ASSERT_EQ(apart.whole(), whole);
    }
}

// What docs/formats/index-snapshot.md says of the order: bit b of part i is bit (i - j) mod 16 of row j = b.
TEST(IndexOrder, IsTheWrappedDiagonals) {
    SplitMix random{5};
    const Pdq hash = random_hash(random);
    const IndexHash ordered = to_index_order(hash);
    for (int i = 0; i < kParts; ++i) {
        for (int j = 0; j < 16; ++j) {
            const int k = (i - j + 16) % 16;
            const auto byte = std::to_integer<unsigned>(hash.value[static_cast<std::size_t>(2 * j + k / 8)]);
            EXPECT_EQ(ordered.part(i) >> j & 1, static_cast<int>(byte >> (k % 8) & 1));
        }
    }
}

// A row and a column of the DCT are spread over all parts.
TEST(IndexOrder, SpreadsRowsAndColumns) {
    for (int line = 0; line < 16; ++line) {
        Pdq row;
        Pdq column;
        for (int k = 0; k < 16; ++k) {
            row.value[static_cast<std::size_t>(2 * line + k / 8)] |= static_cast<std::byte>(1U << (k % 8));
            column.value[static_cast<std::size_t>(2 * k + line / 8)] |=
                static_cast<std::byte>(1U << (line % 8));
        }
        for (int part = 0; part < kParts; ++part) {
            EXPECT_EQ(std::popcount(to_index_order(row).part(part)), 1);
            EXPECT_EQ(std::popcount(to_index_order(column).part(part)), 1);
        }
    }
}

}  // namespace
}  // namespace rushlight::match::index
