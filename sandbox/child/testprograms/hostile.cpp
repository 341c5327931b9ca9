// hostile: a sandboxed child taken over by somebody who wants out. Each attempt tries one thing and says how
// the kernel answered; the tests assert the exact refusal.
#include "sandbox/child/testprograms/hostile.h"

#include "sandbox/child/child.h"
#include "sandbox/handshake.h"

#include <array>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <memory>
#include <stdexcept>
#include <string>
#include <thread>

#include <arpa/inet.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

namespace rushlight::sandbox {
namespace {

using hostile::kAnswer;

// How the kernel answered.
std::string said(long result) {
    if (result != -1) return "done";
    const char* const name = ::strerrorname_np(errno);
    return name != nullptr ? name : std::to_string(errno);
}

template <class... Arguments>
std::string call(long number, Arguments... arguments) {
    return said(::syscall(number, arguments...));
}

std::string connect_to_loopback(int type) {
    const int socket = ::socket(AF_INET, type | SOCK_CLOEXEC, 0);
    if (socket < 0) return "socket: " + said(-1);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(9);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    const auto answer = said(::connect(socket, reinterpret_cast<const sockaddr*>(&address), sizeof address));
    ::close(socket);
    return answer;
}

// A child process of ours must be noticed, not left behind.
std::string second_process(long pid) {
    if (pid == 0) ::_exit(0);
    if (pid > 0) ::waitpid(static_cast<pid_t>(pid), nullptr, 0);
    return said(pid);
}

std::string raw_clone(unsigned long flags) {
    return second_process(::syscall(SYS_clone, flags | SIGCHLD, nullptr, nullptr, nullptr, nullptr));
}

std::string map_executable() {
    void* const at = ::mmap(nullptr, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    return said(at == MAP_FAILED ? -1 : 0);
}

std::string make_executable() {
    void* const at = ::mmap(nullptr, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (at == MAP_FAILED) return "mmap: " + said(-1);
    return said(::mprotect(at, 4096, PROT_READ | PROT_EXEC));
}

// Writes until it is told to stop; says how, and how much it had written.
std::string write_for_ever(int fd) {
    static const std::array<char, 1 << 16> block{};
    std::uint64_t total = 0;
    for (;;) {
        const ssize_t n = ::write(fd, block.data(), block.size());
        if (n < 0) return said(-1) + " after " + std::to_string(total);
        total += static_cast<std::uint64_t>(n);
    }
}

[[noreturn]] void allocate_for_ever() {
    std::vector<std::unique_ptr<char[]>> held;
    for (;;) held.push_back(std::make_unique<char[]>(64 << 20));
}

[[noreturn]] void spin() {
    for (;;) asm volatile("");  // an empty loop may be optimised away, with all that follows it
}

// A packet as no well-behaved child would send it.
void send_raw(std::size_t size, std::size_t fds) {
    std::vector<std::byte> body(size, std::byte{1});
    std::vector<std::byte> control(CMSG_SPACE(fds * sizeof(int)));
    iovec part{body.data(), body.size()};
    msghdr message{};
    message.msg_iov = &part;
    message.msg_iovlen = 1;
    if (fds > 0) {
        message.msg_control = control.data();
        message.msg_controllen = control.size();
        cmsghdr* const head = CMSG_FIRSTHDR(&message);
        head->cmsg_level = SOL_SOCKET;
        head->cmsg_type = SCM_RIGHTS;
        head->cmsg_len = CMSG_LEN(fds * sizeof(int));
        for (std::size_t i = 0; i < fds; ++i) {
            const int fd = handshake::kSocket;
            std::memcpy(CMSG_DATA(head) + i * sizeof fd, &fd, sizeof fd);
        }
    }
    (void)!::sendmsg(handshake::kSocket, &message, MSG_NOSIGNAL);
}

std::string start_thread() {
    try {
        int answer = 0;
        std::thread other([&] { answer = 42; });
        other.join();
        return answer == 42 ? "done" : "wrong";
    } catch (const std::system_error& error) {
        errno = error.code().value();
        return said(-1);
    }
}

// A call by the numbers of another architecture's table, where the same number means something else.
std::string foreign_call() {
#if defined(__x86_64__)
    return call(0x40000000 | 39);  // getpid of x32
#else
    return "none here";
#endif
}

std::string attempt(std::string_view what, int fd) {
    // The file system.
    if (what == "open folder") return said(::open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (what == "open to read") return said(::open("/etc/passwd", O_RDONLY | O_CLOEXEC));
    if (what == "open to write") return said(::open("/tmp/rushlight-hostile", O_WRONLY | O_CREAT, 0600));
    if (what == "open own memory") return said(::open("/proc/self/mem", O_RDWR | O_CLOEXEC));
    if (what == "reopen a descriptor") {
        const std::string path = "/proc/self/fd/" + std::to_string(fd);
        return said(::open(path.c_str(), O_RDWR | O_CLOEXEC));
    }
    if (what == "stat") {
        struct stat st{};
        return said(::stat("/etc/passwd", &st));
    }
    if (what == "stat around the filter") {  // the flag that fstat needs, and yet a path
        struct stat st{};
        return call(SYS_newfstatat, AT_FDCWD, "/etc/passwd", &st, AT_EMPTY_PATH);
    }
    if (what == "list") return call(SYS_getdents64, fd, nullptr, 0);
    if (what == "unlink") return said(::unlink("/tmp/rushlight-hostile"));
    if (what == "mkdir") return said(::mkdir("/tmp/rushlight-hostile", 0700));
    if (what == "chdir") return said(::chdir("/"));
    if (what == "chroot") return said(::chroot("/"));
    if (what == "mount") return said(::mount("none", "/", "tmpfs", 0, nullptr));
    if (what == "new memory file") return said(::memfd_create("hostile", MFD_CLOEXEC));
    if (what == "set flags") return said(::fcntl(fd, F_SETFL, O_NONBLOCK));
    if (what == "seal") return said(::fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE));
    if (what == "lock file") {
        struct flock whole{};
        whole.l_type = F_RDLCK;
        return said(::fcntl(fd, F_SETLK, &whole));
    }
    if (what == "terminal") return said(::ioctl(fd, 0x5412 /* TIOCSTI */, "x"));

    // The network.
    if (what == "socket") return said(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    if (what == "unix socket") return said(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    if (what == "netlink") return said(::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, 0));
    if (what == "connect") return connect_to_loopback(SOCK_STREAM);
    if (what == "connect udp") return connect_to_loopback(SOCK_DGRAM);
    if (what == "send elsewhere") {
        msghdr message{};
        return said(::sendmsg(fd, &message, MSG_NOSIGNAL));
    }

    // Other processes.
    if (what == "fork") return raw_clone(0);
    if (what == "library fork") return second_process(::fork());
#ifdef SYS_vfork
    if (what == "vfork") return call(SYS_vfork);
#endif
    if (what == "clone into a user namespace") return raw_clone(CLONE_NEWUSER);
    if (what == "clone3") return call(SYS_clone3, nullptr, 0);
    if (what == "exec") {
        char* const nothing[] = {nullptr};
        return said(::syscall(SYS_execveat, fd, "", nothing, nothing, AT_EMPTY_PATH));
    }
    if (what == "exec by path") {
        char* const nothing[] = {nullptr};
        return said(::execve("/bin/true", nothing, nothing));
    }
    if (what == "ptrace") return said(::ptrace(PTRACE_SEIZE, ::getppid(), nullptr, nullptr));
    if (what == "read parent's memory") {
        iovec part{&fd, sizeof fd};
        return said(::process_vm_readv(::getppid(), &part, 1, &part, 1, 0));
    }
    if (what == "kill parent") return said(::kill(::getppid(), SIGKILL));
    if (what == "signal parent's thread") return call(SYS_tgkill, ::getppid(), ::getppid(), SIGKILL);
    if (what == "pidfd") return call(SYS_pidfd_open, ::getppid(), 0);

    // More rights.
    if (what == "setuid") return said(::setuid(0));
    if (what == "capset") {
        __user_cap_header_struct head{_LINUX_CAPABILITY_VERSION_3, 0};
        __user_cap_data_struct all[2]{{~0u, ~0u, 0}, {~0u, ~0u, 0}};
        return call(SYS_capset, &head, all);
    }
    if (what == "unshare") return said(::unshare(CLONE_NEWUSER));
    if (what == "dumpable") return said(::prctl(PR_SET_DUMPABLE, 1, 0, 0, 0));
    if (what == "outlive parent") return said(::prctl(PR_SET_PDEATHSIG, 0, 0, 0, 0));
    if (what == "raise limits") {
        const rlimit more{RLIM_INFINITY, RLIM_INFINITY};
        return said(::setrlimit(RLIMIT_FSIZE, &more));
    }
    if (what == "mmap executable") return map_executable();
    if (what == "mprotect executable") return make_executable();

    // The kernel's larger machines.
    if (what == "io_uring_setup") return call(SYS_io_uring_setup, 1, nullptr);
    if (what == "bpf") return call(SYS_bpf, 0, nullptr, 0);
    if (what == "perf_event_open") return call(SYS_perf_event_open, nullptr, 0, -1, -1, 0);
    if (what == "keyctl") return call(SYS_keyctl, 0, -3, 0);
    if (what == "userfaultfd") return call(SYS_userfaultfd, 0);
    if (what == "add landlock") return call(444 /* landlock_create_ruleset */, nullptr, 0, 1);
    if (what == "unknown call") return call(1000);
    if (what == "foreign call") return foreign_call();

    // Its limits.
    if (what == "write for ever") return write_for_ever(fd);
    if (what == "lengthen") return said(::ftruncate(fd, std::int64_t{1} << 40));
    if (what == "write to input") return said(::pwrite(fd, "x", 1, 0));
    if (what == "map input to write")
        return said(::mmap(nullptr, 1, PROT_WRITE, MAP_SHARED, fd, 0) == MAP_FAILED ? -1 : 0);
    if (what == "keep mapped") {
        void* const at = ::mmap(nullptr, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
        return said(at == MAP_FAILED ? -1 : 0);  // and never unmaps it
    }
    if (what == "open many") {
        for (;;) {
            if (::dup(fd) < 0) return said(-1);
        }
    }
    if (what == "allocate for ever") allocate_for_ever();
    if (what == "one huge vector") {
        const std::vector<char> huge(std::size_t{1} << 45);
        return std::to_string(huge.back());
    }
    if (what == "impossible vector") {
        volatile std::size_t size = ~std::size_t{0};  // beyond what a vector may hold
        const std::vector<char> huge(size);
        return std::to_string(huge.back());
    }
    if (what == "throw") throw std::runtime_error("a bug");
    if (what == "spin") spin();
    if (what == "ignore signals and spin") {
        for (int signal = 1; signal < 32; ++signal) {
            if (signal != SIGKILL && signal != SIGSTOP) ::signal(signal, SIG_IGN);
        }
        spin();
    }
    if (what == "sleep") {
        for (;;) ::pause(), ::sched_yield();
    }
    if (what == "segfault") {
        ::signal(SIGSEGV, SIG_DFL);  // a sanitizer would turn it into an exit
        ::raise(SIGSEGV);
    }
    if (what == "abort") {
        ::signal(SIGABRT, SIG_DFL);
        std::abort();
    }
    if (what == "exit") ::_exit(0);
    if (what == "exit 3") ::_exit(3);

    // The protocol.
    if (what == "oversized message") send_raw(sizeof(std::uint32_t) + kMaxBody + 1, 0);
    if (what == "short message") send_raw(3, 0);
    if (what == "100 descriptors") send_raw(8, 100);
    if (what == "5 descriptors") send_raw(8, 5);
    if (what == "close socket and spin") {
        ::close(handshake::kSocket);
        spin();
    }

    // What a decoder may do.
    if (what == "clock") return said(std::time(nullptr) > 0 ? 0 : -1);
    if (what == "thread") return start_thread();
    if (what == "random") {
        int number = 0;
        return said(::syscall(SYS_getrandom, &number, sizeof number, 0) == sizeof number ? 0 : -1);
    }
    if (what == "processors") return said(::sysconf(_SC_NPROCESSORS_ONLN) > 0 ? 0 : -1);
    if (what == "fstat") {
        struct stat st{};
        return said(::fstat(fd, &st));
    }
    if (what == "user") return std::to_string(::geteuid());
    if (what == "working folder") return said(::open(".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (what == "environment") return environ == nullptr || *environ == nullptr ? "none" : *environ;
    if (what == "descriptors") {
        std::string open;
        for (int i = 0; i < 1024; ++i) {
            if (::fcntl(i, F_GETFD) >= 0) open += std::to_string(i) + " ";
        }
        return open;
    }
    if (what == "pid") return std::to_string(::getpid());
    return "no such attempt";
}

void try_it(Message request, child::Channel& channel) {
    const int fd = request.fds.empty() ? -1 : request.fds.front().get();
    const std::string what(text_of(request.body));
    if (what == "two answers") channel.send(kAnswer, bytes_of("first"));
    if (what == "reserved kind") channel.send(handshake::kLocked, {});
    const std::string answer = attempt(what, fd);
    channel.send(kAnswer, bytes_of(answer));
}

void echo(Message request, child::Channel& channel) {
    std::vector<int> fds;
    for (const Fd& fd : request.fds) fds.push_back(fd.get());
    channel.send(request.kind, request.body, fds);
}

void sum(Message request, child::Channel& channel) {
    struct stat st{};
    if (request.fds.empty() || ::fstat(request.fds.front().get(), &st) != 0) return;
    const auto size = static_cast<std::size_t>(st.st_size);
    void* const at = ::mmap(nullptr, size, PROT_READ, MAP_SHARED, request.fds.front().get(), 0);
    std::uint64_t total = 0;
    if (at != MAP_FAILED) {
        for (const std::byte b : Bytes(static_cast<const std::byte*>(at), size)) {
            total += std::to_integer<std::uint64_t>(b);
        }
        ::munmap(at, size);
    }
    channel.send(kAnswer, std::as_bytes(std::span(&total, 1)));
}

void converse(Message, child::Channel& channel) {
    for (int number = 1;; ++number) {
        channel.send(kAnswer, bytes_of(std::to_string(number)));
        const Message next = channel.receive();
        if (next.kind != hostile::kNext) return;
    }
}

}  // namespace
}  // namespace rushlight::sandbox

int main() {
    using namespace rushlight::sandbox;
    return child::run(
        {{hostile::kEcho, echo}, {hostile::kTry, try_it}, {hostile::kSum, sum}, {hostile::kNext, converse}});
}
