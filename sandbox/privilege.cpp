#include "sandbox/privilege.h"

#include <cerrno>

#include <grp.h>
#include <linux/capability.h>
#include <sched.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace rushlight::sandbox::privilege {
namespace {
constexpr unsigned kNobody = 65534;  // user `nobody` and group `nogroup` of every Debian
}

void become_nobody() {
    if (::geteuid() != 0) return;
    // The bare calls: the library's own would signal every thread, and the probe runs after a fork.
    (void)::syscall(SYS_setgroups, 0, nullptr);
    (void)::syscall(SYS_setresgid, kNobody, kNobody, kNobody);
    (void)::syscall(SYS_setresuid, kNobody, kNobody, kNobody);
}

int enter_user_namespace(bool network) {
    return ::unshare(CLONE_NEWUSER | (network ? CLONE_NEWNET : 0)) == 0 ? 0 : errno;
}

void enter_empty_root() {
    if (::chroot("/proc/self/fdinfo") == 0) (void)!::chdir("/");
}

int drop_capabilities() {
    __user_cap_header_struct head{_LINUX_CAPABILITY_VERSION_3, 0};
    const __user_cap_data_struct none[_LINUX_CAPABILITY_U32S_3]{};
    return ::syscall(SYS_capset, &head, none) == 0 ? 0 : errno;
}

}  // namespace rushlight::sandbox::privilege
