#include "match/index/segment.h"

#include <algorithm>
#include <cstring>
#include <thread>
#include <utility>

namespace rushlight::match::index {
namespace {

constexpr std::size_t kCacheLine = 64;
constexpr std::size_t round_up(std::size_t n, std::size_t to) { return (n + to - 1) / to * to; }

// Unaligned little groups of up to 64 bits; the array is followed by 16 spare bytes.
std::uint64_t read_bits(const std::byte* from, std::size_t index, int bits) {
    if (bits == 0) return 0;
    const std::size_t at = index * static_cast<std::size_t>(bits);
    std::uint64_t low = 0;
    std::uint64_t high = 0;
    std::memcpy(&low, from + at / 8, 8);
    std::memcpy(&high, from + at / 8 + 8, 8);
    const auto shift = static_cast<int>(at % 8);
    std::uint64_t value = low >> shift;
    if (shift != 0) value |= high << (64 - shift);
    return bits == 64 ? value : value & ((std::uint64_t{1} << bits) - 1);
}

void write_bits(std::byte* to, std::size_t index, int bits, std::uint64_t value) {
    for (int b = 0; b < bits;) {  // byte by byte into zeroed memory
        const std::size_t at = index * static_cast<std::size_t>(bits) + static_cast<std::size_t>(b);
        const auto shift = static_cast<int>(at % 8);
        to[at / 8] |= static_cast<std::byte>(value >> b << shift);
        b += 8 - shift;
    }
}

SegmentShape shape_of(std::span<const IndexEntry> entries) {
    SegmentShape shape;
    shape.count = entries.size();
    std::uint64_t least = entries[0].id;
    std::uint64_t most = entries[0].id;
    for (const auto& entry : entries) {
        least = std::min(least, entry.id);
        most = std::max(most, entry.id);
    }
    shape.id_base = least;
    shape.id_bits = std::bit_width(most - least);
    return shape;
}

}  // namespace

std::size_t SegmentShape::ids_at() const {
    return round_up(postings_at() + sizeof(std::uint32_t) * (kParts - 1) * count, 8);
}
std::size_t SegmentShape::bytes() const {
    return round_up(ids_at() + (count * static_cast<std::size_t>(id_bits) + 7) / 8 + 16, kCacheLine);
}
// At least 16, so that a fingerprint never needs more than the next part's 16 bits.
int SegmentShape::position_bits() const {
    return std::max(kPartBits, static_cast<int>(std::bit_width(count - 1)));
}

Segment::Segment(std::shared_ptr<Region> region, std::size_t at, SegmentShape shape)
    : region_(std::move(region)),
      base_(region_->data() + at),
      shape_(shape),
      hashes_(reinterpret_cast<const IndexHash*>(base_)),
      offsets_(reinterpret_cast<const std::uint32_t*>(base_ + shape.offsets_at())),
      postings_(reinterpret_cast<const std::uint32_t*>(base_ + shape.postings_at())),
      ids_(base_ + shape.ids_at()),
      position_bits_(shape.position_bits()),
      fingerprint_bits_(32 - position_bits_),
      fingerprint_mask_(~std::uint32_t{0} << position_bits_),
      tombstones_(std::make_unique<std::atomic<std::uint64_t>[]>((shape.count + 63) / 64)) {}

std::shared_ptr<Segment> Segment::build(std::span<const IndexEntry> entries, unsigned threads) {
    const SegmentShape shape = shape_of(entries);
    auto region = Region::allocate(shape.bytes());
    std::shared_ptr<Segment> segment(new Segment(region, 0, shape));
    auto* hashes = reinterpret_cast<IndexHash*>(segment->base_);
    std::byte* ids = segment->base_ + shape.ids_at();
    for (std::size_t i = 0; i < entries.size(); ++i) {
        hashes[i] = entries[i].hash;
        write_bits(ids, i, shape.id_bits, entries[i].id - shape.id_base);
    }
    std::atomic<int> next{0};
    const auto work = [&] {
        for (int part = next++; part < kParts; part = next++) segment->build_table(part);
    };
    std::vector<std::jthread> helpers;
    for (unsigned i = 1; i < threads; ++i) helpers.emplace_back(work);
    work();
    helpers.clear();
    return segment;
}

// A counting sort by the part's value.
void Segment::build_table(int part) {
    const std::size_t first = std::size_t(part) * (kPartKeys + 1);
    auto* offsets = reinterpret_cast<std::uint32_t*>(base_ + shape_.offsets_at()) + first;
    const std::size_t count = shape_.count;
    for (std::size_t i = 0; i < count; ++i) ++offsets[hashes_[i].part(part) + 1];
    for (int key = 0; key < kPartKeys; ++key) offsets[key + 1] += offsets[key];
    if (part == 0) return;

    auto* postings =
        reinterpret_cast<std::uint32_t*>(base_ + shape_.postings_at()) + std::size_t(part - 1) * count;
    std::vector<std::uint32_t> next(offsets, offsets + kPartKeys);
    for (std::size_t i = 0; i < count; ++i) {
        postings[next[hashes_[i].part(part)]++] =
            fingerprint(hashes_[i], part) | static_cast<std::uint32_t>(i);
    }
}

Result<std::shared_ptr<Segment>> Segment::view(std::shared_ptr<Region> region, std::size_t at,
                                               SegmentShape shape,
                                               std::span<const std::uint64_t> tombstones) {
    std::shared_ptr<Segment> segment(new Segment(std::move(region), at, shape));
    const auto count = static_cast<std::uint32_t>(shape.count);
    for (int part = 0; part < kParts; ++part) {
        const std::uint32_t* offsets = segment->offsets(part);
        bool ordered = offsets[0] == 0 && offsets[kPartKeys] == count;
        for (int key = 0; key < kPartKeys; ++key) ordered &= offsets[key] <= offsets[key + 1];
        if (!ordered) return fail(ErrorCode::corrupt, "the index snapshot's offsets are out of order");
        if (part == 0) continue;
        std::uint32_t most = 0;
        const std::uint32_t* postings = segment->postings(part);
        for (std::uint32_t i = 0; i < count; ++i)
            most = std::max(most, postings[i] & ~segment->fingerprint_mask_);
        if (most >= count)
            return fail(ErrorCode::corrupt, "the index snapshot's postings point outside of it");
    }
    std::size_t dead = 0;
    for (std::size_t i = 0; i < tombstones.size(); ++i) {
        std::uint64_t word = tombstones[i];
        const std::size_t left = shape.count - i * 64;
        if (left < 64) word &= (std::uint64_t{1} << left) - 1;
        segment->tombstones_[i].store(word, std::memory_order_relaxed);
        dead += static_cast<std::size_t>(std::popcount(word));
    }
    segment->dead_ = dead;
    return segment;
}

namespace {

// std::popcount is a call into a library on processors that may lack the instruction.
int bits_of(std::uint32_t x) {
    x -= x >> 1 & 0x55555555;
    x = (x & 0x33333333) + (x >> 2 & 0x33333333);
    x = (x + (x >> 4)) & 0x0F0F0F0F;
    return static_cast<int>(x * 0x01010101 >> 24);
}

}  // namespace

std::uint64_t Segment::id_at(std::size_t position) const {
    return shape_.id_base + read_bits(ids_, position, shape_.id_bits);
}

std::uint32_t Segment::fingerprint(const IndexHash& hash, int part) const {
    const std::uint32_t next = hash.part((part + 1) % kParts);
    return next >> (kPartBits - fingerprint_bits_) << position_bits_;
}

bool Segment::remove(const IndexEntry& entry) {
    const std::uint32_t* first_of = offsets(0) + entry.hash.part(0);
    const IndexHash* end = hashes_ + first_of[1];
    const IndexHash* place = std::lower_bound(hashes_ + first_of[0], end, entry.hash);
    for (; place != end && *place == entry.hash; ++place) {
        const auto position = static_cast<std::size_t>(place - hashes_);
        if (id_at(position) != entry.id || is_dead(position)) continue;
        tombstones_[position / 64].fetch_or(std::uint64_t{1} << (position % 64), std::memory_order_release);
        dead_.fetch_add(1, std::memory_order_relaxed);
        return true;
    }
    return false;
}

void Segment::append_live(std::span<const std::uint64_t> dead, std::vector<IndexEntry>& out) const {
    for (std::size_t i = 0; i < shape_.count; ++i) {
        if ((dead[i / 64] >> (i % 64) & 1U) == 0) out.push_back({hashes_[i], id_at(i)});
    }
}

std::vector<std::uint64_t> Segment::tombstones() const {
    std::vector<std::uint64_t> words((shape_.count + 63) / 64);
    for (std::size_t i = 0; i < words.size(); ++i) words[i] = tombstones_[i].load(std::memory_order_acquire);
    return words;
}

std::size_t Segment::memory_bytes() const {
    return sizeof *this + shape_.bytes() + (shape_.count + 63) / 64 * 8;
}

// --- search ------------------------------------------------------------------------------------------------

namespace {

// Keys within two bits of 0, nearest first: 1 + 16 + 120.
constexpr int kBallSizes[kMaxPartThreshold + 2] = {0, 1, 17,
                                                   137};  // [r]: keys that differ in fewer than r bits
constexpr auto kBall = [] {
    std::array<std::uint16_t, 137> ball{};
    int n = 1;
    for (int a = 0; a < 16; ++a) ball[n++] = static_cast<std::uint16_t>(1 << a);
    for (int a = 0; a < 16; ++a) {
        for (int b = a + 1; b < 16; ++b) ball[n++] = static_cast<std::uint16_t>(1 << a | 1 << b);
    }
    return ball;
}();
constexpr int ball_distance(int i) { return i == 0 ? 0 : i < 17 ? 1 : 2; }

}  // namespace

Segment::Plan Segment::make_plan(const IndexHash& query, int limit) const {
    for (int part = 0; part < kParts; ++part) {
        const std::uint16_t key = query.part(part);
        for (int i = 0; i < 17; ++i) __builtin_prefetch(offsets(part) + (key ^ kBall[i]));
    }
    // What each part costs at t = 0 and 1 can be read off; t = 2 is reckoned from t = 1.
    PartCosts costs{};
    constexpr double kLookup = 30;  // in postings looked through
    std::uint64_t total = 0;
    for (int part = 0; part < kParts; ++part) {
        const std::uint16_t key = query.part(part);
        const std::uint32_t* from = offsets(part);
        std::uint64_t near = from[key + 1] - from[key];
        costs[part][1] = kLookup + static_cast<double>(near);
        for (int i = 1; i < 17; ++i) near += from[(key ^ kBall[i]) + 1] - from[key ^ kBall[i]];
        costs[part][2] = 17 * kLookup + static_cast<double>(near);
        costs[part][3] = 137 * kLookup + 8 * static_cast<double>(near);
        total += near;
    }
    const double even = static_cast<double>(shape_.count) * kParts * 17 / kPartKeys;
    if (static_cast<double>(total) <= 2 * even + 1000) return {even_thresholds(limit), false};
    return {cheapest_thresholds(costs, limit), true};
}

// If the whole distance is within T, some part i not only differs in fewer than r_i bits, but together with
// its neighbour in fewer than r_i + r_(i+1) (the ring form of the pigeonhole principle; Qin and Xiao 2018).
int Segment::neighbour_limit(const Thresholds& plan, int part, int part_distance) const {
    return plan[part] + plan[(part + 1) % kParts] + 1 - part_distance;
}

// Whether the table of one of these parts leads to this hash.
bool Segment::finds(const Thresholds& plan, const IndexHash& query, const IndexHash& hash,
                    const PartDistances& apart, unsigned parts) const {
    if ((parts & 1U) != 0) return true;
    for (; parts != 0; parts &= parts - 1) {
        const int part = std::countr_zero(parts);
        const int next = bits_of(fingerprint(query, part) ^ fingerprint(hash, part));
        if (next <= neighbour_limit(plan, part, apart.of(part))) return true;
    }
    return false;
}

struct Segment::Run {
    std::uint32_t first;
    std::uint32_t count;
    int distance;
};

// Works through the parts as a pipeline, so that memory is asked for long before it is needed: while one
// part's postings are filtered, the next part's are on their way, and so are the hashes of the part before.
struct Segment::Lookup {
    static constexpr std::size_t kChunk = 1024;

