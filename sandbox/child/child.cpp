#include "sandbox/child/child.h"

#include "sandbox/child/lockdown.h"
#include "sandbox/handshake.h"
#include "sandbox/wire.h"

#include <csignal>
#include <exception>
#include <new>
#include <stdexcept>
#include <utility>

#include <unistd.h>

namespace rushlight::sandbox::child {
namespace {

// Nobody is left to work for, or to tell. Without exit handlers: they belong to libraries.
[[noreturn]] void leave(int status) { ::_exit(status); }

// Reads what to lock, locks it, says so.
bool lock_as_told(int socket) {
    ByteVector buffer;
    const auto first = wire::receive(socket, buffer, std::nullopt);
    handshake::Lock wanted;
    if (!first || first->kind != handshake::kLock || !handshake::read(first->body, wanted)) return false;

    const auto applied = lock_down(wanted);
    if (!applied) {
        (void)wire::send(socket, handshake::kNotLocked, bytes_of(applied.error().message), {}, std::nullopt);
        return false;
    }
    return wire::send(socket, handshake::kLocked, handshake::bytes_of(*applied), {}, std::nullopt)
        .has_value();
}

int serve(const std::map<std::uint32_t, Handler>& handlers, int socket) {
    Channel channel(socket);
    for (;;) {
        Message request = channel.receive();
        const auto handler = handlers.find(request.kind);
        if (handler == handlers.end()) return handshake::kExitBadRequest;
        handler->second(std::move(request), channel);
    }
}

}  // namespace

void Channel::send(std::uint32_t kind, Bytes body, std::span<const int> fds) {
    const auto sent = wire::send(socket_, kind, body, fds, std::nullopt);
    if (!sent) leave(sent.error().failure == wire::Failure::closed ? 0 : handshake::kExitException);
}

Message Channel::receive() {
    auto message = wire::receive(socket_, buffer_, std::nullopt);
    if (!message) leave(message.error().failure == wire::Failure::closed ? 0 : handshake::kExitBadRequest);
    return std::move(*message);
}

int run(const std::map<std::uint32_t, Handler>& handlers) {
    try {
        if (!lock_as_told(handshake::kSocket)) leave(handshake::kExitNotLocked);
        leave(serve(handlers, handshake::kSocket));
    } catch (const std::bad_alloc&) {
        leave(handshake::kExitOutOfMemory);
    } catch (const std::length_error&) {  // a container asked for more than there can be
        leave(handshake::kExitOutOfMemory);
    } catch (...) {
        leave(handshake::kExitException);
    }
}

}  // namespace rushlight::sandbox::child
