#include "match/formats/lines.h"

#include <cerrno>
#include <cstring>

#include <unistd.h>

namespace rushlight::match::formats {
namespace {

constexpr std::size_t kBufferBytes = 64 << 10;
constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";

std::string_view without_return(std::string_view text) {
    return !text.empty() && text.back() == '\r' ? text.substr(0, text.size() - 1) : text;
}

}  // namespace

Lines::Lines(int fd) : fd_(fd), buffer_(kBufferBytes) {}

// Makes room and reads once; at the end of the file sets ended_.
Status Lines::fill() {
    if (begin_ > 0) {
        std::memmove(buffer_.data(), buffer_.data() + begin_, end_ - begin_);
        end_ -= begin_;
        begin_ = 0;
    }
    while (true) {
        const ssize_t got = ::read(fd_, buffer_.data() + end_, buffer_.size() - end_);
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) return fail_errno("cannot read the list");
        ended_ = got == 0;
        end_ += static_cast<std::size_t>(got);
        return {};
    }
}

Result<std::string_view> Lines::peek() {
    while (!ended_ && end_ - begin_ < buffer_.size()) {
        if (auto status = fill(); !status) return pass(status.error());
    }
    if (!started_) {
        started_ = true;
        if (std::string_view(buffer_.data() + begin_, end_ - begin_).starts_with(kByteOrderMark)) begin_ += 3;
    }
    return std::string_view(buffer_.data() + begin_, end_ - begin_);
}

void Lines::give_back(std::vector<std::string> texts, std::uint64_t first_number) {
    std::uint64_t number = first_number + texts.size();
    while (!texts.empty()) {
        kept_.push_front({std::move(texts.back()), --number});
        texts.pop_back();
    }
}

Result<std::optional<Line>> Lines::next() {
    if (!started_) {
        if (auto peeked = peek(); !peeked) return pass(peeked.error());
    }
    if (!kept_.empty()) {
        current_ = std::move(kept_.front().text);
        const std::uint64_t number = kept_.front().number;
        kept_.pop_front();
        return Line{current_, number, false};
    }
    long_.clear();
    bool too_long = false;
    while (true) {
        const char* from = buffer_.data() + begin_;
        const auto* at = static_cast<const char*>(std::memchr(from, '\n', end_ - begin_));
        const std::size_t length = at != nullptr ? static_cast<std::size_t>(at - from) : end_ - begin_;
        if (at != nullptr && long_.empty() && !too_long) {
            begin_ += length + 1;
            return Line{without_return({from, length}), ++number_, false};
        }
        if (!too_long && long_.size() + length > kMaxLineBytes) {
            too_long = true;
            long_ = {};
        }
        if (!too_long) long_.append(from, length);
        begin_ += length + (at != nullptr ? 1 : 0);
        if (at == nullptr && !ended_) {
            if (auto status = fill(); !status) return pass(status.error());
            continue;
        }
        if (at == nullptr && long_.empty() && !too_long) return std::nullopt;
        return Line{without_return(long_), ++number_, too_long};
    }
}

}  // namespace rushlight::match::formats
