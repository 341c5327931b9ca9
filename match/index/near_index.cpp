#include "match/index/near_index.h"

#include "match/index/segment.h"
#include "match/index/snapshot.h"
#include "match/index/tail.h"

#include <algorithm>
#include <condition_variable>
#include <mutex>
#include <thread>

namespace rushlight::match::index {
namespace {

constexpr std::size_t kMaxWaitingTails =
    8;  // beyond this add() waits for the background: memory stays bounded

std::vector<IndexEntry> to_index_entries(std::span<const Entry> entries) {
    std::vector<IndexEntry> out;
    out.reserve(entries.size());
    for (const auto& entry : entries) out.push_back({to_index_order(entry.hash), entry.id});
    return out;
}

unsigned cores() { return std::clamp(std::thread::hardware_concurrency(), 1U, 16U); }

// What a search works on. Never changed once published, except for tombstones and the last tail's growth.
struct View {
    std::vector<std::shared_ptr<Segment>> segments;
    std::vector<std::shared_ptr<Tail>> tails;  // the last one takes what is added
};

// What one merge takes in, as it was when the merge began.
struct MergeInput {
    std::vector<FrozenSegment> segments;
    std::vector<std::shared_ptr<Tail>> tails;
    std::vector<IndexEntry> tail_entries;

    bool empty() const { return segments.empty() && tails.empty(); }
    bool has(const Segment* segment) const {
        return std::any_of(segments.begin(), segments.end(),
                           [=](auto& s) { return s.segment.get() == segment; });
    }
    bool has(const Tail* tail) const {
        return std::any_of(tails.begin(), tails.end(), [=](auto& t) { return t.get() == tail; });
    }
};

}  // namespace

struct NearIndex::State {
    explicit State(Options given) : options(given), covered(std::min(given.covered_distance, kTableCover)) {
        options.tail_limit = std::max<std::size_t>(options.tail_limit, 1);
        options.segment_limit = std::clamp<std::size_t>(options.segment_limit, 1, kMaxSegment);
    }
    ~State() {
        {
            const std::lock_guard lock(changes);
            stopping = true;
        }
        wake.notify_all();
        if (worker.joinable()) worker.join();
    }

    Options options;
    int covered;
    const Kernels& kernels = best_kernels();

    // Guards the pointer for as long as copying it takes; no work is ever done under it.
    mutable std::mutex pointer;
    std::shared_ptr<const View> view = std::make_shared<View>();

    // Everything that changes the index, one at a time.
    mutable std::mutex changes;
    std::condition_variable wake;  // there may be something to merge, or to stop
    std::condition_variable idle;  // something was merged
    bool stopping = false;
    std::uint64_t generation = 0;  // counts replacements of everything: a merge of what was before is dropped
    MergeInput merging;
    std::vector<IndexEntry> removed_meanwhile;  // from what is being merged
    std::thread worker;

    std::shared_ptr<const View> current() const {
        const std::lock_guard lock(pointer);
        return view;
    }
    void publish(View next) {
        auto fresh = std::make_shared<const View>(std::move(next));
        const std::lock_guard lock(pointer);
        view.swap(fresh);
    }

    std::vector<std::shared_ptr<Segment>> make_segments(std::vector<IndexEntry> entries,
                                                        unsigned threads) const;
    void replace_all(std::vector<std::shared_ptr<Segment>> segments, std::span<const IndexEntry> tail);
    void append_tail(std::span<const IndexEntry> entries, std::unique_lock<std::mutex>& lock);
    void remove_one(const View& now, const IndexEntry& entry);

