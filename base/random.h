// random: unguessable bytes from the kernel, and the ids made of them.
#pragma once

#include "base/bytes.h"

#include <cstddef>
#include <span>
#include <string>
#include <string_view>

namespace rushlight {

// getrandom(2): waits, early at boot, until the kernel has enough. Thread-safe.
void fill_random(std::span<std::byte> out);

// PREFIX and 26 letters and digits (130 bits): opaque, unguessable, without a look-alike among 0 o 1 l.
std::string new_id(std::string_view prefix);

}  // namespace rushlight
