// One value of any method: what parses is written canonically, and that reads back as the same value.
#include "match/formats/value.h"

#include <cstdint>
#include <cstdlib>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace rushlight::match::formats;
    if (size == 0) return 0;
    const auto method = static_cast<Method>(data[0] % kMethods);
    const auto value = Value::parse(method, {reinterpret_cast<const char*>(data) + 1, size - 1});
    if (!value) return 0;
    const auto again = Value::parse(method, value->text());
    if (!again || *again != *value || !Value::unpack(method, value->bytes)) std::abort();
    return 0;
}
