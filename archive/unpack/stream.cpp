#include "archive/unpack/stream.h"

#include <algorithm>
#include <cerrno>
#include <cstring>

#include <sys/stat.h>
#include <unistd.h>

namespace rushlight::archive::unpack {

std::uint64_t Stream::skip(std::uint64_t n) {
    std::uint64_t done = 0;
    while (done < n) {
        const Bytes view = peek(1);
        if (view.empty()) break;
        const auto take = static_cast<std::size_t>(std::min<std::uint64_t>(view.size(), n - done));
        consume(take);
        done += take;
    }
    return done;
}

Bytes BufferedStream::peek(std::size_t want) {
    want = std::min({std::max<std::size_t>(want, 1), kMaxPeek, capacity_});
    if (!buffer_) buffer_ = std::make_unique_for_overwrite<std::byte[]>(capacity_);
    while (buffered() < want && !ended_) {
        if (head_ == tail_) {
            head_ = tail_ = 0;
        } else if (capacity_ - head_ < want) {
            std::memmove(buffer_.get(), buffer_.get() + head_, buffered());
            tail_ -= head_;
            head_ = 0;
        }
        const std::size_t n = read(std::span(buffer_.get() + tail_, capacity_ - tail_));
        if (n == 0) ended_ = true;
        tail_ += n;
    }
    return Bytes(buffer_.get() + head_, buffered());
}

bool BufferedStream::move(std::uint64_t n) {
    if (n > tail_) return false;
    head_ = tail_ - static_cast<std::size_t>(n);
    return true;
}

void BufferedStream::clear() {
    head_ = tail_ = 0;
    ended_ = false;
    problem_.reset();
}

FileStream::FileStream(int fd, Meter& meter) : BufferedStream(256 * 1024), fd_(fd), meter_(meter) {
    struct stat st{};
    if (::fstat(fd, &st) == 0 && st.st_size > 0) size_ = static_cast<std::uint64_t>(st.st_size);
}

std::size_t FileStream::read(std::span<std::byte> out) {
    if (meter_.stop()) {
        fail(*meter_.stop());
        return 0;
    }
    ssize_t n = 0;
    do {
        n = ::pread(fd_, out.data(), out.size(), static_cast<off_t>(read_to_));
    } while (n < 0 && errno == EINTR);
    if (n < 0) {
        fail({Reason::denied, "cannot read: " + std::string(std::strerror(errno))});
        return 0;
    }
    read_to_ += static_cast<std::uint64_t>(n);
    meter_.read(static_cast<std::uint64_t>(n));
    return static_cast<std::size_t>(n);
}

void FileStream::seek(std::uint64_t offset) {
    if (offset <= read_to_ && move(read_to_ - offset)) return;
    clear();
    read_to_ = std::min(offset, size_);
}

std::uint64_t FileStream::skip(std::uint64_t n) {
    if (n <= buffered()) {
        consume(static_cast<std::size_t>(n));
        return n;
    }
    const std::uint64_t at = offset();
    const std::uint64_t possible = std::min(n, size_ - std::min(at, size_));
    seek(at + possible);
    meter_.read(possible);
    return possible;
}

Bytes LimitedStream::peek(std::size_t want) {
    if (left_ == 0) return {};
    Bytes view =
        from_.peek(static_cast<std::size_t>(std::min<std::uint64_t>(std::max<std::size_t>(want, 1), left_)));
    if (view.size() > left_) view = view.first(static_cast<std::size_t>(left_));
    if (view.empty() && !problem_) {
        problem_ = from_.problem() ? *from_.problem()
                                   : Problem{Reason::truncated, "ends before its own length says it should"};
    }
    return view;
}

void LimitedStream::consume(std::size_t n) {
    from_.consume(n);
    left_ -= n;
}

std::uint64_t LimitedStream::skip(std::uint64_t n) {
    const std::uint64_t done = from_.skip(std::min(n, left_));
    left_ -= done;
    return done;
}

}  // namespace rushlight::archive::unpack
