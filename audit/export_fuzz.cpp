// Any bytes as an exported audit log: what parses as a line is spelled as it was read, and verifying ends.
#include "audit/lines.h"
#include "audit/verify.h"
#include "base/fd.h"

#include <cstdint>
#include <cstdlib>

#include <unistd.h>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace rushlight;
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    if (const auto line = audit::parse_line(text); line && audit::line_of(*line) != text) std::abort();
    const auto file = make_memory_file("fuzz");
    if (!file || !write_all(file->get(), bytes_of(text), "memory")) return 0;
    ::lseek(file->get(), 0, SEEK_SET);
    if (!audit::verify_export(file->get(), {})) std::abort();
    return 0;
}
