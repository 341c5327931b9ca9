// Tables: every searched entry in memory, by method. Private to match.
//
// Look-ups may run in any number of threads while one thread at a time changes. Entries that are disabled,
// and PhotoDNA, are not in it.
#pragma once

#include "match/exact_table.h"
#include "match/index/near_index.h"
#include "match/key.h"
#include "match/lists.h"

#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace rushlight::match {

// A list's number and an entry's state in one word, as it stands in the tables. List numbers up to 2^29 are
// the store's; from there on those of lists read from files.
struct Tag {
    std::uint32_t list = 0;
    EntryState state = EntryState::active;

    std::uint32_t packed() const { return list << 2 | (state == EntryState::active ? 1U : 2U); }
    static Tag unpack(std::uint64_t word) {
        return {static_cast<std::uint32_t>(word >> 2),
                (word & 3) == 1 ? EntryState::active : EntryState::quarantined};
    }
};
inline constexpr std::uint32_t kFirstFileList = 1U << 29;

// A listed video. Its frames of enough quality, each once, are numbered in the order of frames_of().
struct Video {
    std::atomic<std::uint32_t> tag{0};  // 0: removed
    Bytes packed;                       // as in Value
    std::uint32_t frames = 0;           // distinct, of enough quality
};
// Frames of quality 50 and more, equal hashes once: what is compared of a video, listed or asked about.
std::vector<Pdq> comparable_frames(const std::vector<VideoFrame>& frames);

// Changes that belong together, so that the near indexes get them in one go.
struct Batch {
    std::vector<index::Entry> add_pdq, remove_pdq, add_frames, remove_frames;
};

class Tables {
  public:
    Tables();
    ~Tables();
    Tables(const Tables&) = delete;
    Tables& operator=(const Tables&) = delete;

    // `detail` is the packed value of vPDQ. Does nothing where it is there already.
    void add(const Key& key, Bytes detail, Tag tag, Batch& batch);
    // Does not look whether it is there: for building and for entries that can't be.
    void add_new(const Key& key, Bytes detail, Tag tag, Batch& batch);
    void remove(const Key& key, Tag tag, Batch& batch);
    void apply(Batch& batch);
    // apply() for the first time: builds the near indexes.
    void build(Batch& batch);
    // Room in the exact tables.
    void reserve(Method method, std::size_t count);

    const ExactTable& exact(Method method) const;  // md5, sha1, sha256
    const index::NearIndex& pdq() const { return pdq_; }
    const index::NearIndex& frames() const { return frames_; }
    // The video that a hit in frames() belongs to, and which of its frames it is.
    struct FrameOf {
        const Video* video = nullptr;
        std::uint32_t number = 0;
        std::uint32_t frame = 0;
    };
    FrameOf frame_of(index::EntryId id) const;
    std::size_t entries(Method method) const;
    std::size_t size() const;
    std::size_t memory_bytes() const;

    // Snapshot files in `folder`, all of one stamp; docs/formats/match-snapshot.md.
    Status save(const std::string& folder, std::uint64_t stamp) const;
    // Fails with `not_found`, `conflict` or `corrupt`; then the tables are of no use.
    Status load(const std::string& folder, std::uint64_t stamp);
    static void forget(const std::string& folder, std::uint64_t stamp);

  private:
    class Videos;
    class Mapping;

    ExactTable md5_{Md5::kBytes}, sha1_{Sha1::kBytes}, sha256_{Sha256::kBytes};
    ExactTable video_numbers_{32};  // by the value's digest; the payload is the number, shifted like a Tag
    index::NearIndex pdq_, frames_;
    std::unique_ptr<Videos> videos_;
    std::unique_ptr<Mapping> mapping_;
};

}  // namespace rushlight::match
