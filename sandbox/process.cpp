#include "sandbox/process.h"

#include "sandbox/handshake.h"
#include "sandbox/sanitizer.h"

#include <cerrno>
#include <csignal>
#include <thread>

#include <fcntl.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

namespace rushlight::sandbox {
namespace {

constexpr std::chrono::seconds kStartTime{20};  // to load the decoders' libraries from a slow disk
constexpr std::chrono::seconds kEndTime{1};
constexpr int kAboveStandard = 10;  // keeps our ends clear of the numbers the child gets

Result<std::pair<Fd, Fd>> socket_pair() {
    int ends[2];
    if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0)
        return fail_errno("cannot make a socket pair");
    Fd ours(ends[0]);
    Fd low(ends[1]);
    Fd theirs(::fcntl(low.get(), F_DUPFD_CLOEXEC, kAboveStandard));
    if (!theirs) return fail_errno("cannot make a socket pair");
    return std::pair(std::move(ours), std::move(theirs));
}

// What posix_spawn is to do in the child, freed at the end.
struct SpawnPlan {
    posix_spawn_file_actions_t files;
    posix_spawnattr_t attributes;
    SpawnPlan() {
        ::posix_spawn_file_actions_init(&files);
        ::posix_spawnattr_init(&attributes);
    }
    ~SpawnPlan() {
        ::posix_spawn_file_actions_destroy(&files);
        ::posix_spawnattr_destroy(&attributes);
    }
    SpawnPlan(const SpawnPlan&) = delete;
    SpawnPlan& operator=(const SpawnPlan&) = delete;
};

// The child gets the socket and /dev/null, no descriptor of ours (also none that some library forgot to mark
// close-on-exec), no environment, no working folder, no terminal (Ctrl-C is for us to handle), and default
// signals.
Result<pid_t> execute(const std::string& program, int socket) {
    SpawnPlan plan;
    int error = ::posix_spawn_file_actions_addopen(&plan.files, 0, "/dev/null", O_RDONLY, 0);
    if (error == 0) error = ::posix_spawn_file_actions_addopen(&plan.files, 1, "/dev/null", O_WRONLY, 0);
    // A sanitizer's report has to reach a person; otherwise a hostile child has no business on a terminal.
    if (error == 0 && !kShadowMemory)
        error = ::posix_spawn_file_actions_addopen(&plan.files, 2, "/dev/null", O_WRONLY, 0);
    if (error == 0) error = ::posix_spawn_file_actions_adddup2(&plan.files, socket, handshake::kSocket);
    if (error == 0) error = ::posix_spawn_file_actions_addclosefrom_np(&plan.files, handshake::kSocket + 1);
    if (error == 0) error = ::posix_spawn_file_actions_addchdir_np(&plan.files, "/");

    sigset_t all;
    sigset_t none;
    ::sigfillset(&all);
    ::sigemptyset(&none);
    if (error == 0) error = ::posix_spawnattr_setsigdefault(&plan.attributes, &all);
    if (error == 0) error = ::posix_spawnattr_setsigmask(&plan.attributes, &none);
    if (error == 0)
        error = ::posix_spawnattr_setflags(
            &plan.attributes, POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSID);

    pid_t pid = -1;
    std::string name = program;
    char* const arguments[] = {name.data(), nullptr};
    char* const environment[] = {nullptr};
    if (error == 0)
        error = ::posix_spawn(&pid, program.c_str(), &plan.files, &plan.attributes, arguments, environment);
    if (error != 0) return fail_errno("cannot start " + program, error);
    return pid;
}

handshake::Lock lock_for(const Options& options) {
    handshake::Lock lock;
    lock.seccomp = options.use.seccomp ? 1 : 0;
    lock.landlock_abi = static_cast<std::uint32_t>(options.use.landlock_abi);
    lock.user_namespace = options.use.user_namespaces ? 1 : 0;
    lock.memory = options.limits.memory;
    lock.output = options.limits.output;
    lock.cpu_seconds = static_cast<std::uint64_t>(options.limits.processor.count());
    return lock;
}

std::string signal_name(int signal) {
    const char* const name = ::sigabbrev_np(signal);
    return name != nullptr ? std::string("SIG") + name : "signal " + std::to_string(signal);
}

Problem killed_by(int signal) {
    switch (signal) {
        case SIGSYS:
            return {Reason::denied, "the reader tried a system call that is forbidden to it"};
        case SIGXCPU:
            return {Reason::timeout, "the reader used up its processor time"};
        case SIGSEGV:
        case SIGBUS:
            return {Reason::crashed, "the reader crashed: bad memory access (" + signal_name(signal) + ")"};
        case SIGABRT:
            return {Reason::crashed, "the reader crashed: it gave up on its own check (SIGABRT)"};
        case SIGILL:
        case SIGTRAP:
            return {Reason::crashed,
                    "the reader crashed: an instruction that cannot be (" + signal_name(signal) + ")"};
        case SIGFPE:
            return {Reason::crashed, "the reader crashed: a division by zero or the like (SIGFPE)"};
        case SIGKILL:  // not by us before it had closed its socket
            return {
                Reason::crashed,
                "the reader broke off its connection, or the system killed it (most often: out of memory)"};
        default:
            return {Reason::crashed, "the reader was ended by " + signal_name(signal)};
    }
}

Problem exited_with(int status) {
    switch (status) {
        case handshake::kExitOutOfMemory:
            return {Reason::too_large, "reading it takes more memory than allowed"};
        case handshake::kExitException:
            return {Reason::crashed, "the reader crashed: an exception that nobody caught"};
        case handshake::kExitBadRequest:
            return {Reason::crashed, "the reader does not know this kind of request"};
        default:
            return {Reason::crashed, "the reader ended with status " + std::to_string(status)};
    }
}

std::string differences(const Kernel& wanted, const handshake::Locked& got) {
    Kernel applied;
    applied.seccomp = got.seccomp != 0;
    applied.landlock_abi = static_cast<int>(got.landlock_abi);
    applied.user_namespaces = got.user_namespace != 0;
    if (applied.seccomp == wanted.seccomp && applied.landlock_abi == wanted.landlock_abi &&
        applied.user_namespaces == wanted.user_namespaces)
        return {};
    return "asked for " + wanted.describe() + ", got " + applied.describe();
}

}  // namespace

