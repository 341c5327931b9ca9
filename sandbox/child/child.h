// sandbox/child: the inside of a sandboxed process. `main` of the decode program calls `run` and nothing
// else.
//
// `run` reads the limits from its first message, locks the process down (resource limits, user namespace
// where there is one, landlock, seccomp), says so to the parent, and from then on answers messages until the
// parent closes. After the lock the process can read and write the descriptors it is handed, allocate memory,
// tell the time and exit; everything else is refused by the kernel.
#pragma once

#include "sandbox/sandbox.h"

#include <cstdint>
#include <functional>
#include <map>
#include <span>

namespace rushlight::sandbox::child {

// Answers to the parent. Aborts the process where the parent is gone: there is nobody left to work for.
class Channel {
  public:
    explicit Channel(int socket) : socket_(socket) {}
    void send(std::uint32_t kind, Bytes body, std::span<const int> fds = {});
    Message receive();  // for conversations within one job; exits where the parent closed

  private:
    int socket_;
    ByteVector buffer_;
};

using Handler = std::function<void(Message request, Channel& channel)>;

// Never throws; returns the exit status. A handler that throws std::bad_alloc ends the child with "out of
// memory".
int run(const std::map<std::uint32_t, Handler>& handlers);

}  // namespace rushlight::sandbox::child