    struct Candidates {
        Candidates() {}  // leaves the positions as they are
        std::array<std::uint32_t, 2 * kChunk + 16> positions;
        std::size_t count = 0;
        int part = 0;
    };

    const Segment& segment;
    const IndexHash& query;
    const int limit;
    const Kernels& kernels;
    std::vector<Hit>& hits;
    SearchCost& cost;
    const Plan plan;
    const Thresholds& thresholds;
    const PartDistances::Bounds bounds;
    std::array<std::array<Run, 137>, 2> runs;
    std::array<int, 2> run_count{};
    std::array<Candidates, 2> candidates;
    // Positions compared lately: most near copies are found by many parts. The slot is a position's low bits,
    // what is kept there are its others. It may forget, so it only saves work.
    static constexpr int kSlotBits = 16;
    std::array<std::uint16_t, std::size_t{1} << kSlotBits> seen;
    int slot_bits;  // as many of them as this query is likely to need

    // A constructor, so that the arrays are not zeroed for each query.
    Lookup(const Segment& segment_, const IndexHash& query_, int limit_, const Kernels& kernels_,
           std::vector<Hit>& hits_, SearchCost& cost_)
        : segment(segment_),
          query(query_),
          limit(limit_),
          kernels(kernels_),
          hits(hits_),
          cost(cost_),
          plan(segment_.make_plan(query_, limit_)),
          thresholds(plan.thresholds),
          bounds(plan.thresholds) {
        slot_bits = plan.crowded ? kSlotBits : 12;
        std::fill_n(seen.begin(), std::size_t{1} << slot_bits, std::uint16_t{0xFFFF});
    }

