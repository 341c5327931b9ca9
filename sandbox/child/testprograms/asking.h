// What the tests of both sandbox rooms share: pools of hostile children, and questions to them.
#pragma once

#include "sandbox/child/testprograms/hostile.h"
#include "sandbox/sandbox.h"

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <string_view>
#include <vector>

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

namespace rushlight::sandbox::hostile {

inline std::string program() {
    const char* const other = std::getenv("RUSHLIGHT_HOSTILE");  // where `nobody` can reach it
    return other != nullptr ? other : RUSHLIGHT_BINARY_DIR "/sandbox_hostile";
}

inline Options options() {
    Options options;
    options.program = program();
    return options;
}

// The answer, or "REASON: message".
inline std::string ask(Job& job, std::string_view what, std::span<const int> fds = {}) {
    const auto in_words = [](const Problem& p) {
        return std::string(to_string(p.reason)) + ": " + p.message;
    };
    if (auto sent = job.send(kTry, bytes_of(what), fds); !sent) return in_words(sent.error());
    auto answer = job.receive();
    if (!answer) return in_words(answer.error());
    job.done();
    return std::string(text_of(answer->body));
}

inline std::string ask(Pool& pool, std::string_view what, std::span<const int> fds = {},
                       Submitter submitter = "test") {
    auto job = pool.start(submitter);
    if (!job) return "no job: " + job.error().message;
    return ask(*job, what, fds);
}

// A folder that everybody may enter, gone at the end.
class PublicFolder {
  public:
    PublicFolder() {
        std::string name = "/tmp/rushlight-XXXXXX";  // TMPDIR may be its owner's alone
        if (::mkdtemp(name.data()) != nullptr) path_ = name;
        ::chmod(path_.c_str(), 0755);
    }
    ~PublicFolder() {
        std::error_code ignored;
        std::filesystem::remove_all(path_, ignored);
    }
    PublicFolder(const PublicFolder&) = delete;
    PublicFolder& operator=(const PublicFolder&) = delete;

    // A copy of the program in here.
    std::string copy(const std::string& from, const std::string& name) const {
        const auto to = path_ / name;
        std::filesystem::copy_file(from, to, std::filesystem::copy_options::overwrite_existing);
        std::filesystem::permissions(to, std::filesystem::perms(0755));
        return to.string();
    }

  private:
    std::filesystem::path path_;
};

// Root's tests once more as `nobody`: those of `filter`, in a process of their own. True where they pass, and
// where we are not root to begin with.
inline bool passes_as_nobody(const std::string& filter) {
    if (::geteuid() != 0) return true;
    const PublicFolder folder;
    const auto tests = folder.copy("/proc/self/exe", "tests");
    const auto child = folder.copy(program(), "hostile");
    const pid_t pid = ::fork();
    if (pid == 0) {
        if (::setgid(65534) != 0 || ::setuid(65534) != 0) ::_exit(99);
        ::setenv("RUSHLIGHT_HOSTILE", child.c_str(), 1);
        ::unsetenv("GTEST_OUTPUT");
        const std::string chosen = "--gtest_filter=" + filter;
        ::execl(tests.c_str(), tests.c_str(), chosen.c_str(), "--gtest_brief=1", nullptr);
        ::_exit(98);
    }
    int status = -1;
    return pid > 0 && ::waitpid(pid, &status, 0) == pid && WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

}  // namespace rushlight::sandbox::hostile
