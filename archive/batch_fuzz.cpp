#include "archive/protocol.h"

// A batch from a child that was taken over.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace rushlight;
    const auto batch = archive::parse_batch(std::as_bytes(std::span(data, size)));
    if (!batch) return 0;
    for (const auto& entry : batch->entries) {
        if (entry.name.size() > archive::kMaxName || entry.bytes.size() > archive::kMaxInline)
            __builtin_trap();
    }
    return 0;
}