    void run() {
        gather(0);
        for (int part = 0; part < kParts; ++part) {
            if (part + 1 < kParts) gather(part + 1);
            if (part == 0) {
                compare_in_place();
            } else {
                filter(part);
                verify(candidates[(part - 1) % 2]);
            }
        }
        verify(candidates[(kParts - 1) % 2]);
    }

    // Where this part's postings lie.
    void gather(int part) {
        auto& list = runs[part % 2];
        int count = 0;
        const int keys = kBallSizes[thresholds[part] + 1];
        const std::uint16_t key = query.part(part);
        const std::uint32_t* from = segment.offsets(part);
        for (int i = 17; i < keys; ++i) __builtin_prefetch(from + (key ^ kBall[i]));
        for (int i = 0; i < keys; ++i) {
            const std::uint32_t first = from[key ^ kBall[i]];
            const std::uint32_t length = from[(key ^ kBall[i]) + 1] - first;
            if (length == 0) continue;
            list[count++] = {first, length, ball_distance(i)};
            const char* at = part == 0 ? reinterpret_cast<const char*>(segment.hashes_ + first)
                                       : reinterpret_cast<const char*>(segment.postings(part) + first);
            const std::size_t bytes = std::min<std::size_t>(length * (part == 0 ? 32UL : 4UL), 512);
            for (std::size_t b = 0; b < bytes; b += kCacheLine) __builtin_prefetch(at + b);
            __builtin_prefetch(at + bytes - 1);
        }
        run_count[part % 2] = count;
    }

