// ExactTable: which entries have exactly this hash. Private to match.
//
// Open addressing with linear probing over a flat array; a slot holds a 32-bit payload and the key, so ten
// million SHA-256 take 45 bytes each. A slot is written once (key first, then its payload with release) and
// later only marked dead, so that any number of threads look up without a lock while one changes the table. A
// full table gets a further one beside it instead of being copied; saving and loading make it one again.
//
// The memory is the process's own, or a private mapping of a snapshot whose pages are shared with other
// processes until somebody writes to them.
#pragma once

#include "base/bytes.h"

#include <array>
#include <atomic>
#include <cstdint>
#include <cstring>
#include <memory>
#include <vector>

namespace rushlight::match {

class ExactTable {
  public:
    // Never 0, which is an empty slot, nor kDead.
    using Payload = std::uint32_t;
    static constexpr Payload kDead = 3;

    explicit ExactTable(std::size_t key_bytes) : key_bytes_(key_bytes) {}

    // Room for so many more in one piece.
    void reserve(std::size_t count);
    // The same key may come with several payloads.
    void add(Bytes key, Payload payload);
    // False where there is none.
    bool remove(Bytes key, Payload payload);
    bool contains(Bytes key, Payload payload) const;

    // Calls `use` with each payload of the key.
    template <class F>
    void find(Bytes key, F&& use) const {
        const int parts = parts_.load(std::memory_order_acquire);
        for (int i = 0; i < parts; ++i) {
            const Part& part = *part_[static_cast<std::size_t>(i)];
            for (std::size_t at = part.home(key);; at = at + 1 == part.capacity ? 0 : at + 1) {
                const Payload payload = part.payloads[at].load(std::memory_order_acquire);
                if (payload == 0) break;
                if (payload != kDead &&
                    std::memcmp(part.keys + at * key_bytes_, key.data(), key_bytes_) == 0) {
                    use(payload);
                }
            }
        }
    }

    std::size_t size() const { return live_.load(std::memory_order_relaxed); }
    std::size_t memory_bytes() const;
    std::size_t key_bytes() const { return key_bytes_; }

    // One part's memory as a snapshot keeps it: payloads, then keys.
    struct Image {
        std::uint64_t capacity = 0;
        std::uint64_t used = 0;
        std::uint64_t seed = 0;
        Bytes bytes;
    };
    static std::size_t image_bytes(std::uint64_t capacity, std::size_t key_bytes) {
        return capacity * (sizeof(Payload) + key_bytes);
    }
    // Of the table as one part without dead slots; copied into `scratch` where it is not that already.
    Image image(std::vector<std::byte>& scratch) const;
    // Takes over memory that is writable, aligned to 8 and outlives the table. False where it can't be a
    // table.
    bool adopt(const Image& image, std::byte* memory);

  private:
    struct Part {
        std::size_t capacity = 0;
        std::size_t used = 0;  // live and dead
        std::size_t dead = 0;
        std::uint64_t seed = 0;
        std::size_t key_bytes = 0;
        std::atomic<Payload>* payloads = nullptr;
        std::byte* keys = nullptr;
        std::unique_ptr<std::uint64_t[]> owned;

        std::size_t home(Bytes key) const;
        void put(Bytes key, Payload payload);
    };
    static_assert(sizeof(std::atomic<Payload>) == sizeof(Payload));

    Part& open_part(std::size_t capacity);

    static constexpr std::size_t kMaxParts = 64;  // each at least half as large as all before it
    std::size_t key_bytes_;
    std::array<std::unique_ptr<Part>, kMaxParts> part_;
    std::atomic<int> parts_{0};
    std::atomic<std::size_t> live_{0};
};

}  // namespace rushlight::match
