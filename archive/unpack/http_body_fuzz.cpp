#include "archive/unpack/samples.h"

// A response as a record's block: its head, chunks and codings.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    namespace samples = rushlight::archive::unpack::samples;
    auto limits = samples::plenty();
    limits.member_bytes = limits.total_bytes = limits.ratio_bytes = limits.work_bytes = 1 << 22;
    const std::string block = "HTTP/1.1 200 OK\r\n" + std::string(reinterpret_cast<const char*>(data), size);
    samples::read_all(samples::record("response", "http://a/", block), limits);
    return 0;
}
