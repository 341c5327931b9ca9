// A listening socket, or in words why there is none. Private.
#pragma once

#include "base/fd.h"

#include <cstdint>

namespace rushlight::http {

struct Listening {
    Fd socket;
    std::string address;  // with the port that was given
    std::uint16_t port = 0;
    bool is_v6 = false;
};
Result<Listening> listen_on(const std::string& address);

// The next client, without waiting; its address as text. An empty Fd where nobody waits (errno 0) or it
// failed (errno).
Fd accept_from(int listening, std::string& peer);

}  // namespace rushlight::http
