#include "sandbox/wire.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

#include <poll.h>
#include <sys/socket.h>

namespace rushlight::sandbox::wire {
namespace {

constexpr std::size_t kHead = sizeof(std::uint32_t);

tl::unexpected<Broken> broken(Failure failure, int error_number = 0) {
    return tl::unexpected<Broken>(Broken{failure, error_number});
}

// Waits until the socket is ready for `events`, has been closed, or the deadline has passed.
Wired<void> wait(int socket, short events, Deadline deadline) {
    for (;;) {
        timespec left{};
        if (deadline) {
            const auto rest = std::max(*deadline - std::chrono::steady_clock::now(),
                                       std::chrono::steady_clock::duration::zero());
            const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(rest);
            left.tv_sec = static_cast<time_t>(seconds.count());
            left.tv_nsec = static_cast<long>(std::chrono::nanoseconds(rest - seconds).count());
        }
        pollfd watched{socket, events, 0};
        const int n = ::ppoll(&watched, 1, deadline ? &left : nullptr, nullptr);
        if (n > 0) return {};
        if (n == 0) return broken(Failure::timeout);
        if (errno != EINTR) return broken(Failure::system, errno);
    }
}

bool gone(int error_number) { return error_number == EPIPE || error_number == ECONNRESET; }

}  // namespace

Wired<void> send(int socket, std::uint32_t kind, Bytes body, std::span<const int> fds, Deadline deadline) {
    if (body.size() > kMaxBody || fds.size() > kMaxFds) return broken(Failure::malformed);

    std::array<iovec, 2> parts{iovec{&kind, kHead}, iovec{const_cast<std::byte*>(body.data()), body.size()}};
    alignas(cmsghdr) std::array<std::byte, CMSG_SPACE(kMaxFds * sizeof(int))> control{};
    msghdr message{};
    message.msg_iov = parts.data();
    message.msg_iovlen = parts.size();
    if (!fds.empty()) {
        message.msg_control = control.data();
        message.msg_controllen = CMSG_SPACE(fds.size_bytes());
        cmsghdr* const head = CMSG_FIRSTHDR(&message);
        head->cmsg_level = SOL_SOCKET;
        head->cmsg_type = SCM_RIGHTS;
        head->cmsg_len = CMSG_LEN(fds.size_bytes());
        std::memcpy(CMSG_DATA(head), fds.data(), fds.size_bytes());
    }

    // A peer that does not read fills the buffer; only with a deadline must that not hold us.
    const int flags = MSG_NOSIGNAL | (deadline ? MSG_DONTWAIT : 0);
    for (;;) {
        if (::sendmsg(socket, &message, flags) >= 0) return {};
        if (errno == EINTR) continue;
        if (errno == EAGAIN) {
            if (auto ready = wait(socket, POLLOUT, deadline); !ready) return ready;
            continue;
        }
        if (gone(errno)) return broken(Failure::closed);
        return broken(Failure::system, errno);
    }
}

Wired<Message> receive(int socket, ByteVector& buffer, Deadline deadline) {
    buffer.resize(kHead + kMaxBody);
    alignas(cmsghdr) std::array<std::byte, CMSG_SPACE(kMaxFds * sizeof(int))> control{};
    iovec part{buffer.data(), buffer.size()};
    msghdr message{};
    message.msg_iov = &part;
    message.msg_iovlen = 1;
    message.msg_control = control.data();
    message.msg_controllen = control.size();

    ssize_t size = 0;
    for (;;) {
        if (deadline) {
            if (auto ready = wait(socket, POLLIN, deadline); !ready) return tl::unexpected(ready.error());
        }
        size = ::recvmsg(socket, &message, MSG_CMSG_CLOEXEC | (deadline ? MSG_DONTWAIT : 0));
        if (size >= 0) break;
        if (errno == EINTR || (errno == EAGAIN && deadline)) continue;
        if (gone(errno)) return broken(Failure::closed);
        return broken(Failure::system, errno);
    }

    // Own the descriptors before anything else can go wrong.
    Message received;
    for (cmsghdr* head = CMSG_FIRSTHDR(&message); head != nullptr; head = CMSG_NXTHDR(&message, head)) {
        if (head->cmsg_level != SOL_SOCKET || head->cmsg_type != SCM_RIGHTS) continue;
        const std::size_t count = (head->cmsg_len - CMSG_LEN(0)) / sizeof(int);
        for (std::size_t i = 0; i < count; ++i) {
            int fd = -1;
            std::memcpy(&fd, CMSG_DATA(head) + i * sizeof(int), sizeof fd);
            received.fds.emplace_back(fd);
        }
    }
    if ((message.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) != 0) return broken(Failure::malformed);
    const auto length = static_cast<std::size_t>(size);
    if (length == 0) return broken(Failure::closed);  // an empty packet looks the same, and deserves the same
    if (length < kHead) return broken(Failure::malformed);

    std::memcpy(&received.kind, buffer.data(), kHead);
    received.body.assign(buffer.begin() + kHead, buffer.begin() + static_cast<std::ptrdiff_t>(length));
    return received;
}

bool readable(int socket) {
    pollfd watched{socket, POLLIN, 0};
    return ::poll(&watched, 1, 0) != 0;
}

}  // namespace rushlight::sandbox::wire
