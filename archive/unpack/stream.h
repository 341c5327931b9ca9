// Stream: bytes one after another, looked at before they are taken.
//
// `peek(want)` shows at least `want` bytes (at most kMaxPeek may be asked for) unless the stream ends before;
// nothing at all is the end, and then `problem()` says whether it was a proper one. A view lives until the
// next call. Streams stand on each other: file, decompressor, one record's block, chunked coding, …
#pragma once

#include "archive/unpack/meter.h"
#include "base/bytes.h"
#include "base/reason.h"

#include <cstdint>
#include <memory>
#include <optional>

namespace rushlight::archive::unpack {

inline constexpr std::size_t kMaxPeek = 64 * 1024;

class Stream {
  public:
    virtual ~Stream() = default;
    virtual Bytes peek(std::size_t want = 1) = 0;
    virtual void consume(std::size_t n) = 0;  // at most what peek showed
    virtual const std::optional<Problem>& problem() const = 0;
    // Takes n bytes unseen; returns how many there were.
    virtual std::uint64_t skip(std::uint64_t n);
};

// A stream that makes its bytes into a buffer of its own.
class BufferedStream : public Stream {
  public:
    Bytes peek(std::size_t want) override;
    void consume(std::size_t n) override { head_ += n; }
    const std::optional<Problem>& problem() const override { return problem_; }

  protected:
    explicit BufferedStream(std::size_t capacity) : capacity_(capacity) {}
    // Fills some of `out`; 0 is the end, after fail() where it is not a proper one. Not called again then.
    virtual std::size_t read(std::span<std::byte> out) = 0;
    void fail(Problem problem) { problem_ = std::move(problem); }
    void clear();  // forgets buffer, end and problem: reading goes on
    // Moves to the byte that is n before the end of what was read so far; false where the buffer lacks it.
    bool move(std::uint64_t n);
    std::size_t buffered() const { return tail_ - head_; }

  private:
    std::size_t capacity_;
    std::unique_ptr<std::byte[]> buffer_;
    std::size_t head_ = 0;
    std::size_t tail_ = 0;
    bool ended_ = false;
    std::optional<Problem> problem_;
};

// A file by position; the descriptor is borrowed. A file that shrinks meanwhile just ends.
class FileStream final : public BufferedStream {
  public:
    FileStream(int fd, Meter& meter);

    std::uint64_t skip(std::uint64_t n) override;
    std::uint64_t offset() const { return read_to_ - buffered(); }  // of the next byte to be shown
    std::uint64_t size() const { return size_; }
    void seek(std::uint64_t offset);

  protected:
    std::size_t read(std::span<std::byte> out) override;

  private:
    int fd_;
    Meter& meter_;
    std::uint64_t size_ = 0;
    std::uint64_t read_to_ = 0;
};

// The next n bytes of another stream; `truncated` where that has fewer.
class LimitedStream final : public Stream {
  public:
    LimitedStream(Stream& from, std::uint64_t n) : from_(from), left_(n) {}

    Bytes peek(std::size_t want) override;
    void consume(std::size_t n) override;
    std::uint64_t skip(std::uint64_t n) override;
    const std::optional<Problem>& problem() const override { return problem_; }
    std::uint64_t left() const { return left_; }

  private:
    Stream& from_;
    std::uint64_t left_;
    std::optional<Problem> problem_;
};

}  // namespace rushlight::archive::unpack