    MergeInput pick_merge(const View& now) const;
    void start_worker();
    void work();
    void finish_merge(std::vector<std::shared_ptr<Segment>> merged);
};

// As many segments of equal size as are needed.
std::vector<std::shared_ptr<Segment>> NearIndex::State::make_segments(std::vector<IndexEntry> entries,
                                                                      unsigned threads) const {
    std::vector<std::shared_ptr<Segment>> segments;
    const std::size_t parts = (entries.size() + options.segment_limit - 1) / options.segment_limit;
    for (std::size_t i = 0; i < parts; ++i) {
        // NOLINTNEXTLINE(bugprone-use-after-move): a part that is the only one has none after it
        const std::size_t first = entries.size() * i / parts;
        const std::size_t last = entries.size() * (i + 1) / parts;
        std::vector<IndexEntry> slice;
        if (parts == 1) {
            slice = std::move(entries);
        } else {
            slice.assign(entries.begin() + static_cast<std::ptrdiff_t>(first),
                         entries.begin() + static_cast<std::ptrdiff_t>(last));
        }
        sort_for_segment(slice);
        segments.push_back(Segment::build(slice, threads));
    }
    return segments;
}

// With the lock on changes held.
void NearIndex::State::replace_all(std::vector<std::shared_ptr<Segment>> segments,
                                   std::span<const IndexEntry> tail) {
    ++generation;
    View next{std::move(segments), {}};
    if (!tail.empty()) {
        next.tails.push_back(std::make_shared<Tail>(std::max(options.tail_limit, tail.size())));
        next.tails.back()->append(tail);
        if (tail.size() > options.tail_limit)
            next.tails.push_back(std::make_shared<Tail>(options.tail_limit));
    }
    publish(std::move(next));
}

// A batch goes into one tail, so that it is seen as a whole.
void NearIndex::State::append_tail(std::span<const IndexEntry> entries, std::unique_lock<std::mutex>& lock) {
    auto now = current();
    if (!now->tails.empty() && now->tails.back()->room() >= entries.size()) {
        now->tails.back()->append(entries);
        return;
    }
    if (!now->tails.empty()) {
        start_worker();
        idle.wait(lock, [&] { return current()->tails.size() <= kMaxWaitingTails; });
    }
    View next = *current();
    next.tails.push_back(std::make_shared<Tail>(options.tail_limit));
    next.tails.back()->append(entries);
    publish(std::move(next));
    if (current()->tails.size() > 1) wake.notify_all();
}

void NearIndex::State::remove_one(const View& now, const IndexEntry& entry) {
    for (const auto& segment : now.segments) {
        if (!segment->remove(entry)) continue;
        if (merging.has(segment.get())) removed_meanwhile.push_back(entry);
        return;
    }
    for (const auto& tail : now.tails) {
        if (!tail->remove(entry, kernels)) continue;
        if (merging.has(tail.get())) removed_meanwhile.push_back(entry);
        return;
    }
}

// Filled tails first; then segments of about the same size, smallest first; then one that is a quarter dead.
MergeInput NearIndex::State::pick_merge(const View& now) const {
    MergeInput input;
    if (now.tails.size() > 1) {
        input.tails.assign(now.tails.begin(), now.tails.end() - 1);
        for (const auto& tail : input.tails) {
            const auto entries = tail->live_entries();
            input.tail_entries.insert(input.tail_entries.end(), entries.begin(), entries.end());
        }
        return input;
    }
    auto by_size = now.segments;
    std::sort(by_size.begin(), by_size.end(), [](auto& a, auto& b) { return a->live() < b->live(); });
    const auto rank = [&](const auto& segment) {  // sizes within a factor of four are alike
        return std::bit_width(segment->live() / options.tail_limit + 1) / 2;
    };
    std::vector<std::shared_ptr<Segment>> chosen;
    std::size_t total = 0;
    for (const auto& segment : by_size) {
        if (!chosen.empty() && rank(segment) != rank(chosen.front())) {
            if (chosen.size() > 1) break;
            chosen.clear();
            total = 0;
        }
        if (total + segment->live() > options.segment_limit) break;
        chosen.push_back(segment);
        total += segment->live();
    }
    if (chosen.size() < 2) {
        chosen.clear();
        for (const auto& segment : by_size) {
            if (segment->live() < segment->count() - segment->count() / 4) {
                chosen.push_back(segment);
                break;
            }
        }
    }
    for (auto& segment : chosen) input.segments.push_back({segment, segment->tombstones()});
    return input;
}

void NearIndex::State::start_worker() {
    if (!worker.joinable()) worker = std::thread([this] { work(); });
}

void NearIndex::State::work() {
    std::unique_lock lock(changes);
    while (true) {
        merging = {};
        wake.wait(lock, [&] { return stopping || !(merging = pick_merge(*current())).empty(); });
        if (stopping) return;
        const std::uint64_t started = generation;
        removed_meanwhile.clear();
        const MergeInput input = merging;
        lock.unlock();

        std::vector<IndexEntry> entries = input.tail_entries;
        for (const auto& [segment, tombstones] : input.segments) segment->append_live(tombstones, entries);
        auto merged = make_segments(std::move(entries), 1);

        lock.lock();
        if (generation == started) finish_merge(std::move(merged));
        merging = {};
        idle.notify_all();
    }
}

// With the lock on changes held: what was removed during the merge is removed from its outcome as well.
void NearIndex::State::finish_merge(std::vector<std::shared_ptr<Segment>> merged) {
    for (const auto& entry : removed_meanwhile) {
        for (const auto& segment : merged) {
            if (segment->remove(entry)) break;
        }
    }
    const auto now = current();
    View next;
    for (const auto& segment : now->segments) {
        if (!merging.has(segment.get())) next.segments.push_back(segment);
    }
    for (const auto& tail : now->tails) {
        if (!merging.has(tail.get())) next.tails.push_back(tail);
    }
    next.segments.insert(next.segments.end(), merged.begin(), merged.end());
    publish(std::move(next));
}

// --- the door ----------------------------------------------------------------------------------------------

NearIndex::NearIndex() : NearIndex(Options{}) {}
NearIndex::NearIndex(Options options) : state_(std::make_unique<State>(options)) {}
NearIndex::~NearIndex() = default;

void NearIndex::build(std::vector<Entry> entries) {
    auto converted = to_index_entries(entries);
    entries = {};
    if (converted.size() <= state_->options.tail_limit) {
        const std::lock_guard lock(state_->changes);
        state_->replace_all({}, converted);
        return;
    }
    auto segments = state_->make_segments(std::move(converted), cores());
    const std::lock_guard lock(state_->changes);
    state_->replace_all(std::move(segments), {});
}

void NearIndex::add(std::span<const Entry> entries) {
    if (entries.empty()) return;
    auto converted = to_index_entries(entries);
    if (converted.size() <= state_->options.tail_limit) {
        std::unique_lock lock(state_->changes);
        state_->append_tail(converted, lock);
        return;
    }
    const auto segments = state_->make_segments(std::move(converted), cores());
    {
        const std::lock_guard lock(state_->changes);
        View next = *state_->current();
        next.segments.insert(next.segments.end(), segments.begin(), segments.end());
        state_->publish(std::move(next));
        state_->start_worker();
    }
    state_->wake.notify_all();
}

void NearIndex::remove(std::span<const Entry> entries) {
    {
        const std::lock_guard lock(state_->changes);
        const auto now = state_->current();
        for (const auto& entry : entries) state_->remove_one(*now, {to_index_order(entry.hash), entry.id});
        state_->start_worker();
    }
    state_->wake.notify_all();
}

void NearIndex::search(const Pdq& query, int distance, std::vector<Hit>& hits, SearchCost* cost) const {
    SearchCost spent;
    if (distance >= 0) {
        const int limit = std::min(distance, kMaxDistance);
        const auto now = state_->current();
        const IndexHash hash = to_index_order(query);
        const Kernels& kernels = state_->kernels;
        spent.scanned = limit > state_->covered;
        for (const auto& segment : now->segments) {
            if (spent.scanned) {
                segment->scan(hash, limit, kernels, hits, spent);
            } else {
                segment->search(hash, limit, kernels, hits, spent);
            }
        }
        for (const auto& tail : now->tails) tail->scan(hash, limit, kernels, hits, spent);
    }
    if (cost != nullptr) *cost = spent;
}

std::size_t NearIndex::size() const {
    const auto now = state_->current();
    std::size_t entries = 0;
    for (const auto& segment : now->segments) entries += segment->live();
    for (const auto& tail : now->tails) entries += tail->live();
    return entries;
}

std::size_t NearIndex::memory_bytes() const {
    const auto now = state_->current();
    std::size_t bytes = sizeof(State);
    for (const auto& segment : now->segments) bytes += segment->memory_bytes();
    for (const auto& tail : now->tails) bytes += tail->memory_bytes();
    return bytes;
}

void NearIndex::wait_for_merges() {
    std::unique_lock lock(state_->changes);
    state_->start_worker();
    state_->idle.wait(
        lock, [&] { return state_->merging.empty() && state_->pick_merge(*state_->current()).empty(); });
}

Status NearIndex::save(const std::string& path, std::uint64_t version) const {
    SnapshotContent content;
    {
        const std::lock_guard lock(state_->changes);
        const auto now = state_->current();
        for (const auto& segment : now->segments)
            content.segments.push_back({segment, segment->tombstones()});
        for (const auto& tail : now->tails) {
            const auto entries = tail->live_entries();
            content.tail.insert(content.tail.end(), entries.begin(), entries.end());
        }
    }
    return write_snapshot(path, version, content);
}

Status NearIndex::load(const std::string& path, std::uint64_t version) {
    auto loaded = read_snapshot(path, version);
    if (!loaded) return pass(loaded.error());
    const std::lock_guard lock(state_->changes);
    state_->replace_all(std::move(loaded->segments), loaded->tail);
    return {};
}

}  // namespace rushlight::match::index
