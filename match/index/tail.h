// Tail: the entries added last, compared one by one until a segment is made of them.
//
// One thread at a time changes it (append, remove); any number search it meanwhile: an entry is written
// first and counted afterwards.
#pragma once

#include "match/index/bits.h"
#include "match/index/kernels.h"
#include "match/index/near_index.h"

#include <atomic>
#include <memory>
#include <span>
#include <vector>

namespace rushlight::match::index {

class Tail {
  public:
    explicit Tail(std::size_t capacity);

    std::size_t room() const { return capacity_ - count(); }
    std::size_t count() const { return count_.load(std::memory_order_acquire); }
    std::size_t live() const { return count() - dead_.load(std::memory_order_relaxed); }
    // All of them become visible at once. There must be room.
    void append(std::span<const IndexEntry> entries);
    // Marks one living copy as removed.
    bool remove(const IndexEntry& entry, const Kernels& kernels);
    void scan(const IndexHash& query, int limit, const Kernels& kernels, std::vector<Hit>& hits,
              SearchCost& cost) const;
    std::vector<IndexEntry> live_entries() const;
    std::size_t memory_bytes() const {
        return sizeof *this + capacity_ * (sizeof(IndexHash) + 8) + capacity_ / 8;
    }

  private:
    bool is_dead(std::size_t i) const {
        return (tombstones_[i / 64].load(std::memory_order_acquire) >> (i % 64) & 1U) != 0;
    }

    std::size_t capacity_;
    std::unique_ptr<IndexHash[]> hashes_;
    std::unique_ptr<std::uint64_t[]> ids_;
    std::unique_ptr<std::atomic<std::uint64_t>[]> tombstones_;
    std::atomic<std::size_t> count_{0};
    std::atomic<std::size_t> dead_{0};
};

}  // namespace rushlight::match::index
