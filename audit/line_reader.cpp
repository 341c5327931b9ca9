#include "audit/line_reader.h"

#include <cerrno>
#include <cstring>

#include <unistd.h>

namespace rushlight::audit {

LineReader::LineReader(int fd, std::size_t most)
    : fd_(fd), most_(most), buffer_(std::make_unique<char[]>(most + 1)) {}
LineReader::~LineReader() = default;

Result<bool> LineReader::fill() {
    if (begin_ > 0) {
        std::memmove(buffer_.get(), buffer_.get() + begin_, end_ - begin_);
        end_ -= begin_;
        begin_ = 0;
    }
    for (;;) {
        const ssize_t got = ::read(fd_, buffer_.get() + end_, most_ + 1 - end_);
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) return fail_errno("cannot read the export");
        end_ += static_cast<std::size_t>(got);
        return got > 0;
    }
}

Result<LineReader::Next> LineReader::next() {
    std::size_t looked = 0;  // bytes from begin_ that hold no newline
    for (;;) {
        const std::string_view ready(buffer_.get() + begin_, end_ - begin_);
        if (const auto at = ready.find('\n', looked); at != std::string_view::npos) {
            line_ = ready.substr(0, at);
            begin_ += at + 1;
            return Next::line;
        }
        looked = ready.size();
        if (looked > most_) return Next::too_long;
        auto more = fill();
        if (!more) return pass(more.error());
        if (!*more) return end_ == begin_ ? Next::end : Next::cut;
    }
}

}  // namespace rushlight::audit
