#include "cli/process_limits.h"

#include <algorithm>

#include <sys/resource.h>

namespace rushlight::cli {
namespace {

constexpr rlim_t kMostDescriptors = 65'536;

}  // namespace

// 1 and not 0: where crashes are piped into a program the kernel does not look at the limit, except for this
// value, which ends such a dump, too (fs/coredump.c). To a file nothing fits into one byte.
bool end_core_dumps() {
    const rlimit none{1, 1};
    if (::setrlimit(RLIMIT_CORE, &none) == 0) return true;
    rlimit now{};
    return ::getrlimit(RLIMIT_CORE, &now) == 0 && now.rlim_cur == 0;
}

void raise_descriptors() {
    rlimit limit{};
    if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
    const rlim_t wanted = std::min(limit.rlim_max, kMostDescriptors);
    if (limit.rlim_cur >= wanted) return;
    limit.rlim_cur = wanted;
    ::setrlimit(RLIMIT_NOFILE, &limit);
}

}  // namespace rushlight::cli
