// coding: undoes one compression while it is read: gzip (any number of members after each other), deflate
// (with or without zlib's frame), brotli, zstd.
#pragma once

#include "archive/unpack/stream.h"

#include <cstdint>
#include <limits>
#include <memory>

namespace rushlight::archive::unpack {

enum class Coding { gzip, deflate, brotli, zstd };

inline constexpr std::uint64_t kUnlimited = std::numeric_limits<std::uint64_t>::max();

// Reads `from`. What comes out is counted as work; more than `most` bytes of it end in problem `bomb`.
// A body is passed through as it is where it clearly is not in the coding that its header claims: crawlers
// store undone bodies under their old headers.
std::unique_ptr<Stream> undo_coding(Coding coding, Stream& from, Meter& meter,
                                    std::uint64_t most = kUnlimited);

// gzip of a whole file: knows where its members start, so that reading can go on behind a broken one.
class GzipFile : public Stream {
  public:
    static std::unique_ptr<GzipFile> create(FileStream& file, Meter& meter);
    // Goes on at the next gzip member of the file after the one it is in whose text starts with `magic`.
    // False where there is none.
    virtual bool resume(std::string_view magic) = 0;
    // The problem is one of a member of which nothing could be read.
    virtual bool failed_at_start() const = 0;
};

}  // namespace rushlight::archive::unpack
