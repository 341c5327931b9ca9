#include "sandbox/landlock.h"

#include <cerrno>

#include <sys/syscall.h>
#include <unistd.h>

// The numbers are the same on every architecture that has landlock at all.
#ifndef SYS_landlock_create_ruleset
#define SYS_landlock_create_ruleset 444
#define SYS_landlock_restrict_self 446
#endif

namespace rushlight::sandbox::landlock {
namespace {

constexpr unsigned kVersionFlag = 1;  // LANDLOCK_CREATE_RULESET_VERSION

struct RulesetAttr {
    std::uint64_t handled_access_fs = 0;   // ABI 1
    std::uint64_t handled_access_net = 0;  // ABI 4
    std::uint64_t scoped = 0;              // ABI 6
};

// ABI 1: the first 13 rights (execute, write and read a file, read a directory, remove two kinds, make
// seven); 2: refer; 3: truncate; 5: ioctl on devices.
constexpr std::uint64_t file_system(int abi) {
    std::uint64_t rights = (1u << 13) - 1;
    if (abi >= 2) rights |= 1u << 13;
    if (abi >= 3) rights |= 1u << 14;
    if (abi >= 5) rights |= 1u << 15;
    return rights;
}
constexpr std::uint64_t kNet = 0b11;     // bind and connect TCP
constexpr std::uint64_t kScoped = 0b11;  // abstract UNIX sockets and signals beyond one's own domain

}  // namespace

int abi() {
    const long version = ::syscall(SYS_landlock_create_ruleset, nullptr, 0, kVersionFlag);
    return version > 0 ? static_cast<int>(version) : 0;
}

int forbid_everything(int abi) {
    RulesetAttr attr;
    std::size_t size = offsetof(RulesetAttr, handled_access_net);  // an older kernel refuses a longer one
    attr.handled_access_fs = file_system(abi);
    if (abi >= 4) {
        attr.handled_access_net = kNet;
        size = offsetof(RulesetAttr, scoped);
    }
    if (abi >= 6) {
        attr.scoped = kScoped;
        size = sizeof attr;
    }
    const int ruleset = static_cast<int>(::syscall(SYS_landlock_create_ruleset, &attr, size, 0));
    if (ruleset < 0) return errno;
    const int error = ::syscall(SYS_landlock_restrict_self, ruleset, 0) == 0 ? 0 : errno;
    ::close(ruleset);
    return error;
}

}  // namespace rushlight::sandbox::landlock
