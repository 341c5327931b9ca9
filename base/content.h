// Content: the bytes of one item as a descriptor, so that they can be hashed here and decoded in another
// process without a copy through anybody's memory.
//
// Either a regular file opened for reading (whose bytes may change under us: compare `stamp()` before and
// after) or a sealed memory file (which cannot change). Movable, not copyable; reading is by position, so
// several threads may read one Content.
#pragma once

#include "base/bytes.h"
#include "base/fd.h"
#include "base/result.h"

#include <cstdint>
#include <string>

namespace rushlight {

class Content {
  public:
    // Opens without blocking on a pipe or a device. Fails with `invalid` where it is not a regular file,
    // `denied` or `not_found` as the system says. Follows symbolic links.
    static Result<Content> open(const std::string& path);
    static Result<Content> from_bytes(Bytes bytes);
    // Takes a memory file and seals it.
    static Result<Content> from_memory_file(Fd fd);

    int fd() const { return fd_.get(); }
    std::uint64_t size() const { return size_; }
    bool sealed() const { return sealed_; }

    // Fills as much of `out` as there is from `offset` on; returns how much. 0 is the end.
    Result<std::size_t> read_at(std::uint64_t offset, std::span<std::byte> out) const;

    // Size and times of last change, as one opaque number: equal stamps mean that nobody wrote in between.
    Result<std::uint64_t> stamp() const;

  private:
    Content(Fd fd, std::uint64_t size, bool sealed) : fd_(std::move(fd)), size_(size), sealed_(sealed) {}

    Fd fd_;
    std::uint64_t size_ = 0;
    bool sealed_ = false;
};

}  // namespace rushlight
