// Snapshot: an index in one file that is mapped, not read. docs/formats/index-snapshot.md is its grammar.
#pragma once

#include "base/result.h"
#include "match/index/segment.h"

#include <memory>
#include <string>
#include <vector>

namespace rushlight::match::index {

// A segment as it was at one moment: its tombstones are copied, as they go on changing.
struct FrozenSegment {
    std::shared_ptr<Segment> segment;
    std::vector<std::uint64_t> tombstones;
};
struct SnapshotContent {
    std::vector<FrozenSegment> segments;
    std::vector<IndexEntry> tail;
};

Status write_snapshot(const std::string& path, std::uint64_t version, const SnapshotContent& content);

struct LoadedSnapshot {
    std::vector<std::shared_ptr<Segment>> segments;
    std::vector<IndexEntry> tail;
};
Result<LoadedSnapshot> read_snapshot(const std::string& path, std::uint64_t version);

// 64 bits over a block at the speed of memory. Finds accidents (a torn write, a flipped bit), not a forger.
std::uint64_t checksum(std::span<const std::byte> bytes);

}  // namespace rushlight::match::index
