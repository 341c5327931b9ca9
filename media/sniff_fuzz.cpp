#include "media/format.h"

#include <cstdlib>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace rushlight;
    const Bytes head = std::as_bytes(std::span(data, size));
    const auto format = media::sniff_format(head);
    if (media::sniff(head) != media::type_of(format)) std::abort();
    return 0;
}
