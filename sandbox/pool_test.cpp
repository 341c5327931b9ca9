// What a person who runs jobs in the pool relies on: an answer or a reason, always, in bounded time; nothing
// that one job does reaches the next one, or us.
#include "base/content.h"
#include "sandbox/child/testprograms/asking.h"
#include "sandbox/process.h"

#include <atomic>
#include <csignal>
#include <cstring>
#include <thread>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/prctl.h>

namespace rushlight::sandbox {
namespace {

using hostile::ask;
using testing::HasSubstr;
using testing::StartsWith;
using namespace std::chrono_literals;

Pool make(Options options = hostile::options()) {
    auto pool = Pool::create(std::move(options));
    if (!pool) throw std::runtime_error(pool.error().message);
    return std::move(*pool);
}

Job begin(Pool& pool, Submitter submitter = "test") {
    auto job = pool.start(submitter);
    if (!job) throw std::runtime_error(job.error().message);
    return std::move(*job);
}

// Waits for what another thread or process is about to do.
template <class Condition>
bool eventually(Condition condition) {
    const auto end = std::chrono::steady_clock::now() + 60s;
    while (!condition()) {
        if (std::chrono::steady_clock::now() > end) return false;
        std::this_thread::yield();
    }
    return true;
}

std::size_t open_descriptors() {
    std::size_t count = 0;
    for ([[maybe_unused]] const auto& entry : std::filesystem::directory_iterator("/proc/self/fd")) ++count;
    return count;
}

bool alive(const std::string& pid) { return std::filesystem::exists("/proc/" + pid); }

// ---- an answer

TEST(Job, CarriesABodyAndDescriptorsBothWays) {
    auto pool = make();
    auto job = begin(pool);
    const ByteVector body(kMaxBody, std::byte{0xa5});
    std::vector<Content> contents;
    std::vector<int> fds;
    for (std::size_t i = 0; i < kMaxFds; ++i) {
        contents.push_back(Content::from_bytes(bytes_of(std::to_string(i))).value());
        fds.push_back(contents.back().fd());
    }
    ASSERT_TRUE(job.send(hostile::kEcho, body, fds));
    const auto answer = job.receive();
    ASSERT_TRUE(answer) << answer.error().message;
    EXPECT_EQ(answer->kind, hostile::kEcho);
    EXPECT_EQ(answer->body, body);
    ASSERT_EQ(answer->fds.size(), kMaxFds);
    for (std::size_t i = 0; i < kMaxFds; ++i) {
        char digit = 0;
        ASSERT_EQ(::pread(answer->fds[i].get(), &digit, 1, 0), 1);
        EXPECT_EQ(digit, static_cast<char>('0' + i));
        EXPECT_NE(::fcntl(answer->fds[i].get(), F_GETFD) & FD_CLOEXEC, 0);
    }
}

TEST(Job, AnEmptyBodyIsAMessageToo) {
    auto pool = make();
    auto job = begin(pool);
    ASSERT_TRUE(job.send(hostile::kEcho, {}));
    const auto answer = job.receive();
    ASSERT_TRUE(answer);
    EXPECT_TRUE(answer->body.empty());
}

TEST(Job, RefusesToSendMoreThanAMessageHolds) {
    auto pool = make();
    auto job = begin(pool);
    const ByteVector body(kMaxBody + 1);
    EXPECT_FALSE(job.send(hostile::kEcho, body));
    const std::vector<int> fds(kMaxFds + 1, 0);
    EXPECT_FALSE(job.send(hostile::kEcho, {}, fds));
    EXPECT_FALSE(job.send(0xffffff00, {}));
    EXPECT_EQ(ask(job, "clock"), "done");  // none of these reached the child
}

TEST(Job, HoldsAConversation) {
    auto pool = make();
    auto job = begin(pool);
    for (int i = 1; i <= 5; ++i) {
        ASSERT_TRUE(job.send(hostile::kNext, {}));
        const auto answer = job.receive();
        ASSERT_TRUE(answer);
        EXPECT_EQ(text_of(answer->body), std::to_string(i));
    }
}

TEST(Job, HasNothingToReceiveBeforeItAsked) {
    auto pool = make();
    auto job = begin(pool);
    EXPECT_FALSE(job.receive());
    EXPECT_EQ(ask(job, "clock"), "done");
}

// ---- or a reason

struct Ending {
    const char* what;
    const char* problem;
};
constexpr Ending kEndings[] = {
    {"segfault", "crashed: the reader crashed: bad memory access (SIGSEGV)"},
    {"abort", "crashed: the reader crashed: it gave up on its own check (SIGABRT)"},
    {"throw", "crashed: the reader crashed: an exception that nobody caught"},
    {"exit", "crashed: the reader ended with status 0"},
    {"exit 3", "crashed: the reader ended with status 3"},
    {"close socket and spin",
     "crashed: the reader broke off its connection, or the system killed it (most often: out of memory)"},
    {"oversized message", "crashed: the reader broke the protocol"},
    {"short message", "crashed: the reader broke the protocol"},
    {"100 descriptors", "crashed: the reader broke the protocol"},
    {"5 descriptors", "crashed: the reader broke the protocol"},
    {"reserved kind", "crashed: the reader broke the protocol"},
};

TEST(Job, SaysHowItsChildEndedAndTheNextOneWorks) {
    auto pool = make();
    const auto before = open_descriptors();
    for (const auto& ending : kEndings) {
        EXPECT_THAT(ask(pool, ending.what), StartsWith(ending.problem)) << ending.what;
        EXPECT_EQ(ask(pool, "clock"), "done") << "after " << ending.what;
    }
    EXPECT_EQ(pool.counts().crashed, std::size(kEndings));
    EXPECT_EQ(pool.counts().timed_out, 0u);
    // Nothing of the dead is kept, not even the hundred descriptors.
    EXPECT_TRUE(eventually([&] { return open_descriptors() <= before + 2; })) << open_descriptors();
}

TEST(Job, ARequestThatNoHandlerKnowsIsSaidSo) {
    auto pool = make();
    auto job = begin(pool);
    ASSERT_TRUE(job.send(4711, {}));
    const auto answer = job.receive();
    ASSERT_FALSE(answer);
    EXPECT_EQ(answer.error().message, "the reader does not know this kind of request");
}

TEST(Job, OnceFailedStaysFailed) {
    auto pool = make();
    auto job = begin(pool);
    const std::string first = ask(job, "segfault");
    EXPECT_EQ(ask(job, "clock"), first);
    EXPECT_FALSE(job.receive());
    job.done();
}

TEST(Job, SendingToADeadChildIsAProblemAndNoSignal) {
    auto pool = make();
    auto job = begin(pool);
    const std::string pid = ask(job, "pid");
    ASSERT_EQ(::kill(std::stoi(pid), SIGKILL), 0);
    EXPECT_THAT(ask(job, "clock"), StartsWith("crashed: "));
}

TEST(Job, TimesOutWhateverItsChildDoes) {
    auto options = hostile::options();
    options.limits.time = 50ms;
    auto pool = make(options);
    for (const auto* const what : {"spin", "ignore signals and spin", "sleep"}) {
        EXPECT_EQ(ask(pool, what), "timeout: reading it took longer than 50 ms") << what;
    }
    EXPECT_EQ(pool.counts().timed_out, 3u);
    EXPECT_EQ(pool.counts().crashed, 0u);
}

// The child does not read while it spins, so in the end a send has to wait, and may only wait so long.
TEST(Job, SendingToAChildThatDoesNotReadTimesOut) {
    auto options = hostile::options();
    options.limits.time = 100ms;
    auto pool = make(options);
    auto job = begin(pool);
    ASSERT_TRUE(job.send(hostile::kTry, bytes_of("spin")));
    const ByteVector body(kMaxBody);
    Outcome<void> sent;
    for (int i = 0; i < 1000 && sent; ++i) sent = job.send(hostile::kEcho, body);
    ASSERT_FALSE(sent);
    EXPECT_EQ(sent.error().reason, Reason::timeout);
}

// ---- nothing reaches the next job

TEST(Pool, AChildServesOneSubmitterOnly) {
    auto pool = make();
    const std::string a = ask(pool, "pid", {}, "a");
    const std::string b = ask(pool, "pid", {}, "b");
    EXPECT_NE(a, b);
    EXPECT_EQ(ask(pool, "pid", {}, "a"), a);
    EXPECT_EQ(ask(pool, "pid", {}, "b"), b);
    EXPECT_NE(ask(pool, "pid", {}, ""), a);  // also nobody's is not everybody's
}

TEST(Pool, AChildServesSoManyJobsOnly) {
    auto options = hostile::options();
    options.limits.jobs = 3;
    auto pool = make(options);
    std::vector<std::string> pids;
    for (int i = 0; i < 7; ++i) pids.push_back(ask(pool, "pid"));
    EXPECT_EQ(pids[0], pids[2]);
    EXPECT_NE(pids[2], pids[3]);
    EXPECT_EQ(pids[3], pids[5]);
    EXPECT_NE(pids[5], pids[6]);
    EXPECT_TRUE(eventually([&] { return !alive(pids[0]) && !alive(pids[3]); }));
}

TEST(Pool, AHalfDoneJobTakesItsChildWithIt) {
    auto pool = make();
    std::string pid;
    {
        auto job = begin(pool);
        pid = ask(job, "pid");
        ASSERT_TRUE(job.send(hostile::kTry, bytes_of("clock")));
    }
    EXPECT_NE(ask(pool, "pid"), pid);
    EXPECT_TRUE(eventually([&] { return !alive(pid); }));
}

// An answer that nobody asked for must not become the next job's.
TEST(Process, IsNotQuietAfterAnAnswerTooMany) {
    auto child = Process::spawn(hostile::options());
    ASSERT_TRUE(child);
    auto& process = **child;
    ASSERT_TRUE(process.await_locked());
    EXPECT_TRUE(process.quiet());
    ASSERT_TRUE(process.send(hostile::kTry, bytes_of("two answers"), {}, std::nullopt));
    ASSERT_TRUE(process.receive(std::nullopt));
    EXPECT_TRUE(eventually([&] { return !process.quiet(); }));
}

TEST(Pool, AnIdleChildThatWasKilledIsNotLent) {
    auto pool = make();
    const std::string pid = ask(pool, "pid");
    ASSERT_EQ(::kill(std::stoi(pid), SIGKILL), 0);
    ASSERT_TRUE(eventually([&] {  // until the kernel has closed its socket: a zombie, or gone
        std::ifstream status("/proc/" + pid + "/stat");
        std::string number, name, state;
        return !(status >> number >> name >> state) || state == "Z";
    }));
    const std::string next = ask(pool, "pid");
    EXPECT_NE(next, pid);
    EXPECT_GT(std::stoi(next), 0);
}

// ---- or us

TEST(Pool, GivesAChildNoDescriptorButTheSocket) {
    // As a careless library would leave it: open across exec.
    const Fd forgotten(::open("/dev/null", O_RDONLY));
    ASSERT_TRUE(forgotten);
    const Fd high(::fcntl(forgotten.get(), F_DUPFD, 500));
    auto pool = make();
    EXPECT_EQ(ask(pool, "descriptors"), "0 1 2 3 ");
}

TEST(Pool, LeavesNoDescriptorAndNoZombie) {
    const auto before = open_descriptors();
    {
        auto options = hostile::options();
        options.limits.time = 20ms;
        auto pool = make(options);
        for (int i = 0; i < 30; ++i) {
            ask(pool, "segfault");
            ask(pool, "exit");
            ask(pool, "close socket and spin");
        }
        ask(pool, "spin");
        ask(pool, "clock", {}, "other");
    }
    EXPECT_EQ(open_descriptors(), before);
    EXPECT_EQ(::waitid(P_ALL, 0, nullptr, WEXITED | WNOHANG), -1);
    EXPECT_EQ(errno, ECHILD);
}

// We are killed while a child spins, deaf to everything: it goes with us.
TEST(Pool, ChildrenEndWithUs) {
    ASSERT_EQ(::prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0), 0);  // the orphans come to us
    int ends[2];
    ASSERT_EQ(::pipe2(ends, O_CLOEXEC), 0);
    const Fd read_end(ends[0]);
    Fd write_end(ends[1]);
    const pid_t us = ::fork();
    ASSERT_GE(us, 0);
    if (us == 0) {
        auto pool = make();
        auto job = begin(pool);
        const std::string pid = ask(job, "pid");
        if (!job.send(hostile::kTry, bytes_of("ignore signals and spin"))) ::_exit(1);
        (void)!::write(write_end.get(), pid.data(), pid.size());
        for (;;) ::pause();
    }
    write_end.reset();
    char text[16] = {};
    ASSERT_GT(::read(read_end.get(), text, sizeof text - 1), 0);
    ASSERT_EQ(::kill(us, SIGKILL), 0);
    ASSERT_EQ(::waitpid(us, nullptr, 0), us);
    int status = 0;
    const pid_t orphan = std::stoi(text);
    EXPECT_TRUE(eventually([&] { return ::waitpid(orphan, &status, WNOHANG) == orphan; }));
    EXPECT_TRUE(WIFSIGNALED(status));
    while (::waitpid(-1, nullptr, 0) > 0) {  // the spare one
    }
    ::prctl(PR_SET_CHILD_SUBREAPER, 0, 0, 0, 0);
}

// ---- starting

TEST(Pool, SaysWhatIsWrongWithItsProgram) {
    const auto error = [](const char* program) {
        auto options = hostile::options();
        options.program = program;
        const auto pool = Pool::create(options);
        return pool ? Error{} : pool.error();
    };
    EXPECT_EQ(error("decode").code, ErrorCode::invalid);
    EXPECT_EQ(error("").code, ErrorCode::invalid);
    EXPECT_EQ(error("/nowhere/decode").message, "cannot start /nowhere/decode: No such file or directory");
    EXPECT_EQ(error("/bin/true").message, "the decode program did not start: the reader ended with status 0");
    EXPECT_THAT(error("/etc/passwd").message, HasSubstr("Permission denied"));
}

TEST(Pool, GoesOnWhenItsProgramComesBack) {
    const hostile::PublicFolder folder;
    auto options = hostile::options();
    options.program = folder.copy(hostile::program(), "decode");
    options.children = 1;
    auto pool = make(options);
    std::filesystem::remove(options.program);
    // The ones that were started already still serve; then there are no more.
    std::string answer;
    for (int i = 0; i < 100 && !answer.starts_with("no job"); ++i) answer = ask(pool, "exit");
    EXPECT_THAT(answer, StartsWith("no job: cannot start "));
    folder.copy(hostile::program(), "decode");
    EXPECT_EQ(ask(pool, "clock"), "done");
}

// ---- many at once

TEST(Pool, ServesManyThreads) {
    auto options = hostile::options();
    options.limits.jobs = 10;
    auto pool = make(options);
    std::atomic<int> right = 0;
    std::atomic<int> problems = 0;
    {
        std::vector<std::jthread> threads;
        for (int t = 0; t < 8; ++t) {
            threads.emplace_back([&, t] {
                const std::string me = "submitter " + std::to_string(t % 3);
                for (int i = 0; i < 40; ++i) {
                    const ByteVector photo(1000 + static_cast<std::size_t>(i), std::byte{1});
                    const auto content = Content::from_bytes(photo).value();
                    const int fd = content.fd();
                    auto job = begin(pool, me);
                    if (i % 10 == 9) {
                        problems += ask(job, "exit").starts_with("crashed") ? 1 : 0;
                        continue;
                    }
                    std::uint64_t sum = 0;
                    if (!job.send(hostile::kSum, {}, std::span(&fd, 1))) continue;
                    const auto answer = job.receive();
                    if (!answer || answer->body.size() != sizeof sum) continue;
                    job.done();
                    std::memcpy(&sum, answer->body.data(), sizeof sum);
                    right += sum == photo.size() ? 1 : 0;
                }
            });
        }
    }
    EXPECT_EQ(right, 8 * 36);
    EXPECT_EQ(problems, 8 * 4);
    EXPECT_EQ(pool.counts().jobs, 8u * 40);
    EXPECT_EQ(pool.counts().waiting, 0u);
}

TEST(Pool, JobsWaitTheirTurn) {
    auto options = hostile::options();
    options.children = 1;
    auto pool = make(options);
    auto first = begin(pool);
    ASSERT_TRUE(first.send(hostile::kTry, bytes_of("clock")));  // computes until we take its answer
    std::mutex mutex;
    std::vector<int> order;
    std::vector<std::jthread> threads;
    for (int t = 0; t < 5; ++t) {
        threads.emplace_back([&, t] {
            auto job = begin(pool);
            std::lock_guard lock(mutex);
            order.push_back(t);
        });
        ASSERT_TRUE(eventually([&] { return pool.counts().waiting == static_cast<std::uint64_t>(t) + 1; }));
    }
    EXPECT_TRUE(order.empty());
    ASSERT_TRUE(first.receive());
    threads.clear();
    EXPECT_EQ(order, (std::vector{0, 1, 2, 3, 4}));
}

// One thread reads an archive, and in it another, and decodes each member, all through one child's worth.
TEST(Pool, OneThreadMayNestJobs) {
    auto options = hostile::options();
    options.children = 1;
    auto pool = make(options);
    std::vector<Job> archives;
    for (int depth = 0; depth < 5; ++depth) {
        archives.push_back(begin(pool));
        ASSERT_TRUE(archives.back().send(hostile::kNext, {}));
        ASSERT_TRUE(archives.back().receive());
        EXPECT_EQ(ask(pool, "clock"), "done");
    }
    for (auto& archive : archives) {  // each still in the middle of its own
        ASSERT_TRUE(archive.send(hostile::kNext, {}));
        const auto answer = archive.receive();
        ASSERT_TRUE(answer);
        EXPECT_EQ(text_of(answer->body), "2");
    }
}

TEST(Pool, OneThreadMayNestAJobInOneThatComputes) {
    auto options = hostile::options();
    options.children = 1;
    auto pool = make(options);
    auto outer = begin(pool);
    EXPECT_EQ(ask(pool, "clock"), "done");  // outer has not even asked
    ASSERT_TRUE(outer.send(hostile::kTry, bytes_of("clock")));
    EXPECT_EQ(ask(pool, "clock"), "done");
    ASSERT_TRUE(outer.receive());
}

// Readers in some threads hand members to decoders in others.
TEST(Pool, HeldJobsDoNotStarveOtherThreads) {
    auto options = hostile::options();
    options.children = 2;
    auto pool = make(options);
    std::vector<Job> archives;
    for (int i = 0; i < 4; ++i) {
        archives.push_back(begin(pool));
        ASSERT_TRUE(archives.back().send(hostile::kNext, {}));
        ASSERT_TRUE(archives.back().receive());
    }
    std::atomic<int> done = 0;
    {
        std::vector<std::jthread> threads;
        for (int t = 0; t < 4; ++t) {
            threads.emplace_back([&] {
                for (int i = 0; i < 10; ++i) done += ask(pool, "clock") == "done" ? 1 : 0;
            });
        }
    }
    EXPECT_EQ(done, 40);
}

TEST(Pool, MayBeMovedWhileItWorks) {
    auto pool = make();
    EXPECT_EQ(ask(pool, "clock"), "done");
    Pool other = std::move(pool);
    EXPECT_EQ(ask(other, "clock"), "done");
    other = make();
    EXPECT_EQ(ask(other, "clock"), "done");
}

// ---- the kernel

TEST(Kernel, DescribesItselfInOneLine) {
    EXPECT_EQ(Kernel{}.describe(), "no seccomp, no landlock, no user namespaces");
    EXPECT_EQ((Kernel{true, 4, true}).describe(), "seccomp, landlock ABI 4, user namespaces");
}

TEST(AsNobody, TheSameHolds) { EXPECT_TRUE(hostile::passes_as_nobody("Job.*:Pool.*")); }

}  // namespace
}  // namespace rushlight::sandbox
