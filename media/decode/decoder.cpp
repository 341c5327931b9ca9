#include "media/decode/decoder.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <span>

#include <unistd.h>

namespace rushlight::media::decode {

std::uint8_t* Buffer::take(std::size_t size) {
    if (size > size_) {
        data_.reset();
        size_ = 0;
        data_.reset(new std::uint8_t[size]);  // make_unique would write zeros over all of it first
        size_ = size;
    }
    return data_.get();
}

void Buffer::trim(std::size_t keep) {
    if (size_ <= keep) return;
    data_.reset();
    size_ = 0;
}

std::size_t Input::read_at(std::uint64_t offset, std::span<std::uint8_t> out) const {
    if (offset >= size_) return 0;
    out = out.first(static_cast<std::size_t>(std::min<std::uint64_t>(out.size(), size_ - offset)));
    if (fd_ < 0) {
        std::memcpy(out.data(), all_.data() + offset, out.size());
        return out.size();
    }
    const auto start = std::chrono::steady_clock::now();
    std::size_t done = 0;
    while (done < out.size()) {
        const ssize_t n =
            ::pread(fd_, out.data() + done, out.size() - done, static_cast<off_t>(offset + done));
        if (n < 0 && errno == EINTR) continue;
        if (n <= 0) break;
        done += static_cast<std::size_t>(n);
    }
    scratch_->reading += std::chrono::steady_clock::now() - start;
    return done;
}

tl::expected<Bytes, Problem> Input::all(const Limits& limits) {
    if (size_ == 0) return problem(Reason::empty, "the file has no bytes");
    if (size_ > limits.file_bytes) {
        return problem(Reason::too_large, "the file has " + std::to_string(size_) +
                                              " bytes; pictures are read up to " +
                                              std::to_string(limits.file_bytes));
    }
    if (!read_) {
        std::uint8_t* bytes = scratch_->file.take(static_cast<std::size_t>(size_));
        const std::size_t got = read_at(0, {bytes, static_cast<std::size_t>(size_)});
        if (got == 0) return problem(Reason::empty, "the file lost its bytes while it was read");
        all_ = std::as_bytes(std::span(bytes, got));
        read_ = true;
    }
    return all_;
}

Outcome check_size(std::uint64_t width, std::uint64_t height, const Limits& limits) {
    if (width == 0 || height == 0) return problem(Reason::corrupt, "the picture has no width or no height");
    // Sides first: their product fits 64 bits only once they are bounded.
    if (width > limits.side || height > limits.side || width * height > limits.pixels) {
        return problem(Reason::too_large, "the picture is " + std::to_string(width) + " x " +
                                              std::to_string(height) + "; read are up to " +
                                              std::to_string(limits.pixels) + " pixels and sides up to " +
                                              std::to_string(limits.side));
    }
    return {};
}

}  // namespace rushlight::media::decode
