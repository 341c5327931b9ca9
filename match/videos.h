// The listed videos by number. One thread appends while others read. Private to match.
#pragma once

#include "match/tables.h"

#include <array>
#include <atomic>
#include <memory>

namespace rushlight::match {

class Tables::Videos {
  public:
    static constexpr std::size_t kChunk = 1024;
    static constexpr std::size_t kChunks = 64 << 10;

    std::uint32_t count() const { return count_.load(std::memory_order_acquire); }
    Video& at(std::uint32_t number) const { return (*chunks_[number / kChunk])[number % kChunk]; }

    // `packed` is copied unless it lives as long as this.
    std::uint32_t append(Bytes packed, Tag tag, std::uint32_t frames, bool copy) {
        const std::uint32_t number = count_.load(std::memory_order_relaxed);
        auto& chunk = chunks_.at(number / kChunk);
        if (!chunk) chunk = std::make_unique<std::array<Video, kChunk>>();
        Video& video = (*chunk)[number % kChunk];
        if (copy) {
            owned_.emplace_back(packed.begin(), packed.end());
            packed = owned_.back();
        }
        bytes_ += packed.size() + sizeof(Video);
        video.packed = packed;
        video.frames = frames;
        video.tag.store(tag.packed(), std::memory_order_release);
        count_.store(number + 1, std::memory_order_release);
        return number;
    }
    std::size_t live() const { return live_.load(std::memory_order_relaxed); }
    void count_live(int by) { live_.fetch_add(static_cast<std::size_t>(by), std::memory_order_relaxed); }
    std::size_t bytes() const { return bytes_.load(std::memory_order_relaxed); }

  private:
    std::vector<std::unique_ptr<std::array<Video, kChunk>>> chunks_{kChunks};
    std::vector<ByteVector> owned_;
    std::atomic<std::uint32_t> count_{0};
    std::atomic<std::size_t> live_{0};
    std::atomic<std::size_t> bytes_{0};
};

}  // namespace rushlight::match
