// match/index: which of many million PDQ hashes lie within a distance of this one. Exact results always: a
// hash within the distance is never missed.
//
// Method: generalised pigeonhole over m disjoint parts of the 256 bits with thresholds t_i, sum(t_i + 1) > T
// (Norouzi, Punjani, Fleet, "Fast exact search in Hamming space with multi-index hashing", 2014; Qin et al.,
// "GPH", 2018). Immutable segments with contiguous posting tables, a small mutable tail that is scanned,
// tombstones, merging in the background. docs/match-index.md has the layout, the costs and the proof sketch.
//
// Thread-safety: all members may be called from any thread. search() never waits for a change: it works on
// the state that was current when it began; what add() and remove() did is seen by every search that begins
// after they return.
#pragma once

#include "base/hash.h"
#include "base/result.h"

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

namespace rushlight::match::index {

inline constexpr int kMaxDistance = 256;

// The caller's name for an entry; may occur with several hashes, and one hash with several ids.
using EntryId = std::uint64_t;

struct Entry {
    Pdq hash;
    EntryId id = 0;

    bool operator==(const Entry&) const = default;
};
struct Hit {
    EntryId id = 0;
    int distance = 0;
    Pdq hash;  // the entry's: an answer names what is listed without looking it up elsewhere

    bool operator==(const Hit&) const = default;
};

struct SearchCost {
    std::uint64_t candidates = 0;  // hashes compared in full
    bool scanned = false;          // the distance is above what the tables cover: every hash was compared
};

class NearIndex {
  public:
    struct Options {
        int covered_distance = 31;        // up to here the tables are used; above, a scan
        std::size_t tail_limit = 16'384;  // entries before the tail becomes a segment
        std::size_t segment_limit = std::size_t{1}
                                    << 22;  // entries a segment has at most: bounds a merge's memory
    };
    NearIndex();
    explicit NearIndex(Options options);
    ~NearIndex();
    NearIndex(const NearIndex&) = delete;
    NearIndex& operator=(const NearIndex&) = delete;

    // Replaces everything by these entries.
    void build(std::vector<Entry> entries);
    void add(std::span<const Entry> entries);
    // Removes each of these (hash, id) pairs once; pairs that are not there are ignored.
    void remove(std::span<const Entry> entries);

    // Appends every hit within `distance` (0–256), in no particular order.
    void search(const Pdq& query, int distance, std::vector<Hit>& hits, SearchCost* cost = nullptr) const;

    std::size_t size() const;
    std::size_t memory_bytes() const;  // resident tables and hashes, mapped snapshot included
    void wait_for_merges();            // tests and benchmarks: until the background has nothing left to do

    // `version` is the caller's: a snapshot is used only where it equals what the caller expects.
    // The file is written beside and renamed: a crash leaves the old one or the new one.
    Status save(const std::string& path, std::uint64_t version) const;
    // Maps the snapshot. Fails with `not_found`, `conflict` (another version) or `corrupt` (torn: each block
    // has a checksum); then the index is as it was, and the caller builds.
    Status load(const std::string& path, std::uint64_t version);

  private:
    struct State;
    std::unique_ptr<State> state_;
};

}  // namespace rushlight::match::index
