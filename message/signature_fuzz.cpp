// A receiver's two readers of headers from outside.
#include "message/retry_after.h"
#include "message/signature.h"

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    const rushlight::Time now{1'767'225'600'000'000};
    if (rushlight::message::verify(text, "body", "secret", now)) __builtin_trap();  // nobody signed this
    const auto time = rushlight::message::retry_after(text, now);
    if (time && (*time < now || *time > now + std::chrono::hours(24))) __builtin_trap();
    return 0;
}
