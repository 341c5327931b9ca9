// Segment: an immutable set of entries with sixteen posting tables; only its tombstones change.
//
// One block of memory, which is also how it lies in a snapshot (docs/formats/index-snapshot.md):
//   hashes    count x 32 bytes, by part 0, then by all bits, then by id
//   offsets   16 tables of 65,537 places: where the postings of each value of part i begin
//   postings  15 tables of `count` postings; part 0 needs none, its postings would be 0, 1, 2, …
//   ids       count x id_bits bits: id - id_base
// A posting is a position (low bits) and, in the bits left over, the first bits of the *next* part: enough to
// drop most candidates without touching their hash (docs/match-index.md, "Looking at the neighbour").
#pragma once

#include "match/index/bits.h"
#include "match/index/kernels.h"
#include "match/index/near_index.h"
#include "match/index/plan.h"
#include "match/index/region.h"

#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

namespace rushlight::match::index {

// What a part's threshold may be at most, and with it what the tables cover.
inline constexpr int kMaxPartThreshold = 2;
inline constexpr int kTableCover = kParts * (kMaxPartThreshold + 1) - 1;

// Entries a segment may have: bounds what a merge needs (docs/match-index.md, "Memory").
inline constexpr std::size_t kMaxSegment = std::size_t{1} << 22;

struct SegmentShape {
    std::uint64_t count = 0;
    std::uint64_t id_base = 0;
    int id_bits = 0;

    bool operator==(const SegmentShape&) const = default;

    std::size_t offsets_at() const { return count * sizeof(IndexHash); }
    std::size_t postings_at() const {
        return offsets_at() + sizeof(std::uint32_t) * kParts * (kPartKeys + 1);
    }
    std::size_t ids_at() const;
    std::size_t bytes() const;  // a multiple of 64
    int position_bits() const;
};

class Segment {
  public:
    // `entries` in the order of sort_for_segment(), 1 to kMaxSegment of them; up to `threads` at work.
    static std::shared_ptr<Segment> build(std::span<const IndexEntry> entries, unsigned threads);
    // Over memory that came from a file: fails with `corrupt` where a table points outside of it.
    // `tombstones` has (count + 63) / 64 words.
    static Result<std::shared_ptr<Segment>> view(std::shared_ptr<Region> region, std::size_t at,
                                                 SegmentShape shape,
                                                 std::span<const std::uint64_t> tombstones);

    // Appends all within `limit` (up to kTableCover) by the tables.
    void search(const IndexHash& query, int limit, const Kernels& kernels, std::vector<Hit>& hits,
                SearchCost& cost) const;
    // The same for any limit, by comparing every hash.
    void scan(const IndexHash& query, int limit, const Kernels& kernels, std::vector<Hit>& hits,
              SearchCost& cost) const;

    // Marks one living copy of the entry as removed. One thread at a time; searches may run.
    bool remove(const IndexEntry& entry);

    std::size_t count() const { return shape_.count; }
    std::size_t live() const { return shape_.count - dead_.load(std::memory_order_relaxed); }
    // The entries that a copy of the tombstones leaves alive.
    void append_live(std::span<const std::uint64_t> dead, std::vector<IndexEntry>& out) const;
    const SegmentShape& shape() const { return shape_; }
    std::span<const std::byte> bytes() const { return {base_, shape_.bytes()}; }
    std::vector<std::uint64_t> tombstones() const;
    std::size_t memory_bytes() const;

  private:
    struct Plan {
        Thresholds thresholds;
        bool crowded;  // far more postings than random hashes would give
    };
    struct Run;
    struct Lookup;

    Segment(std::shared_ptr<Region> region, std::size_t at, SegmentShape shape);

    void build_table(int part);
    std::uint64_t id_at(std::size_t position) const;
    bool is_dead(std::size_t position) const {
        return (tombstones_[position / 64].load(std::memory_order_acquire) >> (position % 64) & 1U) != 0;
    }
    Plan make_plan(const IndexHash& query, int limit) const;
    std::uint32_t fingerprint(const IndexHash& hash, int part) const;
    int neighbour_limit(const Thresholds& plan, int part, int part_distance) const;
    bool finds(const Thresholds& plan, const IndexHash& query, const IndexHash& hash,
               const PartDistances& apart, unsigned parts) const;

    const std::uint32_t* offsets(int part) const { return offsets_ + std::size_t(part) * (kPartKeys + 1); }
    const std::uint32_t* postings(int part) const { return postings_ + std::size_t(part - 1) * shape_.count; }

    std::shared_ptr<Region> region_;
    std::byte* base_;
    SegmentShape shape_;
    const IndexHash* hashes_;
    const std::uint32_t* offsets_;
    const std::uint32_t* postings_;
    const std::byte* ids_;
    int position_bits_;
    int fingerprint_bits_;
    std::uint32_t fingerprint_mask_;
    std::unique_ptr<std::atomic<std::uint64_t>[]> tombstones_;
    std::atomic<std::size_t> dead_{0};
};

// Into the order that segments keep.
void sort_for_segment(std::vector<IndexEntry>& entries);

}  // namespace rushlight::match::index
