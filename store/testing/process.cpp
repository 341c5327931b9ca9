#include "store/testing/process.h"

#include <array>
#include <cerrno>
#include <csignal>
#include <stdexcept>

#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

namespace rushlight::store::testing {

HelperProcess::HelperProcess(const std::vector<std::string>& words, const std::string& helper) {
    std::array<int, 2> in{};
    std::array<int, 2> out{};
    if (::pipe2(in.data(), O_CLOEXEC) != 0 || ::pipe2(out.data(), O_CLOEXEC) != 0)
        throw std::runtime_error("no pipe");
    in_ = Fd(in[1]);
    out_ = Fd(out[0]);
    const Fd theirs_in(in[0]);
    const Fd theirs_out(out[1]);

    const std::string program = std::string(RUSHLIGHT_BINARY_DIR) + "/" + helper;
    std::vector<char*> arguments{const_cast<char*>(program.c_str())};
    for (const std::string& word : words) arguments.push_back(const_cast<char*>(word.c_str()));
    arguments.push_back(nullptr);
    posix_spawn_file_actions_t actions;
    ::posix_spawn_file_actions_init(&actions);
    ::posix_spawn_file_actions_adddup2(&actions, theirs_in.get(), 0);
    ::posix_spawn_file_actions_adddup2(&actions, theirs_out.get(), 1);
    const int error = ::posix_spawn(&pid_, program.c_str(), &actions, nullptr, arguments.data(), environ);
    ::posix_spawn_file_actions_destroy(&actions);
    if (error != 0) throw std::runtime_error("cannot start " + program);
}

HelperProcess::~HelperProcess() {
    if (pid_ > 0) {
        kill();
        wait();
    }
}

std::string HelperProcess::line() {
    for (;;) {
        const std::size_t end = buffer_.find('\n');
        if (end != std::string::npos) {
            std::string found = buffer_.substr(0, end);
            buffer_.erase(0, end + 1);
            return found;
        }
        std::array<char, 4096> more{};
        const ssize_t n = ::read(out_.get(), more.data(), more.size());
        if (n < 0 && errno == EINTR) continue;
        if (n <= 0) return {};  // half a line was never said
        buffer_.append(more.data(), static_cast<std::size_t>(n));
    }
}

std::vector<std::string> HelperProcess::rest() {
    std::vector<std::string> lines;
    for (std::string next = line(); !next.empty(); next = line()) lines.push_back(std::move(next));
    return lines;
}

void HelperProcess::kill() { ::kill(pid_, SIGKILL); }

int HelperProcess::wait() {
    int status = 0;
    while (::waitpid(pid_, &status, 0) < 0 && errno == EINTR) {
    }
    pid_ = -1;
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

}  // namespace rushlight::store::testing
