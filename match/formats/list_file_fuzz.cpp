// Any bytes as a hash list, in each format by its first byte: whatever comes out unpacks.
#include "match/formats/read_case.h"

#include <cstdint>
#include <cstdlib>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace rushlight::match::formats;
    if (size == 0) return 0;
    ReadOptions options;
    if (data[0] % 8 < 6) options.format = static_cast<Format>(data[0] % 8);
    if ((data[0] & 0x80) != 0) options.method = static_cast<Method>((data[0] >> 3) % kMethods);
    const auto read =
        testing::read_text_as_list({reinterpret_cast<const char*>(data) + 1, size - 1}, options);
    for (const auto& item : read.items) {
        if (item.find("UNPACKS NOT") != std::string::npos) std::abort();
    }
    return 0;
}