Result<std::unique_ptr<Process>> Process::spawn(const Options& options) {
    auto ends = socket_pair();
    if (!ends) return pass(ends.error());
    const auto pid = execute(options.program, ends->second.get());
    if (!pid) return pass(pid.error());
    ends->second.reset();  // from here on its death closes the pair
    std::unique_ptr<Process> process(new Process(*pid, std::move(ends->first), options.use));

    const auto lock = lock_for(options);
    // A child that has died already is noticed, with its reason, by await_locked.
    (void)process->send(handshake::kLock, handshake::bytes_of(lock), {},
                        std::chrono::steady_clock::now() + kStartTime);
    return process;
}

Status Process::await_locked() {
    if (locked_) return {};
    const auto answer = receive(std::chrono::steady_clock::now() + kStartTime);
    if (!answer) {
        const bool late = answer.error().failure == wire::Failure::timeout;
        const Problem how = end();
        return fail(ErrorCode::unavailable, late ? "the decode program does not answer: is it the right one?"
                                                 : "the decode program did not start: " + how.message);
    }
    handshake::Locked locked;
    if (answer->kind == handshake::kNotLocked) {
        end();
        return fail(ErrorCode::unavailable,
                    "the decode program could not lock itself down: " + std::string(text_of(answer->body)));
    }
    if (answer->kind != handshake::kLocked || !handshake::read(answer->body, locked)) {
        end();
        return fail(ErrorCode::unavailable, "the decode program is of another release, or not ours");
    }
    if (const auto wrong = differences(use_, locked); !wrong.empty()) {
        end();
        return fail(ErrorCode::unavailable, "the decode program locked itself down differently: " + wrong);
    }
    locked_ = true;
    return {};
}

Process::~Process() { end(); }

wire::Wired<void> Process::send(std::uint32_t kind, Bytes body, std::span<const int> fds,
                                wire::Deadline deadline) {
    return wire::send(socket_.get(), kind, body, fds, deadline);
}

wire::Wired<Message> Process::receive(wire::Deadline deadline) {
    return wire::receive(socket_.get(), buffer_, deadline);
}

// The signal changes nothing where the child is already dying: its first cause stays its status. So there is
// no race to lose between "its socket closed" and "it has ended".
void Process::kill() {
    socket_.reset();
    if (pid_ >= 0) ::kill(pid_, SIGKILL);
}

bool Process::reaped() {
    if (pid_ < 0) return true;
    siginfo_t info{};
    int waited = 0;
    do {
        waited = ::waitid(P_PID, static_cast<id_t>(pid_), &info, WEXITED | WNOHANG);
    } while (waited != 0 && errno == EINTR);
    if (waited == 0 && info.si_pid == 0) return false;
    pid_ = -1;
    if (waited != 0) {
        ended_ = {Reason::crashed, "the reader ended"};  // somebody else reaped it
    } else if (info.si_code == CLD_EXITED) {
        ended_ = exited_with(info.si_status);
    } else {
        ended_ = killed_by(info.si_status);
    }
    return true;
}

Problem Process::end() {
    kill();
    const auto patience = std::chrono::steady_clock::now() + kEndTime;
    for (auto pause = std::chrono::microseconds(20); !reaped(); pause *= 2) {
        if (std::chrono::steady_clock::now() > patience) return {Reason::crashed, "the reader broke off"};
        std::this_thread::sleep_for(pause);
    }
    return ended_;
}

}  // namespace rushlight::sandbox
