// A link and, on a second line, its base: what is parsed and written out is read back as the same.
#include "base/url.h"

#include <cstdlib>

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
    using rushlight::Url;
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    const std::size_t line = text.find('\n');
    const auto base =
        line == text.npos ? rushlight::Result<Url>(rushlight::fail({}, "")) : Url::parse(text.substr(line));
    const auto url = Url::parse(text.substr(0, line), base ? &*base : nullptr);
    if (!url) return 0;
    const std::string href = url->href();
    const auto again = Url::parse(href);
    if (href.size() <= Url::kMostBytes && (!again || *again != *url || again->href() != href)) std::abort();
    return 0;
}
