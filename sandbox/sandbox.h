// sandbox: runs risky jobs in pooled child processes that can do nothing but compute.
//
// A child is the program `Options::program`, exec'd, locked down by `sandbox/child` before it sees its first
// message. Parent and child exchange messages over a socket pair: a kind, a small body, a few descriptors.
// What a kind means is the business of the rooms that send it (media/protocol.h, archive/protocol.h).
//
// A child serves one submitter and at most `Limits::jobs` jobs, then is replaced. A child that dies, overruns
// its time or breaks the protocol is killed and replaced; the job gets a Problem, the parent goes on.
//
// What this does not protect against: a processor's side channels; a bug in the kernel calls that are
// allowed; a child lying about the one submitter's own file.
//
// Thread-safety: Pool is thread-safe. A Job belongs to one thread at a time.
#pragma once

#include "base/bytes.h"
#include "base/fd.h"
#include "base/reason.h"
#include "base/result.h"

#include <chrono>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace rushlight::sandbox {

inline constexpr std::size_t kMaxBody = 64 * 1024;
inline constexpr std::size_t kMaxFds = 4;

struct Message {
    std::uint32_t kind = 0;
    ByteVector body;
    std::vector<Fd> fds;
};

template <class T>
using Outcome = tl::expected<T, Problem>;  // what a job on one item gives

// What this kernel offers. Where it offers neither seccomp nor landlock, Pool::create refuses.
struct Kernel {
    bool seccomp = false;
    int landlock_abi = 0;  // 0: none
    bool user_namespaces = false;

    std::string describe() const;  // one line for people and for `rushlight doctor`
};
Kernel probe_kernel();

struct Limits {
    std::uint64_t memory = std::uint64_t{2} << 30;  // address space of a child, bytes
    std::chrono::milliseconds time{10'000};         // from one request to its last reply
    std::uint64_t output = std::uint64_t{1} << 30;  // most bytes a child may write into one descriptor
    std::uint32_t jobs = 32;                        // jobs a child serves before it is replaced
    std::chrono::seconds processor{3600};           // processor time in a child's life: the last stop
};

struct Options {
    std::string program;  // absolute path of the decode executable
    Limits limits;
    unsigned children = 2;        // most children that compute at once; further jobs wait (see Pool::start)
    bool allow_weak = false;      // go on where the kernel offers neither seccomp nor landlock
    Kernel use = probe_kernel();  // layers to apply; tests switch single ones off
};

// Whose file a job reads. Two submitters never share a child.
using Submitter = std::string_view;

class Job;

class Pool {
  public:
    // Fails with `unavailable` where the kernel is too weak (see Options::allow_weak) or the program does not
    // start.
    static Result<Pool> create(Options options);
    Pool(Pool&&) noexcept;
    Pool& operator=(Pool&&) noexcept;
    ~Pool();  // waits for running jobs, ends the children

    // Lends a child to the caller until the Job is destroyed. Waits, first come first served, while as many
    // as Options::children compute, that is: lie between start or send and the answer that receive returns. A
    // job that is only held (an archive between two members) does not count, and a thread that has a job
    // computing is never made to wait, so jobs may be nested. Do not wait for another thread between send and
    // receive. Problem `crashed`: no child could be started.
    Outcome<Job> start(Submitter submitter);

    const Options& options() const;
    struct Counts {
        std::uint64_t jobs = 0, started = 0, crashed = 0, timed_out = 0;  // since the pool was made
        std::uint64_t waiting = 0;                                        // now, in start
    };
    Counts counts() const;

  private:
    friend class Job;
    struct State;
    explicit Pool(std::shared_ptr<State> state);
    std::shared_ptr<State> state_;
};

class Job {
  public:
    Job(Job&&) noexcept;
    Job& operator=(Job&&) noexcept;
    ~Job();  // gives the child back; kills it where the job was left half done (a request without its last
             // reply)

    // The clock of Limits::time starts with each send. Descriptors are borrowed.
    Outcome<void> send(std::uint32_t kind, Bytes body, std::span<const int> fds = {});
    // The next message. Problem: `timeout`; `crashed` with the signal or exit status in words, `denied` where
    // the kernel ended it for a forbidden call, `too_large` where it ran out of memory.
    Outcome<Message> receive();
    // Call after the last reply of a request: the child is clean and may be lent again.
    void done();

  private:
    friend class Pool;
    struct State;
    explicit Job(std::unique_ptr<State> state);
    std::unique_ptr<State> state_;
};

}  // namespace rushlight::sandbox
