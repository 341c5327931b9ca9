// Process: one child, from its start to its reaping. Belongs to one thread at a time.
#pragma once

#include "sandbox/wire.h"

#include <chrono>
#include <memory>
#include <string>

#include <sys/types.h>

namespace rushlight::sandbox {

class Process {
  public:
    // Executes the program and sends it the lock-down; does not wait for its answer. The child dies with the
    // thread that calls this.
    static Result<std::unique_ptr<Process>> spawn(const Options& options);
    // Waits until the child says that it is locked down as it was told to.
    Status await_locked();
    ~Process();  // kills; reaps if that is quick (see reaped)

    Process(const Process&) = delete;
    Process& operator=(const Process&) = delete;

    wire::Wired<void> send(std::uint32_t kind, Bytes body, std::span<const int> fds, wire::Deadline deadline);
    wire::Wired<Message> receive(wire::Deadline deadline);
    // False where it died, or said something that nobody asked for.
    bool quiet() const { return !wire::readable(socket_.get()); }

    // Closes the connection and kills; does not wait.
    void kill();
    // True once it is gone for good. A killed process that hangs in the kernel (a file on a dead network
    // disk) is not, for as long as that lasts: nobody may wait for it.
    bool reaped();
    // Kills and says how it ended, after waiting for that a second at most.
    Problem end();

    pid_t pid() const { return pid_; }
    std::uint32_t jobs = 0;  // served so far
    std::string submitter;   // of the jobs it served; meaningless while `jobs` is 0

  private:
    Process(pid_t pid, Fd socket, const Kernel& use) : pid_(pid), socket_(std::move(socket)), use_(use) {}

    pid_t pid_ = -1;  // -1: reaped
    Fd socket_;
    Kernel use_;
    bool locked_ = false;
    Problem ended_;
    ByteVector buffer_;
};

}  // namespace rushlight::sandbox
