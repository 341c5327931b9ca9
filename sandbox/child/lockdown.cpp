// The whole privilege story of a sandboxed child. After lock_down the process can use the descriptors it is
// handed, allocate memory, tell the time, start threads and exit. docs/sandbox.md says what each layer is
// for.
#include "sandbox/child/lockdown.h"

#include "base/fd.h"
#include "sandbox/landlock.h"
#include "sandbox/privilege.h"
#include "sandbox/sanitizer.h"

#include <cerrno>
#include <csignal>
#include <memory>

#include <fcntl.h>
#include <sched.h>
#include <seccomp.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

namespace rushlight::sandbox::child {
namespace {

// Names that this libseccomp or this architecture does not know are skipped: an unknown call is refused
// anyway.
constexpr const char* kAllowed[] = {
    // the descriptors we were handed
    "read", "readv", "pread64", "preadv", "preadv2", "write", "writev", "pwrite64", "pwritev", "pwritev2",
    "lseek", "_llseek", "fstat", "fstat64", "ftruncate", "ftruncate64", "fallocate", "fadvise64",
    "fadvise64_64", "arm_fadvise64_64", "close", "dup", "dup2", "dup3", "poll", "ppoll",
    // memory (mmap and mprotect: below)
    "munmap", "mremap", "madvise", "brk",
    // threads and signals within the process
    "futex", "futex_time64", "set_robust_list", "rseq", "sched_yield", "rt_sigaction", "rt_sigprocmask",
    "rt_sigreturn", "sigreturn", "sigaltstack", "restart_syscall", "exit", "exit_group",
    // the time, and harmless questions
    "clock_gettime", "clock_gettime64", "clock_getres", "clock_getres_time64", "gettimeofday", "time",
    "nanosleep", "clock_nanosleep", "clock_nanosleep_time64", "getrandom", "getpid", "gettid", "getppid",
    "getuid", "geteuid", "getgid", "getegid", "getrusage", "getrlimit", "ugetrlimit", "times", "uname",
    "sysinfo", "getcpu", "sched_getaffinity", "sched_getparam", "sched_getscheduler",
    "sched_get_priority_min", "sched_get_priority_max"};

// All else is refused: with EPERM what a library or an attacker is known to try, with ENOSYS the rest, also
// what no kernel has yet, so that a library falls back as it would on an older kernel. (Naming every call
// there is would be no safer, and each name costs every child 4 us of its start.)
constexpr const char* kRefused[] = {
    // the file system
    "open", "openat", "openat2", "creat", "stat", "lstat", "access", "faccessat", "faccessat2", "readlink",
    "readlinkat", "getdents64", "getcwd", "chdir", "fchdir", "chroot", "mkdir", "mkdirat", "rmdir", "unlink",
    "unlinkat", "rename", "renameat2", "linkat", "symlinkat", "mknodat", "fchmod", "fchmodat", "fchown",
    "fchownat", "mount", "umount2", "pivot_root", "open_tree", "open_by_handle_at", "memfd_create", "ioctl",
    // the network
    "socket", "socketpair", "connect", "bind", "listen", "accept4", "sendto", "recvfrom", "sendmmsg",
    "recvmmsg", "setsockopt", "shutdown",
    // other processes, other rights
    "fork", "vfork", "execve", "execveat", "ptrace", "process_vm_readv", "process_vm_writev", "kill", "tkill",
    "pidfd_open", "pidfd_getfd", "pidfd_send_signal", "wait4", "setuid", "setgid", "setresuid", "setresgid",
    "setgroups", "capset", "setns", "unshare", "setrlimit", "sched_setaffinity", "sched_setscheduler",
    "seccomp", "landlock_create_ruleset", "landlock_restrict_self",
    // the kernel's larger machines
    "io_uring_setup", "io_uring_enter", "io_setup", "bpf", "perf_event_open", "keyctl", "add_key",
    "request_key", "userfaultfd", "shmget", "init_module", "finit_module", "epoll_create1", "eventfd2",
    "mlock", "mbind", "set_mempolicy"};

Status failed(const char* step, int error) {
    if (error == 0) return {};
    return fail_errno(step, error);
}

int limit(int resource, rlim_t soft, rlim_t hard) {
    const rlimit value{soft, hard};
    return ::setrlimit(static_cast<__rlimit_resource_t>(resource), &value) == 0 ? 0 : errno;
}

int limit_resources(const handshake::Lock& wanted) {
    int error = limit(RLIMIT_CORE, 0, 0);
    if (error == 0) error = limit(RLIMIT_FSIZE, wanted.output, wanted.output);
    if (error == 0) error = limit(RLIMIT_NOFILE, 64, 64);
    if (error == 0) error = limit(RLIMIT_MEMLOCK, 0, 0);
    if (error == 0) error = limit(RLIMIT_MSGQUEUE, 0, 0);
    if (error == 0) error = limit(RLIMIT_CPU, wanted.cpu_seconds, wanted.cpu_seconds + 1);
    if (error == 0 && !kShadowMemory) error = limit(RLIMIT_AS, wanted.memory, wanted.memory);
    // Beyond FSIZE: EFBIG is an answer, a signal is not.
    if (error == 0 && ::signal(SIGXFSZ, SIG_IGN) == SIG_ERR) error = errno;
    return error;
}

// Where memory runs out, the kernel is to take a child and not the server.
void volunteer_for_the_oom_killer() {
    const Fd score(::open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC));
    if (score) (void)!::write(score.get(), "1000", 4);
}

// Threads are counted a user: in a namespace of our own only ours; without one all of that user's, so the
// bound is wide there. Without seccomp this is also what forbids a second process.
int limit_tasks(const handshake::Lock& wanted) {
    if (kThreadSanitizer) return 0;
    const rlim_t tasks = !wanted.seccomp ? 0 : wanted.user_namespace ? 64 : 4096;
    return limit(RLIMIT_NPROC, tasks, tasks);
}

// Conditions on a system call's arguments, counted from 0.
scmp_arg_cmp is(unsigned argument, scmp_datum_t value) { return {argument, SCMP_CMP_EQ, value, 0}; }
scmp_arg_cmp is_not(unsigned argument, scmp_datum_t value) { return {argument, SCMP_CMP_NE, value, 0}; }
scmp_arg_cmp with(unsigned argument, scmp_datum_t bit) { return {argument, SCMP_CMP_MASKED_EQ, bit, bit}; }
scmp_arg_cmp without(unsigned argument, scmp_datum_t bit) { return {argument, SCMP_CMP_MASKED_EQ, bit, 0}; }

int filter_system_calls() {
    const std::unique_ptr<void, decltype(&seccomp_release)> filter(seccomp_init(SCMP_ACT_ERRNO(ENOSYS)),
                                                                   &seccomp_release);
    if (!filter) return ENOMEM;
    int error = 0;
    const auto rule = [&](std::uint32_t action, const char* name, std::initializer_list<scmp_arg_cmp> when) {
        const int number = seccomp_syscall_resolve_name(name);
        if (number == __NR_SCMP_ERROR || error != 0) return;
        const int result = seccomp_rule_add_array(filter.get(), action, number,
                                                  static_cast<unsigned>(when.size()), when.begin());
        // EDOM: this architecture does not have the call.
        if (result != 0 && result != -EDOM) error = -result;
    };
    const auto allow = [&](const char* name, std::initializer_list<scmp_arg_cmp> when = {}) {
        rule(SCMP_ACT_ALLOW, name, when);
    };
    const auto refuse = [&](const char* name, std::initializer_list<scmp_arg_cmp> when = {}) {
        rule(SCMP_ACT_ERRNO(EPERM), name, when);
    };

    // A call of another architecture (32 bits, x32) is nothing that a library of ours would try: SIGSYS.
    error = -seccomp_attr_set(filter.get(), SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_KILL_PROCESS);
    if (error == 0) error = -seccomp_attr_set(filter.get(), SCMP_FLTATR_CTL_TSYNC, 1);

    for (const char* const name : kAllowed) allow(name);
    for (const char* const name : kRefused) refuse(name);
    // UBSan tells a good pointer from a bad one by writing it into a pipe.
    for (const char* const name : {"pipe", "pipe2"}) kShadowMemory ? allow(name) : refuse(name);

    // Messages: over our socket only.
    for (const char* const name : {"sendmsg", "recvmsg"}) {
        allow(name, {is(0, handshake::kSocket)});
        refuse(name, {is_not(0, handshake::kSocket)});
    }
    // Memory: never executable.
    for (const char* const name : {"mmap", "mmap2", "mprotect"}) {
        allow(name, {without(2, PROT_EXEC)});
        refuse(name, {with(2, PROT_EXEC)});
    }
    refuse("pkey_mprotect");
    // Threads, never processes. clone3 hides its flags in memory: ENOSYS, and the C library takes clone.
    allow("clone", {with(0, CLONE_THREAD)});
    refuse("clone", {without(0, CLONE_THREAD)});
    // abort() signals its own thread; kill and tkill can reach others.
    const auto self = static_cast<scmp_datum_t>(::getpid());
    allow("tgkill", {is(0, self)});
    refuse("tgkill", {is_not(0, self)});
    // The C library's fstat. A path given here is one in the empty root, where there is one.
    for (const char* const name : {"newfstatat", "fstatat64"}) {
        allow(name, {with(3, AT_EMPTY_PATH)});
        refuse(name, {without(3, AT_EMPTY_PATH)});
    }
    for (const int command : {F_GETFD, F_SETFD, F_GETFL, F_DUPFD, F_DUPFD_CLOEXEC, F_GET_SEALS}) {
        for (const char* const name : {"fcntl", "fcntl64"})
            allow(name, {is(1, static_cast<scmp_datum_t>(command))});
    }
    allow("prlimit64", {is(2, 0)});  // asking, not setting
    refuse("prlimit64", {is_not(2, 0)});
    allow("prctl", {is(0, PR_SET_NAME)});  // a thread's name
    refuse("prctl", {is_not(0, PR_SET_NAME)});
    if (error == 0) error = -seccomp_load(filter.get());
    return error;
}

}  // namespace

