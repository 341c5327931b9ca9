#include "archive/unpack/samples.h"

// Whatever the bytes are: members or a problem, within the limits.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    namespace samples = rushlight::archive::unpack::samples;
    auto limits = samples::plenty();
    limits.member_bytes = limits.total_bytes = limits.ratio_bytes = limits.work_bytes = 1 << 22;
    limits.members = 200;
    const auto all = samples::read_all({reinterpret_cast<const char*>(data), size}, limits);
    if (all.members.size() > limits.members) __builtin_trap();
    return 0;
}