    // Part 0: a run is a range of the hashes themselves.
    void compare_in_place() {
        std::array<std::uint32_t, kChunk> found;
        for (int r = 0; r < run_count[0]; ++r) {
            const Run& run = runs[0][r];
            for (std::uint32_t done = 0; done < run.count; done += kChunk) {
                const std::uint32_t first = run.first + done;
                const std::size_t length = std::min<std::size_t>(kChunk, run.count - done);
                const std::size_t n =
                    kernels.scan(segment.hashes_ + first, length, query, limit, found.data());
                cost.candidates += length;
                if (plan.crowded) {
                    for (std::size_t i = 0; i < length; ++i) see(first + static_cast<std::uint32_t>(i));
                }
                ask_for(found.data(), n, first);
                for (std::size_t i = 0; i < n; ++i) report(first + found[i], 0);
            }
        }
    }

    void filter(int part) {
        Candidates& out = candidates[part % 2];
        out.part = part;
        const std::uint32_t wanted = segment.fingerprint(query, part);
        const std::uint32_t* postings = segment.postings(part);
        for (int r = 0; r < run_count[part % 2]; ++r) {
            const Run& run = runs[part % 2][r];
            const int bound = segment.neighbour_limit(thresholds, part, run.distance);
            for (std::uint32_t done = 0; done < run.count; done += kChunk) {
                const std::size_t length = std::min<std::size_t>(kChunk, run.count - done);
                std::uint32_t* to = out.positions.data() + out.count;
                const std::size_t n =
                    kernels.filter(postings + run.first + done, length, wanted, segment.fingerprint_mask_,
                                   segment.position_bits_, bound, to);
                out.count += forget_seen(to, n);
                if (out.count > kChunk) verify(out);
            }
        }
    }

