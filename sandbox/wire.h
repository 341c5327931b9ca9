// Wire: one message over the socket pair between parent and child. A packet is the kind (32 bits, the
// machine's own order: both ends are one machine) and the body; descriptors travel beside it.
//
// The socket is SOCK_SEQPACKET: a packet arrives whole or not at all, so there is nothing to reassemble.
#pragma once

#include "sandbox/sandbox.h"

#include <chrono>
#include <optional>

namespace rushlight::sandbox::wire {

// Kinds from here on are the sandbox's own; no room may use them.
inline constexpr std::uint32_t kReserved = 0xffffff00;

enum class Failure {
    closed,     // the other end is gone
    timeout,    // the deadline passed
    malformed,  // larger than kMaxBody, more than kMaxFds descriptors, or too short to be a message
    system,     // the operating system refused: `error_number`
};
struct Broken {
    Failure failure = Failure::closed;
    int error_number = 0;
};
template <class T>
using Wired = tl::expected<T, Broken>;

// No deadline: waits for ever.
using Deadline = std::optional<std::chrono::steady_clock::time_point>;

// Never raises SIGPIPE. Descriptors are borrowed.
Wired<void> send(int socket, std::uint32_t kind, Bytes body, std::span<const int> fds, Deadline deadline);

// Receives through a buffer that the caller keeps (any vector; it grows to one message's size), so that a
// small message costs no large allocation.
Wired<Message> receive(int socket, ByteVector& buffer, Deadline deadline);

// True where there is something to read (a message, or the end) without waiting.
bool readable(int socket);

}  // namespace rushlight::sandbox::wire
