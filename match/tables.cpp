#include "match/tables.h"

#include "match/mapping.h"
#include "match/videos.h"

#include <algorithm>
#include <unordered_set>

namespace rushlight::match {
namespace {

constexpr int kFrameBits = 16;  // of a frame's id; the video's number stands above
static_assert(formats::kMaxFrames < (1U << kFrameBits));

index::EntryId frame_id(std::uint32_t video, std::size_t frame) {
    return std::uint64_t{video} << kFrameBits | frame;
}
ExactTable::Payload number_payload(std::uint32_t number) { return number << 2 | 1; }

Pdq pdq_of(const Key& key) {
    Pdq hash;
    std::memcpy(hash.value.data(), key.bytes.data(), Pdq::kBytes);
    return hash;
}

std::vector<Pdq> comparable(Bytes packed) {
    return comparable_frames(Value{Method::vpdq, ByteVector(packed.begin(), packed.end())}.frames());
}

}  // namespace

std::vector<Pdq> comparable_frames(const std::vector<VideoFrame>& frames) {
    std::vector<Pdq> good;
    std::unordered_set<Pdq> seen;
    for (const auto& frame : frames) {
        if (frame.quality >= 50 && seen.insert(frame.hash).second) good.push_back(frame.hash);
    }
    return good;
}

Tables::Tables() : videos_(std::make_unique<Videos>()) {}
Tables::~Tables() = default;

const ExactTable& Tables::exact(Method method) const {
    return method == Method::md5 ? md5_ : method == Method::sha1 ? sha1_ : sha256_;
}

void Tables::reserve(Method method, std::size_t count) {
    if (!formats::is_exact(method)) return;
    (method == Method::md5 ? md5_ : method == Method::sha1 ? sha1_ : sha256_).reserve(count);
}

void Tables::add_new(const Key& key, Bytes detail, Tag tag, Batch& batch) {
    if (tag.state == EntryState::disabled) return;
    switch (key.method) {
        case Method::md5:
            md5_.add(key.view(), tag.packed());
            return;
        case Method::sha1:
            sha1_.add(key.view(), tag.packed());
            return;
        case Method::sha256:
            sha256_.add(key.view(), tag.packed());
            return;
        case Method::pdq:
            batch.add_pdq.push_back({pdq_of(key), tag.packed()});
            return;
        case Method::photodna:
            return;
        case Method::vpdq:
            break;
    }
    const auto frames = comparable(detail);
    const std::uint32_t number =
        videos_->append(detail, tag, static_cast<std::uint32_t>(frames.size()), true);
    videos_->count_live(1);
    video_numbers_.add(key.view(), number_payload(number));
    for (std::size_t i = 0; i < frames.size(); ++i)
        batch.add_frames.push_back({frames[i], frame_id(number, i)});
}

void Tables::add(const Key& key, Bytes detail, Tag tag, Batch& batch) {
    bool there = false;
    if (formats::is_exact(key.method)) {
        there = exact(key.method).contains(key.view(), tag.packed());
    } else if (key.method == Method::pdq) {
        const index::Entry entry{pdq_of(key), tag.packed()};
        std::vector<index::Hit> hits;
        pdq_.search(entry.hash, 0, hits);
        there = std::ranges::any_of(hits, [&](const auto& hit) { return hit.id == entry.id; });
        // What this batch does comes on top of what the index holds.
        const auto in = [&](const auto& entries) { return std::ranges::count(entries, entry); };
        there = (there ? 1 : 0) + in(batch.add_pdq) - in(batch.remove_pdq) > 0;
    } else if (key.method == Method::vpdq) {
        video_numbers_.find(key.view(), [&](ExactTable::Payload payload) {
            there = there || videos_->at(payload >> 2).tag.load(std::memory_order_relaxed) == tag.packed();
        });
    }
    if (!there) add_new(key, detail, tag, batch);
}

void Tables::remove(const Key& key, Tag tag, Batch& batch) {
    if (tag.state == EntryState::disabled) return;
    switch (key.method) {
        case Method::md5:
            md5_.remove(key.view(), tag.packed());
            return;
        case Method::sha1:
            sha1_.remove(key.view(), tag.packed());
            return;
        case Method::sha256:
            sha256_.remove(key.view(), tag.packed());
            return;
        case Method::pdq: {
            const index::Entry entry{pdq_of(key), tag.packed()};
            const auto added = std::ranges::find(batch.add_pdq, entry);
            if (added != batch.add_pdq.end()) {
                batch.add_pdq.erase(added);
            } else {
                batch.remove_pdq.push_back(entry);
            }
            return;
        }
        case Method::photodna:
            return;
        case Method::vpdq:
            break;
    }
    std::optional<std::uint32_t> found;
    video_numbers_.find(key.view(), [&](ExactTable::Payload payload) {
        if (videos_->at(payload >> 2).tag.load(std::memory_order_relaxed) == tag.packed())
            found = payload >> 2;
    });
    if (!found) return;
    Video& video = videos_->at(*found);
    video.tag.store(0, std::memory_order_release);
    videos_->count_live(-1);
    video_numbers_.remove(key.view(), number_payload(*found));
    const auto frames = comparable(video.packed);
    for (std::size_t i = 0; i < frames.size(); ++i) {
        const index::Entry entry{frames[i], frame_id(*found, i)};
        const auto added = std::ranges::find(batch.add_frames, entry);
        if (added != batch.add_frames.end()) {
            batch.add_frames.erase(added);
        } else {
            batch.remove_frames.push_back(entry);
        }
    }
}

// Adds first: an entry that changed its state is for a moment there twice, and never missed.
void Tables::apply(Batch& batch) {
    if (!batch.add_pdq.empty()) pdq_.add(batch.add_pdq);
    if (!batch.remove_pdq.empty()) pdq_.remove(batch.remove_pdq);
    if (!batch.add_frames.empty()) frames_.add(batch.add_frames);
    if (!batch.remove_frames.empty()) frames_.remove(batch.remove_frames);
    batch = {};
}

void Tables::build(Batch& batch) {
    pdq_.build(std::move(batch.add_pdq));
    frames_.build(std::move(batch.add_frames));
    batch = {};
}

Tables::FrameOf Tables::frame_of(index::EntryId id) const {
    const auto number = static_cast<std::uint32_t>(id >> kFrameBits);
    if (number >= videos_->count()) return {};  // only a snapshot that was tampered with
    return {&videos_->at(number), number, static_cast<std::uint32_t>(id & ((1U << kFrameBits) - 1))};
}

std::size_t Tables::entries(Method method) const {
    if (formats::is_exact(method)) return exact(method).size();
    if (method == Method::pdq) return pdq_.size();
    return method == Method::vpdq ? videos_->live() : 0;
}

std::size_t Tables::size() const {
    std::size_t all = 0;
    for (std::size_t i = 0; i < formats::kMethods; ++i) all += entries(static_cast<Method>(i));
    return all;
}

std::size_t Tables::memory_bytes() const {
    return md5_.memory_bytes() + sha1_.memory_bytes() + sha256_.memory_bytes() +
           video_numbers_.memory_bytes() + pdq_.memory_bytes() + frames_.memory_bytes() + videos_->bytes();
}

}  // namespace rushlight::match
