#include "media/protocol.h"

#include <cstdlib>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace rushlight;
    namespace protocol = media::protocol;
    const Bytes body = std::as_bytes(std::span(data, size));
    protocol::Request request;
    request.dihedral = size % 2 == 0;
    // What is accepted says the same again after a round trip.
    if (const auto answer = protocol::parse_answer(body, request)) {
        const auto again = protocol::parse_answer(protocol::encode(*answer), request);
        if (!again || again->pdq != answer->pdq || again->width != answer->width) std::abort();
    }
    std::vector<media::Frame> frames;
    if (protocol::parse_frames(body, request, frames) != !frames.empty() && frames.empty()) std::abort();
    protocol::parse_request(body);
    return 0;
}
