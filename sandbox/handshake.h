// Handshake: the first message to a child (what to lock down, and how far) and its answer (what it did).
#pragma once

#include "sandbox/wire.h"

#include <cstdint>
#include <cstring>
#include <string>
#include <type_traits>

namespace rushlight::sandbox::handshake {

inline constexpr std::uint32_t kLock = wire::kReserved + 0;
inline constexpr std::uint32_t kLocked = wire::kReserved + 1;
inline constexpr std::uint32_t kNotLocked = wire::kReserved + 2;  // body: what failed, in words

inline constexpr int kSocket = 3;                      // the descriptor a child finds its socket at
inline constexpr int kExitOutOfMemory = 77;            // a handler could not get the memory it asked for
inline constexpr int kExitNotLocked = 78;              // the lock-down failed; kNotLocked said why
inline constexpr int kExitBadRequest = 79;             // a message that no handler answers
inline constexpr int kExitException = 80;              // a handler threw: a bug of ours, or a library's
inline constexpr std::uint32_t kVersion = 0x524c0001;  // a child of another release is told apart

struct Lock {
    std::uint32_t version = kVersion;
    std::uint32_t seccomp = 0;
    std::uint32_t landlock_abi = 0;
    std::uint32_t user_namespace = 0;
    std::uint64_t memory = 0;       // bytes of address space
    std::uint64_t output = 0;       // bytes in one descriptor
    std::uint64_t cpu_seconds = 0;  // of the child's whole life
};

struct Locked {
    std::uint32_t version = kVersion;
    std::uint32_t seccomp = 0;
    std::uint32_t landlock_abi = 0;
    std::uint32_t user_namespace = 0;
};

template <class T>
Bytes bytes_of(const T& value) {
    static_assert(std::is_trivially_copyable_v<T>);
    return std::as_bytes(std::span(&value, 1));
}
template <class T>
bool read(Bytes body, T& value) {
    static_assert(std::is_trivially_copyable_v<T>);
    if (body.size() != sizeof value) return false;
    std::memcpy(&value, body.data(), sizeof value);
    return value.version == kVersion;
}

}  // namespace rushlight::sandbox::handshake
