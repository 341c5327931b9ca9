// Short ways to say why there is no response.
#pragma once

#include "net/net.h"

#include <string>
#include <utility>

namespace rushlight::net {

inline tl::unexpected<Failure> refuse(FailureCode code, std::string message) {
    return tl::unexpected<Failure>(Failure{.code = code, .message = std::move(message)});
}
inline tl::unexpected<Failure> pass(Failure failure) { return tl::unexpected<Failure>(std::move(failure)); }

// "5 s", "250 ms"
inline std::string in_words(std::chrono::milliseconds time) {
    return time.count() % 1000 == 0 ? std::to_string(time.count() / 1000) + " s"
                                    : std::to_string(time.count()) + " ms";
}

}  // namespace rushlight::net
