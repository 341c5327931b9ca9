// What a child that was taken over can do: nothing, with every layer of the lock-down and with each of them
// missing. The exact refusal is asserted, since another one would come from somewhere else.
#include "base/content.h"
#include "sandbox/child/testprograms/asking.h"
#include "sandbox/sanitizer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/syscall.h>

namespace rushlight::sandbox::child {
namespace {

using hostile::ask;
using testing::HasSubstr;
using testing::StartsWith;

struct Attempt {
    const char* what;
    const char* answer;
};

// Whether a child of ours has nothing around it that could be opened: it then gets ENOENT before EACCES.
bool has_empty_root(const Kernel& use) { return use.user_namespaces || ::geteuid() == 0; }

Kernel with(bool seccomp, bool landlock, bool user_namespaces) {
    Kernel kernel = probe_kernel();
    kernel.seccomp = kernel.seccomp && seccomp;
    if (!landlock) kernel.landlock_abi = 0;
    kernel.user_namespaces = kernel.user_namespaces && user_namespaces;
    return kernel;
}

Result<Pool> pool_with(const Kernel& use) {
    auto options = hostile::options();
    options.use = use;
    options.allow_weak = true;
    options.children = 1;
    return Pool::create(options);
}

// A descriptor as a job gets it: a regular file opened for reading. This one is a program, too.
Content input() {
    auto content = Content::open("/proc/self/exe");
    if (!content) throw std::runtime_error(content.error().message);
    return std::move(*content);
}

void expect_all(Pool& pool, std::span<const Attempt> attempts) {
    const Content content = input();
    const int fd = content.fd();
    for (const auto& attempt : attempts) {
        EXPECT_EQ(ask(pool, attempt.what, std::span(&fd, 1)), attempt.answer) << attempt.what;
    }
}

// ---- with seccomp, whatever else there is

constexpr Attempt kBehindSeccomp[] = {
    {"open folder", "EPERM"},
    {"open to read", "EPERM"},
    {"open to write", "EPERM"},
    {"open own memory", "EPERM"},
    {"reopen a descriptor", "EPERM"},
    {"stat", "EPERM"},
    {"list", "EPERM"},
    {"unlink", "EPERM"},
    {"mkdir", "EPERM"},
    {"chdir", "EPERM"},
    {"chroot", "EPERM"},
    {"mount", "EPERM"},
    {"new memory file", "EPERM"},
    {"terminal", "EPERM"},
    {"set flags", "ENOSYS"},  // they are its owner's too
    {"seal", "ENOSYS"},
    {"lock file", "ENOSYS"},
    {"working folder", "EPERM"},
    {"socket", "EPERM"},
    {"unix socket", "EPERM"},
    {"netlink", "EPERM"},
    {"connect", "socket: EPERM"},
    {"connect udp", "socket: EPERM"},
    {"send elsewhere", "EPERM"},
    {"fork", "EPERM"},
    {"library fork", "EPERM"},
#ifdef SYS_vfork
    {"vfork", "EPERM"},
#endif
    {"clone into a user namespace", "EPERM"},
    {"clone3", "ENOSYS"},
    {"exec", "EPERM"},
    {"exec by path", "EPERM"},
    {"ptrace", "EPERM"},
    {"read parent's memory", "EPERM"},
    {"kill parent", "EPERM"},
    {"signal parent's thread", "EPERM"},
    {"pidfd", "EPERM"},
    {"setuid", "EPERM"},
    {"capset", "EPERM"},
    {"unshare", "EPERM"},
    {"dumpable", "EPERM"},
    {"outlive parent", "EPERM"},
    {"raise limits", "EPERM"},
    {"mmap executable", "EPERM"},
    {"mprotect executable", "EPERM"},
    {"io_uring_setup", "EPERM"},
    {"bpf", "EPERM"},
    {"perf_event_open", "EPERM"},
    {"keyctl", "EPERM"},
    {"userfaultfd", "EPERM"},
    {"add landlock", "EPERM"},
    {"unknown call", "ENOSYS"},
    {"write to input", "EBADF"},
    {"map input to write", "EACCES"},
};

// What a decoder needs goes on working.
constexpr Attempt kNeeded[] = {
    {"clock", "done"},      {"thread", "done"}, {"random", "done"},
    {"processors", "done"}, {"fstat", "done"},  {"environment", "none"},
};

struct Layers {
    const char* name;
    bool seccomp, landlock, user_namespaces;
};
void PrintTo(const Layers& layers, std::ostream* out) { *out << layers.name; }

class BehindSeccomp : public testing::TestWithParam<Layers> {};

TEST_P(BehindSeccomp, EverythingIsRefused) {
    if (!probe_kernel().seccomp) GTEST_SKIP() << "this kernel has no seccomp";
    const Kernel use = with(true, GetParam().landlock, GetParam().user_namespaces);
    auto pool = pool_with(use);
    ASSERT_TRUE(pool) << pool.error().message;
    expect_all(*pool, kBehindSeccomp);
    expect_all(*pool, kNeeded);
    // The one hole that a filter cannot close, since it does not see the path: the empty root folder does.
    EXPECT_EQ(ask(*pool, "stat around the filter"), has_empty_root(use) ? "ENOENT" : "done");
    EXPECT_EQ(pool->counts().crashed, 0u);  // refusals are answers, not deaths
}

INSTANTIATE_TEST_SUITE_P(Layers, BehindSeccomp,
                         testing::Values(Layers{"All", true, true, true},
                                         Layers{"NoUserNamespace", true, true, false},
                                         Layers{"NoLandlock", true, false, true},
                                         Layers{"SeccompAlone", true, false, false}),
                         [](const auto& layers) { return std::string(layers.param.name); });

TEST(BehindSeccompToo, ACallOfAnotherArchitectureEndsTheChild) {
#if defined(__x86_64__)
    if (!probe_kernel().seccomp) GTEST_SKIP() << "this kernel has no seccomp";
    auto pool = pool_with(probe_kernel());
    ASSERT_TRUE(pool) << pool.error().message;
    EXPECT_EQ(ask(*pool, "foreign call"), "denied: the reader tried a system call that is forbidden to it");
    EXPECT_EQ(ask(*pool, "clock"), "done");
#endif
}

// ---- without seccomp

TEST(WithoutSeccomp, LandlockClosesFilesAndLimitsCloseProcesses) {
    if (probe_kernel().landlock_abi == 0) GTEST_SKIP() << "this kernel has no landlock";
    for (int abi = 1; abi <= probe_kernel().landlock_abi; ++abi) {
        Kernel use = with(false, true, false);
        use.landlock_abi = abi;
        SCOPED_TRACE(use.describe());
        auto pool = pool_with(use);
        ASSERT_TRUE(pool) << pool.error().message;

        const bool empty = has_empty_root(use);
        const char* const no_file = empty ? "ENOENT" : "EACCES";
        const bool other_user = ::geteuid() == 0;  // the child became nobody, and we are not
        const Attempt attempts[] = {
            {"open folder", "EACCES"},
            {"open to read", no_file},
            {"open to write", no_file},
            {"open own memory", no_file},
            {"reopen a descriptor", no_file},
            {"working folder", "EACCES"},
            {"exec", "EACCES"},
            {"chroot", "EPERM"},
            {"mount", "EPERM"},
            {"setuid", "EPERM"},
            {"capset", "EPERM"},
            {"raise limits", "EPERM"},
            {"ptrace", "EPERM"},
            {"read parent's memory", "EPERM"},
            {"connect", abi >= 4 ? "EACCES" : "ECONNREFUSED"},
            {"write to input", "EBADF"},
            // Landlock says nothing about these: why seccomp is there.
            {"connect udp", "done"},
            {"mmap executable", "done"},
            {"new memory file", "done"},
        };
        expect_all(*pool, attempts);
        if (!kThreadSanitizer) {
            EXPECT_EQ(ask(*pool, "fork"), "EAGAIN");
            EXPECT_EQ(ask(*pool, "library fork"), "EAGAIN");
        }
        if (abi >= 6 || other_user) {
            EXPECT_EQ(ask(*pool, "kill parent"), "EPERM");
        }
    }
}

TEST(WithoutSeccomp, TheUserNamespaceBringsAnEmptyNetwork) {
    const Kernel use = with(false, true, true);
    if (use.landlock_abi == 0) GTEST_SKIP() << "this kernel has no landlock";
    if (!use.user_namespaces) GTEST_SKIP() << "no user namespaces here";
    auto pool = pool_with(use);
    ASSERT_TRUE(pool) << pool.error().message;
    constexpr Attempt kAttempts[] = {
        {"connect udp", "ENETUNREACH"},
        {"open folder", "EACCES"},
        {"open to read", "ENOENT"},
        {"mount", "EPERM"},
        {"fork", "EAGAIN"},
        {"setuid", "EINVAL"},  // nobody has a number in there
    };
    expect_all(*pool, kAttempts);
}

// The tests above mean something: without any layer the same attempts get through.
TEST(WithoutAnyLayer, AttemptsSucceed) {
    auto pool = pool_with(with(false, false, false));
    ASSERT_TRUE(pool) << pool.error().message;
    constexpr Attempt kAttempts[] = {
        {"open folder", "done"},         {"socket", "done"},          {"unix socket", "done"},
        {"connect udp", "done"},         {"new memory file", "done"}, {"mmap executable", "done"},
        {"mprotect executable", "done"},
    };
    expect_all(*pool, kAttempts);
}

TEST(WithoutAnyLayer, AnotherUserAndNoCapabilitiesAllTheSame) {
    if (::geteuid() != 0) return;  // nothing to give up
    auto pool = pool_with(with(false, false, false));
    ASSERT_TRUE(pool) << pool.error().message;
    EXPECT_EQ(ask(*pool, "user"), "65534");
    constexpr Attempt kAttempts[] = {
        {"setuid", "EPERM"},      {"capset", "EPERM"}, {"mount", "EPERM"},
        {"kill parent", "EPERM"}, {"ptrace", "EPERM"},
    };
    expect_all(*pool, kAttempts);
}

TEST(WithoutAnyLayer, IsRefusedUnlessAskedFor) {
    auto options = hostile::options();
    options.use = Kernel{};
    const auto pool = Pool::create(options);
    ASSERT_FALSE(pool);
    EXPECT_EQ(pool.error().code, ErrorCode::unavailable);
    EXPECT_THAT(pool.error().message, HasSubstr("neither seccomp nor landlock"));
    EXPECT_THAT(pool.error().message, HasSubstr("--allow-weak-sandbox"));
}

// ---- the parent believes nothing

TEST(Parent, TakesNoChildThatLockedLessThanAskedFor) {
    auto options = hostile::options();
    options.use = Kernel{true, 3, true};
    options.program = RUSHLIGHT_BINARY_DIR "/sandbox_liar";  // answers that it applied nothing at all
    const auto pool = Pool::create(options);
    ASSERT_FALSE(pool);
    EXPECT_EQ(pool.error().code, ErrorCode::unavailable);
    EXPECT_EQ(pool.error().message,
              "the decode program locked itself down differently: asked for seccomp, landlock ABI 3, user "
              "namespaces, got no seccomp, no landlock, no user namespaces");
}

TEST(Parent, HearsWhichStepOfTheLockDownFailed) {
    auto options = hostile::options();
    options.use.landlock_abi = 99;
    const auto pool = Pool::create(options);
    ASSERT_FALSE(pool);
    EXPECT_EQ(pool.error().message,
              "the decode program could not lock itself down: landlock: Operation not supported");
}

// ---- limits, which do not depend on layers

TEST(Limits, WritingStopsAtTheOutputLimit) {
    auto options = hostile::options();
    options.limits.output = 1 << 20;
    auto pool = Pool::create(options);
    ASSERT_TRUE(pool) << pool.error().message;
    const auto file = make_memory_file("output");
    ASSERT_TRUE(file);
    const int fd = file->get();
    EXPECT_EQ(ask(*pool, "write for ever", std::span(&fd, 1)), "EFBIG after 1048576");
    EXPECT_EQ(ask(*pool, "lengthen", std::span(&fd, 1)), "EFBIG");
}

TEST(Limits, ASealedInputCannotBeWritten) {
    auto pool = Pool::create(hostile::options());
    ASSERT_TRUE(pool) << pool.error().message;
    const auto content = Content::from_bytes(bytes_of("evidence"));
    ASSERT_TRUE(content);
    const int fd = content->fd();
    EXPECT_EQ(ask(*pool, "write to input", std::span(&fd, 1)), "EPERM");
    EXPECT_EQ(ask(*pool, "map input to write", std::span(&fd, 1)), "EPERM");
}

TEST(Limits, AnOutputThatIsStillMappedIsNotTaken) {
    auto pool = Pool::create(hostile::options());
    ASSERT_TRUE(pool) << pool.error().message;
    auto job = pool->start("test");
    ASSERT_TRUE(job);
    auto file = make_memory_file("output");
    ASSERT_TRUE(file);
    ASSERT_TRUE(write_all(file->get(), bytes_of("before"), "a memory file"));
    const int fd = file->get();
    ASSERT_EQ(ask(*job, "keep mapped", std::span(&fd, 1)), "done");
    const auto taken = Content::from_memory_file(std::move(*file));
    ASSERT_FALSE(taken);  // it could still change under the parent's eyes
    EXPECT_EQ(taken.error().code, ErrorCode::denied);
}

TEST(Limits, DescriptorsEnd) {
    auto pool = Pool::create(hostile::options());
    ASSERT_TRUE(pool) << pool.error().message;
    const Content content = input();
    const int fd = content.fd();
    EXPECT_EQ(ask(*pool, "open many", std::span(&fd, 1)), "EMFILE");
}

TEST(Limits, MemoryEnds) {
    auto options = hostile::options();
    options.limits.memory = std::uint64_t{512} << 20;
    auto pool = Pool::create(options);
    ASSERT_TRUE(pool) << pool.error().message;
    if (kShadowMemory) {
        // The sanitizer ends the process where an allocation is absurd; the limit itself cannot be set.
        EXPECT_THAT(ask(*pool, "one huge vector"), StartsWith("crashed: "));
    } else {
        const char* const words = "too_large: reading it takes more memory than allowed";
        EXPECT_EQ(ask(*pool, "allocate for ever"), words);
        EXPECT_EQ(ask(*pool, "one huge vector"), words);
        EXPECT_EQ(ask(*pool, "impossible vector"), words);
    }
    EXPECT_EQ(ask(*pool, "clock"), "done");
}

TEST(Limits, ProcessorTimeEnds) {
    auto options = hostile::options();
    options.limits.time = std::chrono::minutes(5);
    options.limits.processor = std::chrono::seconds(1);
    auto pool = Pool::create(options);
    ASSERT_TRUE(pool) << pool.error().message;
    EXPECT_EQ(ask(*pool, "spin"), "timeout: the reader used up its processor time");
    EXPECT_THAT(ask(*pool, "ignore signals and spin"), StartsWith("crashed: "));  // SIGKILL, a second later
}

TEST(AsNobody, TheSameHolds) {
    EXPECT_TRUE(hostile::passes_as_nobody("*:-AsNobody.*:Limits.ProcessorTimeEnds:Parent.*"));
}

}  // namespace
}  // namespace rushlight::sandbox::child
