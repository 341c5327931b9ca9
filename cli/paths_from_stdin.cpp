#include "cli/paths_from_stdin.h"

#include <array>
#include <cerrno>
#include <utility>

#include <poll.h>
#include <unistd.h>

namespace rushlight::cli {

std::optional<std::string> PathsFromStdin::next(const std::stop_token& stop) {
    for (;;) {
        const std::size_t end = buffer_.find(separator_);
        if (end != std::string::npos) {
            std::string path = buffer_.substr(0, end);
            buffer_.erase(0, end + 1);
            if (!path.empty()) return path;
        } else if (!ended_) {
            ended_ = !read_more(stop);
        } else if (!buffer_.empty()) {
            return std::exchange(buffer_, {});
        } else {
            return std::nullopt;
        }
    }
}

// False at the end, or once a stop was requested.
bool PathsFromStdin::read_more(const std::stop_token& stop) {
    pollfd input{.fd = STDIN_FILENO, .events = POLLIN, .revents = 0};
    for (int ready = 0; ready == 0 || (ready < 0 && errno == EINTR);) {
        if (stop.stop_requested()) {
            buffer_.clear();
            return false;
        }
        ready = ::poll(&input, 1, 200);  // now and then a look whether somebody wants us to stop
    }
    std::array<char, 65'536> chunk{};
    const ssize_t n = ::read(STDIN_FILENO, chunk.data(), chunk.size());
    if (n <= 0) return false;
    buffer_.append(chunk.data(), static_cast<std::size_t>(n));
    return true;
}

}  // namespace rushlight::cli
