// What this kernel offers, found by trying it in a throw-away process: a version number says nothing about
// what a container, a chroot or a boot option took away.
#include "sandbox/landlock.h"
#include "sandbox/privilege.h"
#include "sandbox/sandbox.h"
#include "sandbox/sanitizer.h"

#include <array>
#include <cerrno>
#include <cstddef>

#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

namespace rushlight::sandbox {
namespace {

// Runs `attempt` in a process of its own; true where it says so there. The process is forked from one that
// may have threads: only system calls are allowed in `attempt`.
template <class Attempt>
bool succeeds(Attempt attempt) {
    const pid_t pid = ::fork();
    if (pid < 0) return false;
    if (pid == 0) ::_exit(attempt() ? 0 : 1);
    int status = 0;
    while (::waitpid(pid, &status, 0) < 0) {
        if (errno != EINTR) return false;
    }
    return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

bool no_new_privileges() { return ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0; }

// A filter that refuses one call, and that call refused.
bool try_seccomp() {
    std::array<sock_filter, 4> filter{{
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_getppid, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EXDEV),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    }};
    const sock_fprog program{filter.size(), filter.data()};
    return no_new_privileges() && ::prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program, 0, 0) == 0 &&
           ::syscall(SYS_getppid) == -1 && errno == EXDEV;
}

bool try_landlock() {
    return no_new_privileges() && landlock::forbid_everything(landlock::abi()) == 0 &&
           ::open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC) == -1 && errno == EACCES;
}

bool try_user_namespace() {
    privilege::become_nobody();
    return privilege::enter_user_namespace(false) == 0;
}

Kernel probe() {
    Kernel kernel;
    kernel.seccomp = succeeds(try_seccomp);
    if (landlock::abi() > 0 && succeeds(try_landlock)) kernel.landlock_abi = landlock::abi();
    kernel.user_namespaces = !kThreadSanitizer && succeeds(try_user_namespace);
    return kernel;
}

}  // namespace

Kernel probe_kernel() {
    static const Kernel kernel = probe();  // it does not change while we run
    return kernel;
}

std::string Kernel::describe() const {
    std::string text = seccomp ? "seccomp" : "no seccomp";
    text += landlock_abi > 0 ? ", landlock ABI " + std::to_string(landlock_abi) : ", no landlock";
    text += user_namespaces ? ", user namespaces" : ", no user namespaces";
    return text;
}

}  // namespace rushlight::sandbox
