// Any bytes as a snapshot: refused or mapped, and what was mapped can be searched.
#include "base/fd.h"
#include "match/index/near_index.h"

#include <cstddef>
#include <cstdint>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace rushlight;
    const auto file = make_memory_file("snapshot");
    if (!file || !write_all(file->get(), std::as_bytes(std::span(data, size)), "snapshot")) return 0;
    match::index::NearIndex index;
    if (!index.load("/proc/self/fd/" + std::to_string(file->get()), 7)) return 0;
    std::vector<match::index::Hit> hits;
    index.search(Pdq{}, 31, hits);
    index.search(Pdq{}, 256, hits);
    return 0;
}
