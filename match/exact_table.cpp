#include "match/exact_table.h"

#include <algorithm>
#include <random>
#include <stdexcept>

namespace rushlight::match {
namespace {

constexpr std::size_t kSmallest = 1024;

// Slots for so many entries: a fifth stays empty.
std::size_t capacity_for(std::size_t count) { return count + count / 4 + 16; }

std::uint64_t fold(std::uint64_t a, std::uint64_t b) {
    const auto product = static_cast<unsigned __int128>(a) * b;
    return static_cast<std::uint64_t>(product) ^ static_cast<std::uint64_t>(product >> 64);
}

// Keyed: a list made to collide can't know the seed.
std::uint64_t mix(Bytes key, std::uint64_t seed) {
    std::uint64_t hash = seed;
    while (!key.empty()) {
        std::uint64_t word = 0;
        const std::size_t size = std::min<std::size_t>(8, key.size());
        std::memcpy(&word, key.data(), size);
        hash = fold(hash ^ word, 0x9E3779B97F4A7C15U ^ seed);
        key = key.subspan(size);
    }
    return fold(hash, 0xD6E8FEB86659FD93U);
}

std::uint64_t random_seed() {
    std::random_device device;
    return (std::uint64_t(device()) << 32 | device()) | 1;
}

}  // namespace

// __int128 is an extension that both compilers have on both architectures.
std::size_t ExactTable::Part::home(Bytes key) const {
    const auto wide = static_cast<unsigned __int128>(mix(key.first(key_bytes), seed)) * capacity;
    return static_cast<std::size_t>(wide >> 64);
}

void ExactTable::Part::put(Bytes key, Payload payload) {
    std::size_t at = home(key);
    while (payloads[at].load(std::memory_order_relaxed) != 0) at = at + 1 == capacity ? 0 : at + 1;
    std::memcpy(keys + at * key_bytes, key.data(), key_bytes);
    payloads[at].store(payload, std::memory_order_release);
    ++used;
}

ExactTable::Part& ExactTable::open_part(std::size_t capacity) {
    const auto number = static_cast<std::size_t>(parts_.load(std::memory_order_relaxed));
    if (number == kMaxParts) throw std::length_error("an exact table has too many parts");
    auto part = std::make_unique<Part>();
    part->capacity = capacity;
    part->seed = random_seed();
    part->key_bytes = key_bytes_;
    part->owned = std::make_unique<std::uint64_t[]>((image_bytes(capacity, key_bytes_) + 7) / 8);
    part->payloads = reinterpret_cast<std::atomic<Payload>*>(part->owned.get());
    part->keys = reinterpret_cast<std::byte*>(part->owned.get()) + capacity * sizeof(Payload);
    part_[number] = std::move(part);
    parts_.store(static_cast<int>(number) + 1, std::memory_order_release);
    return *part_[number];
}

void ExactTable::reserve(std::size_t count) {
    if (count > 0) open_part(capacity_for(count));
}

void ExactTable::add(Bytes key, Payload payload) {
    const int parts = parts_.load(std::memory_order_relaxed);
    Part* last = parts > 0 ? part_[static_cast<std::size_t>(parts - 1)].get() : nullptr;
    if (last == nullptr || last->used + last->used / 4 >= last->capacity) {
        last = &open_part(capacity_for(std::max(kSmallest, size() / 2)));
    }
    last->put(key, payload);
    live_.fetch_add(1, std::memory_order_relaxed);
}

bool ExactTable::remove(Bytes key, Payload payload) {
    const int parts = parts_.load(std::memory_order_relaxed);
    for (int i = 0; i < parts; ++i) {
        Part& part = *part_[static_cast<std::size_t>(i)];
        for (std::size_t at = part.home(key);; at = at + 1 == part.capacity ? 0 : at + 1) {
            const Payload here = part.payloads[at].load(std::memory_order_relaxed);
            if (here == 0) break;
            if (here != payload || std::memcmp(part.keys + at * key_bytes_, key.data(), key_bytes_) != 0)
                continue;
            part.payloads[at].store(kDead, std::memory_order_release);
            ++part.dead;
            live_.fetch_sub(1, std::memory_order_relaxed);
            return true;
        }
    }
    return false;
}

bool ExactTable::contains(Bytes key, Payload payload) const {
    bool found = false;
    find(key, [&](Payload there) { found = found || there == payload; });
    return found;
}

std::size_t ExactTable::memory_bytes() const {
    std::size_t bytes = 0;
    const int parts = parts_.load(std::memory_order_acquire);
    for (int i = 0; i < parts; ++i) {
        bytes += image_bytes(part_[static_cast<std::size_t>(i)]->capacity, key_bytes_);
    }
    return bytes;
}

ExactTable::Image ExactTable::image(std::vector<std::byte>& scratch) const {
    const int parts = parts_.load(std::memory_order_acquire);
    const auto whole = [](const Part& part) {
        return Image{part.capacity, part.used, part.seed,
                     Bytes(reinterpret_cast<const std::byte*>(part.payloads),
                           image_bytes(part.capacity, part.key_bytes))};
    };
    if (parts == 1 && part_[0]->dead == 0) return whole(*part_[0]);
    ExactTable compact(key_bytes_);
    compact.open_part(capacity_for(size()));
    for (int i = 0; i < parts; ++i) {
        const Part& part = *part_[static_cast<std::size_t>(i)];
        for (std::size_t at = 0; at < part.capacity; ++at) {
            const Payload payload = part.payloads[at].load(std::memory_order_relaxed);
            if (payload == 0 || payload == kDead) continue;
            compact.part_[0]->put(Bytes(part.keys + at * key_bytes_, key_bytes_), payload);
        }
    }
    Image image = whole(*compact.part_[0]);
    scratch.assign(image.bytes.begin(), image.bytes.end());
    image.bytes = scratch;
    return image;
}

bool ExactTable::adopt(const Image& image, std::byte* memory) {
    // At least one slot is empty, or a look-up would not end.
    if (parts_.load() != 0 || image.capacity == 0 || image.used >= image.capacity) return false;
    auto part = std::make_unique<Part>();
    part->capacity = image.capacity;
    part->used = image.used;
    part->seed = image.seed;
    part->key_bytes = key_bytes_;
    part->payloads = reinterpret_cast<std::atomic<Payload>*>(memory);
    part->keys = memory + image.capacity * sizeof(Payload);
    part_[0] = std::move(part);
    live_.store(image.used, std::memory_order_relaxed);
    parts_.store(1, std::memory_order_release);
    return true;
}

}  // namespace rushlight::match