Result<handshake::Locked> lock_down(const handshake::Lock& wanted) {
    handshake::Locked applied;
    Status done;
    const auto step = [&](const char* name, int error) { return bool(done = failed(name, error)); };
    const auto switched = [](int option, unsigned long value) {
        return ::prctl(option, value, 0, 0, 0) == 0 ? 0 : errno;
    };

    // 1. No more of anything than agreed.
    volunteer_for_the_oom_killer();
    if (!step("resource limits", limit_resources(wanted))) return pass(done.error());

    // 2. Nobody: no user, no capability, no way to regain one; nobody may look into us.
    if (!wanted.user_namespace) privilege::enter_empty_root();
    privilege::become_nobody();
    if (!step("no new privileges", switched(PR_SET_NO_NEW_PRIVS, 1))) return pass(done.error());
    if (wanted.user_namespace) {
        // seccomp closes the network on every kernel; an empty network of our own (0.4 ms) is only worth its
        // price without it.
        if (!step("user namespace", privilege::enter_user_namespace(wanted.seccomp == 0)))
            return pass(done.error());
        privilege::enter_empty_root();
        applied.user_namespace = 1;
    }
    if (!step("capabilities", privilege::drop_capabilities())) return pass(done.error());
    if (!step("tasks", limit_tasks(wanted))) return pass(done.error());
    if (!step("not dumpable", switched(PR_SET_DUMPABLE, 0))) return pass(done.error());
    // A change of identity makes the kernel forget this, so it comes after.
    if (!step("end with the parent", switched(PR_SET_PDEATHSIG, SIGKILL))) return pass(done.error());

    // 3. No file can be opened, no TCP port reached, nobody outside signalled.
    if (wanted.landlock_abi > 0) {
        const int abi = static_cast<int>(wanted.landlock_abi);
        if (!step("landlock", landlock::abi() < abi ? EOPNOTSUPP : landlock::forbid_everything(abi)))
            return pass(done.error());
        applied.landlock_abi = wanted.landlock_abi;
    }

    // 4. No system call beyond computing.
    if (wanted.seccomp) {
        if (!step("seccomp", filter_system_calls())) return pass(done.error());
        applied.seccomp = 1;
    }
    return applied;
}

}  // namespace rushlight::sandbox::child
