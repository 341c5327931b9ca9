#include "app/testing/program.h"

#include <algorithm>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <stdexcept>
#include <thread>

#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

namespace rushlight::app::testing {
namespace fs = std::filesystem;

Folder::Folder() {
    std::string pattern = (fs::temp_directory_path() / "rushlight-test-XXXXXX").string();
    if (::mkdtemp(pattern.data()) == nullptr) throw std::runtime_error("cannot make a test folder");
    path_ = pattern;
}

Folder::~Folder() {
    std::error_code ignored;
    fs::remove_all(path_, ignored);
}

std::string Folder::write(const std::string& name, std::string_view content) const {
    const std::string file = path(name);
    fs::create_directories(fs::path(file).parent_path());
    std::ofstream(file, std::ios::binary) << content;
    return file;
}

std::vector<json> Ran::lines() const {
    std::vector<json> lines;
    std::istringstream in(out);
    for (std::string line; std::getline(in, line);) lines.push_back(json::parse(line));
    return lines;
}

Running::Running(const Call& call) {
    files_.write("in", call.input);
    files_.write("out", "");
    std::vector<std::string> words{std::string(RUSHLIGHT_BINARY_DIR) + "/rushlight"};
    words.insert(words.end(), call.arguments.begin(), call.arguments.end());
    std::map<std::string, std::string> environment{
        {"PATH", "/usr/bin:/bin"}, {"HOME", files_.path()}, {"RUSHLIGHT_DATA", files_.path("var")}};
    for (const auto& [name, value] : call.environment) environment[name] = value;
    std::vector<std::string> variables;
    for (const auto& [name, value] : environment) variables.push_back(name + '=' + value);
    std::vector<char*> argv;
    std::vector<char*> envp;
    for (std::string& word : words) argv.push_back(word.data());
    for (std::string& variable : variables) envp.push_back(variable.data());
    argv.push_back(nullptr);
    envp.push_back(nullptr);
    const std::string in = call.input_from.empty() ? files_.path("in") : call.input_from;
    const std::string out = call.output_to.empty() ? files_.path("out") : call.output_to;
    const std::string err = files_.path("err");

    pid_ = ::fork();
    if (pid_ < 0) throw std::runtime_error("cannot fork");
    if (pid_ == 0) {
        ::dup2(::open(in.c_str(), O_RDONLY), STDIN_FILENO);
        ::dup2(::open(out.c_str(), O_WRONLY), STDOUT_FILENO);
        ::dup2(::open(err.c_str(), O_WRONLY | O_CREAT, 0600), STDERR_FILENO);
        if (!call.folder.empty() && ::chdir(call.folder.c_str()) != 0) ::_exit(126);
        ::execve(argv[0], argv.data(), envp.data());
        ::_exit(127);
    }
}

Running::~Running() {
    if (pid_ < 0) return;
    ::kill(pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
}

void Running::signal(int number) const { ::kill(pid_, number); }

bool Running::wait_for_lines(std::size_t count) const {
    for (;;) {
        siginfo_t info{};
        const bool ended =
            ::waitid(P_PID, static_cast<id_t>(pid_), &info, WEXITED | WNOHANG | WNOWAIT) == 0 &&
            info.si_pid != 0;
        const std::string text = read_file(files_.path("out"));
        if (static_cast<std::size_t>(std::ranges::count(text, '\n')) >= count) return true;
        if (ended) return false;
        std::this_thread::yield();
    }
}

std::string Running::output() const { return read_file(files_.path("out")); }

Ran Running::wait() {
    int status = 0;
    ::waitpid(pid_, &status, 0);
    pid_ = -1;
    return {.status = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status),
            .out = read_file(files_.path("out")),
            .err = read_file(files_.path("err"))};
}

Ran run(const Call& call) { return Running(call).wait(); }

std::string read_file(const std::string& path) {
    std::ifstream in(path, std::ios::binary);
    std::ostringstream content;
    content << in.rdbuf();
    return content.str();
}

std::string source_file(const std::string& name) { return std::string(RUSHLIGHT_SOURCE_DIR) + '/' + name; }

std::string scene(const std::string& name) { return read_file(source_file("practice/set/photos/" + name)); }
std::string practice_list() { return read_file(source_file("practice/list.jsonl")); }

}  // namespace rushlight::app::testing
