#include "cli/until_interrupted.h"

#include <array>
#include <condition_variable>
#include <csignal>
#include <mutex>

#include <poll.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <unistd.h>

namespace rushlight::cli {
namespace {

sigset_t stop_signals() {
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGTERM);
    return set;
}

}  // namespace

UntilInterrupted::UntilInterrupted() {
    const sigset_t set = stop_signals();
    signals_ = Fd(::signalfd(-1, &set, SFD_CLOEXEC));
    leave_ = Fd(::eventfd(0, EFD_CLOEXEC));
    if (!signals_ || !leave_) return;  // then a signal simply ends the program
    ::pthread_sigmask(SIG_BLOCK, &set, nullptr);
    waiter_ = std::thread([this] { wait(); });
}

UntilInterrupted::~UntilInterrupted() {
    if (!waiter_.joinable()) return;
    ::eventfd_write(leave_.get(), 1);
    waiter_.join();
    const sigset_t set = stop_signals();
    ::pthread_sigmask(SIG_UNBLOCK, &set, nullptr);
}

void UntilInterrupted::wait_for_it() const {
    std::mutex mutex;
    std::condition_variable_any stopped;
    std::unique_lock lock(mutex);
    stopped.wait(lock, token(), [] { return false; });
}

void UntilInterrupted::wait() {
    for (;;) {
        std::array<pollfd, 2> ready = {pollfd{leave_.get(), POLLIN, 0}, pollfd{signals_.get(), POLLIN, 0}};
        if (::poll(ready.data(), ready.size(), -1) < 0) continue;
        if (ready[0].revents != 0) return;
        signalfd_siginfo info{};
        if (::read(signals_.get(), &info, sizeof info) != sizeof info) continue;
        if (source_.stop_requested()) ::_exit(128 + static_cast<int>(info.ssi_signo));
        source_.request_stop();
    }
}

}  // namespace rushlight::cli
