#include "archive/unpack/samples.h"

// The rest of a WARC behind a magic that every input gets, plain and as a gzip file.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    namespace samples = rushlight::archive::unpack::samples;
    auto limits = samples::plenty();
    limits.member_bytes = limits.total_bytes = limits.ratio_bytes = limits.work_bytes = 1 << 22;
    const std::string text = "WARC/" + std::string(reinterpret_cast<const char*>(data), size);
    samples::read_all(text, limits);
    samples::read_all(samples::gzip(text, 1), limits);
    return 0;
}