    // Whether a position was compared lately; from now on it was.
    bool see(std::uint32_t position) {
        std::uint16_t& last = seen[position & ((std::uint32_t{1} << slot_bits) - 1)];
        const auto rest = static_cast<std::uint16_t>(position >> slot_bits);
        return std::exchange(last, rest) == rest;
    }

    // Keeps the positions that were not compared lately, and asks for their hashes. Without a branch: which
    // they are is anybody's guess.
    std::size_t forget_seen(std::uint32_t* positions, std::size_t count) {
        std::size_t kept = 0;
        for (std::size_t i = 0; i < count; ++i) {
            const std::uint32_t position = positions[i];
            __builtin_prefetch(segment.hashes_ + position);
            positions[kept] = position;
            kept += see(position) ? 0 : 1;
        }
        return kept;
    }

    void verify(Candidates& list) {
        cost.candidates += list.count;
        const std::size_t n = kernels.verify(segment.hashes_, list.positions.data(), list.count, query, limit,
                                             list.positions.data());
        ask_for(list.positions.data(), n, 0);
        for (std::size_t i = 0; i < n; ++i) report(list.positions[i], list.part);
        list.count = 0;
    }

    // What report() will look at.
    void ask_for(const std::uint32_t* positions, std::size_t count, std::uint32_t first) const {
        for (std::size_t i = 0; i < count; ++i) {
            const std::size_t position = first + positions[i];
            __builtin_prefetch(&segment.tombstones_[position / 64]);
            __builtin_prefetch(segment.ids_ +
                               position * static_cast<std::size_t>(segment.shape_.id_bits) / 8);
        }
    }

    // A hit may be found by several parts: the first of them reports it.
    void report(std::uint32_t position, int part) {
        if (segment.is_dead(position)) return;
        const IndexHash& hash = segment.hashes_[position];
        const PartDistances apart(query, hash);
        const unsigned earlier = apart.within(bounds) & ((1U << part) - 1);
        if (segment.finds(thresholds, query, hash, apart, earlier)) return;
        hits.push_back({segment.id_at(position), apart.whole(), from_index_order(hash)});
    }
};

void Segment::search(const IndexHash& query, int limit, const Kernels& kernels, std::vector<Hit>& hits,
                     SearchCost& cost) const {
    Lookup(*this, query, limit, kernels, hits, cost).run();
}

void Segment::scan(const IndexHash& query, int limit, const Kernels& kernels, std::vector<Hit>& hits,
                   SearchCost& cost) const {
    constexpr std::size_t kChunk = 4096;
    std::array<std::uint32_t, kChunk> found;
    for (std::size_t first = 0; first < shape_.count; first += kChunk) {
        const std::size_t length = std::min(kChunk, shape_.count - first);
        const std::size_t n = kernels.scan(hashes_ + first, length, query, limit, found.data());
        for (std::size_t i = 0; i < n; ++i) {
            const std::size_t position = first + found[i];
            if (is_dead(position)) continue;
            const IndexHash& hash = hashes_[position];
            hits.push_back({id_at(position), distance(query, hash), from_index_order(hash)});
        }
    }
    cost.candidates += shape_.count;
}

void sort_for_segment(std::vector<IndexEntry>& entries) {
    // By part 0 first: a counting sort leaves short stretches.
    std::vector<std::uint32_t> next(kPartKeys + 1);
    for (const auto& entry : entries) ++next[entry.hash.part(0) + 1];
    for (int key = 0; key < kPartKeys; ++key) next[key + 1] += next[key];
    const std::vector<std::uint32_t> first = next;
    std::vector<IndexEntry> sorted(entries.size());
    for (const auto& entry : entries) sorted[next[entry.hash.part(0)]++] = entry;
    for (int key = 0; key < kPartKeys; ++key) {
        if (first[key + 1] - first[key] > 1) {
            std::sort(sorted.begin() + first[key], sorted.begin() + first[key + 1], stored_before);
        }
    }
    entries = std::move(sorted);
}

}  // namespace rushlight::match::index
