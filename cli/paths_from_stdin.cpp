#include "cli/paths_from_stdin.h"

#include <array>
#include <cerrno>
#include <system_error>
#include <utility>

#include <poll.h>
#include <unistd.h>

namespace rushlight::cli {

Result<std::optional<std::string>> PathsFromStdin::next(const std::stop_token& stop) {
    for (;;) {
        const std::size_t end = buffer_.find(separator_);
        if (end != std::string::npos) {
            std::string path = buffer_.substr(0, end);
            buffer_.erase(0, end + 1);
            if (!path.empty()) return path;
        } else if (buffer_.size() > kMaxPathBytes) {
            return fail(
                ErrorCode::invalid,
                separator_ == '\0'
                    ? "standard input has a path of more than 65,536 bytes: without -0 each line is one"
                    : "standard input has a line of more than 65,536 bytes: with -0 paths end with NUL");
        } else if (!ended_) {
            if (auto read = read_more(stop); !read) return pass(read.error());
        } else if (!buffer_.empty()) {
            return std::exchange(buffer_, {});
        } else {
            return std::nullopt;
        }
    }
}

// Ends at the end, or once a stop was requested.
Status PathsFromStdin::read_more(const std::stop_token& stop) {
    pollfd input{.fd = STDIN_FILENO, .events = POLLIN, .revents = 0};
    for (int ready = 0; ready == 0 || (ready < 0 && errno == EINTR);) {
        if (stop.stop_requested()) {
            buffer_.clear();
            ended_ = true;
            return {};
        }
        ready = ::poll(&input, 1, 200);  // now and then a look whether somebody wants us to stop
    }
    std::array<char, 65'536> chunk{};
    const ssize_t n = ::read(STDIN_FILENO, chunk.data(), chunk.size());
    if (n < 0) {
        return fail(ErrorCode::io,
                    "cannot read paths from standard input: " + std::generic_category().message(errno));
    }
    ended_ = n == 0;
    buffer_.append(chunk.data(), static_cast<std::size_t>(n));
    return {};
}

}  // namespace rushlight::cli
