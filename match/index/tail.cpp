#include "match/index/tail.h"

#include <algorithm>
#include <array>

namespace rushlight::match::index {

Tail::Tail(std::size_t capacity)
    : capacity_(capacity),
      hashes_(std::make_unique_for_overwrite<IndexHash[]>(capacity)),
      ids_(std::make_unique_for_overwrite<std::uint64_t[]>(capacity)),
      tombstones_(std::make_unique<std::atomic<std::uint64_t>[]>((capacity + 63) / 64)) {}

void Tail::append(std::span<const IndexEntry> entries) {
    const std::size_t first = count_.load(std::memory_order_relaxed);
    for (std::size_t i = 0; i < entries.size(); ++i) {
        hashes_[first + i] = entries[i].hash;
        ids_[first + i] = entries[i].id;
    }
    count_.store(first + entries.size(), std::memory_order_release);
}

bool Tail::remove(const IndexEntry& entry, const Kernels& kernels) {
    constexpr std::size_t kChunk = 1024;
    std::array<std::uint32_t, kChunk> found;
    const std::size_t count = count_.load(std::memory_order_relaxed);
    for (std::size_t first = 0; first < count; first += kChunk) {
        const std::size_t length = std::min(kChunk, count - first);
        const std::size_t n = kernels.scan(hashes_.get() + first, length, entry.hash, 0, found.data());
        for (std::size_t i = 0; i < n; ++i) {
            const std::size_t at = first + found[i];
            if (ids_[at] != entry.id || is_dead(at)) continue;
            tombstones_[at / 64].fetch_or(std::uint64_t{1} << (at % 64), std::memory_order_release);
            dead_.fetch_add(1, std::memory_order_relaxed);
            return true;
        }
    }
    return false;
}

void Tail::scan(const IndexHash& query, int limit, const Kernels& kernels, std::vector<Hit>& hits,
                SearchCost& cost) const {
    constexpr std::size_t kChunk = 4096;
    std::array<std::uint32_t, kChunk> found;
    const std::size_t count = this->count();
    for (std::size_t first = 0; first < count; first += kChunk) {
        const std::size_t length = std::min(kChunk, count - first);
        const std::size_t n = kernels.scan(hashes_.get() + first, length, query, limit, found.data());
        for (std::size_t i = 0; i < n; ++i) {
            const std::size_t at = first + found[i];
            if (is_dead(at)) continue;
            hits.push_back({ids_[at], distance(query, hashes_[at]), from_index_order(hashes_[at])});
        }
    }
    cost.candidates += count;
}

std::vector<IndexEntry> Tail::live_entries() const {
    std::vector<IndexEntry> entries;
    const std::size_t count = this->count();
    for (std::size_t i = 0; i < count; ++i) {
        if (!is_dead(i)) entries.push_back({hashes_[i], ids_[i]});
    }
    return entries;
}

}  // namespace rushlight::match::index
