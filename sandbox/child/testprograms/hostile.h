// What the tests ask of their hostile child.
#pragma once

#include <cstdint>

namespace rushlight::sandbox::hostile {

inline constexpr std::uint32_t kEcho = 1;  // answers with the same kind and body, and the same descriptors
inline constexpr std::uint32_t kTry = 2;  // body: the attempt's name; answers with "done" or the errno's name
inline constexpr std::uint32_t kSum = 3;  // maps the descriptor, answers with the sum of its bytes (64 bits)
inline constexpr std::uint32_t kNext = 4;  // a conversation: answers each further kNext with its number
inline constexpr std::uint32_t kAnswer = 100;

}  // namespace rushlight::sandbox::hostile
