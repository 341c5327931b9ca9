// The programs that docs/API.md shows to adopters are taken from that page, and run.

#include "app/testing/served.h"

#include <algorithm>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <optional>
#include <sstream>
#include <stdexcept>
#include <thread>

#include <arpa/inet.h>
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

namespace rushlight::app::testing {
namespace {

namespace fs = std::filesystem;
using Environment = std::map<std::string, std::string>;

// The block of code of the page whose first line names the file.
std::string example(const std::string& file) {
    std::istringstream page(read_file(source_file("docs/API.md")));
    std::string block;
    bool within = false;
    for (std::string line; std::getline(page, line);) {
        if (line.starts_with("```")) {
            if (within && block.substr(0, block.find('\n')).find(file) != std::string::npos) return block;
            within = !within;
            block.clear();
        } else if (within) {
            block += line + '\n';
        }
    }
    throw std::runtime_error("docs/API.md has no " + file);
}

// A program in a shell, with what it printed.
class Program {
  public:
    Program(const std::string& command, const Environment& environment, const std::string& output)
        : output_(output) {
        pid_ = ::fork();
        if (pid_ != 0) return;
        ::setpgid(0, 0);
        ::dup2(::open(output.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600), STDOUT_FILENO);
        ::dup2(::open("/dev/null", O_WRONLY), STDERR_FILENO);
        for (const auto& [name, value] : environment) ::setenv(name.c_str(), value.c_str(), 1);
        ::execl("/bin/sh", "sh", "-c", command.c_str(), static_cast<char*>(nullptr));
        ::_exit(127);
    }
    ~Program() {
        if (pid_ <= 0) return;
        ::kill(-pid_, SIGKILL);
        ::kill(pid_, SIGKILL);
        ::waitpid(pid_, nullptr, 0);
    }
    Program(const Program&) = delete;
    Program& operator=(const Program&) = delete;

    std::string wait() {
        int status = 0;
        ::waitpid(pid_, &status, 0);
        pid_ = 0;
        EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0) << "it failed";
        return read_file(output_);
    }
    const std::string& output() const { return output_; }

  private:
    std::string output_;
    pid_t pid_ = -1;
};

template <class Test>
bool eventually(const Test& test) {
    const auto last = std::chrono::steady_clock::now() + std::chrono::seconds(60);
    while (!test()) {
        if (std::chrono::steady_clock::now() > last) return false;
        std::this_thread::sleep_for(std::chrono::milliseconds(20));
    }
    return true;
}

std::uint16_t free_port() {
    const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    if (::bind(fd, reinterpret_cast<sockaddr*>(&address), size) != 0 ||
        ::getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size) != 0)
        throw std::runtime_error("no free port");
    ::close(fd);
    return ntohs(address.sin_port);
}

struct Language {
    std::string file;     // "check.py"
    std::string command;  // before its path
};

// How a file of the page is run; nullopt where what runs it is not installed, which only Go may be.
std::optional<std::string> command_for(const std::string& path) {
    const std::string end = fs::path(path).extension();
    if (end == ".sh") return "sh " + path;
    if (end == ".py") return "python3 -B " + path;
    if (end == ".mjs") return "node " + path;
    if (std::system("command -v go >/dev/null 2>&1") != 0) return std::nullopt;
    const std::string program = path + ".bin";
    const std::string build = "GOCACHE=" + std::string(RUSHLIGHT_BINARY_DIR) +
                              "/go-cache GO111MODULE=off GOPROXY=off GOFLAGS= go build -o " + program + " " +
                              path + " 2>&1";
    EXPECT_EQ(std::system(build.c_str()), 0) << "it does not compile";
    return program;
}

class Examples : public ::testing::TestWithParam<std::string> {
  protected:
    std::string kind() const { return GetParam(); }
    // The example's command, written out into the folder.
    std::optional<std::string> written(const std::string& name) const {
        const std::string file = name + kind();
        return command_for(folder_.write(file, example(file)));
    }

    Folder folder_;
};

class CheckExample : public Examples {};
class HookExample : public Examples {};

std::string photo(const std::string& name) { return source_file("practice/set/photos/" + name); }

TEST_P(CheckExample, LetsNothingThroughThatWasNotChecked) {
    const auto command = written("check");
    if (!command) GTEST_SKIP() << "go is not installed; nothing that Rushlight needs";
    Served server(folder_.path("var"));
    const Headers admin = server.set_up();
    const Headers key = server.key(admin, {"check", "lists"});
    ASSERT_EQ(server.ask("POST", "/api/v1/lists/practice/import", key, practice_list()).status, 200);
    Environment environment{{"CHECK_URL", server.url()},
                            {"CHECK_KEY", key.at("Authorization").substr(std::string("Bearer ").size())}};
    const auto action = [&](const std::string& file) {
        return Program(*command + " " + file, environment, folder_.path("out")).wait();
    };
    const std::string unknown = folder_.write("unknown.txt", "nothing of interest");
    EXPECT_EQ(action(photo("spheres-01.jpg")), "hold\n");
    EXPECT_EQ(action(unknown), "allow\n");
    const Answer seen = server.ask("GET", "/api/v1/checks", admin);
    ASSERT_EQ(seen.body["items"].size(), 1u) << seen.text;
    EXPECT_EQ(seen.body["items"][0]["context"]["account"], "user 4711");
    // A server that cannot store what matched; a key that is no more; no server at all.
    const Answer blocking = [&] {
        Headers match = admin;
        match["If-Match"] = "\"0\"";
        return server.ask("PUT", "/api/v1/policy", match,
                          json{{"rules", {{{"list", "practice"}, {"kind", "near"}, {"action", "block"}}}}});
    }();
    ASSERT_EQ(blocking.status, 200) << blocking.text;
    EXPECT_EQ(action(photo("spheres-01.jpg")), "block\n");
    fs::remove_all(folder_.path("var/holding"));
    folder_.write("var/holding", "a file");
    EXPECT_EQ(action(photo("spheres-01.jpg")), "hold\n") << "503";
    const std::string good = environment["CHECK_KEY"];
    environment["CHECK_KEY"] = "rl_0000000000000000_x";
    EXPECT_EQ(action(unknown), "hold\n") << "401";
    environment["CHECK_KEY"] = good;
    server.kill();
    EXPECT_EQ(action(unknown), "hold\n") << "nobody answers";
}

TEST_P(HookExample, TakesWhatIsSignedAndNothingElse) {
    const auto command = written("hook");
    if (!command) GTEST_SKIP() << "go is not installed; nothing that Rushlight needs";
    const std::uint16_t port = free_port();
    const std::string target = "127.0.0.1:" + std::to_string(port);
    Served server(folder_.path("var"), {"--allow-target", target});
    const Headers admin = server.set_up();
    const Answer hook =
        server.ask("POST", "/api/v1/webhooks", admin, json{{"url", "http://" + target + "/"}});
    ASSERT_EQ(hook.status, 201) << hook.text;
    const Program receiver(
        *command,
        {{"HOOK_SECRET", hook.body["secret"].get<std::string>()}, {"HOOK_PORT", std::to_string(port)}},
        folder_.path("out"));
    ASSERT_TRUE(eventually([&] { return http::testing::RawClient(port).connected(); }));
    const auto posted = [&](const std::string& signature, const std::string& body) {
        http::testing::RawClient client(port);
        client.send(http::testing::post("/", body,
                                        "Connection: close\r\nRushlight-Signature: " + signature + "\r\n"));
        const std::string head = client.read_until("\r\n\r\n");  // of HTTP/1.0 too
        return head.starts_with("HTTP/1.") ? std::stoi(head.substr(9, 3)) : 0;
    };
    const std::string now = std::to_string(
        std::chrono::duration_cast<std::chrono::seconds>(std::chrono::system_clock::now().time_since_epoch())
            .count());
    const std::string event = R"({"id":"evt_forged","type":"check.matched","data":{}})";
    EXPECT_EQ(posted("t=" + now + ",v1=" + std::string(64, '0'), event), 400);
    EXPECT_EQ(posted("", event), 400);
    EXPECT_EQ(posted("t=,v1=", event), 400);
    ASSERT_LT(
        server.ask("POST", "/api/v1/webhooks/" + hook.body["id"].get<std::string>() + "/test", admin).status,
        300);
    EXPECT_TRUE(eventually([&] { return read_file(receiver.output()).starts_with("test evt_"); }))
        << read_file(receiver.output());
    EXPECT_THAT(read_file(receiver.output()), ::testing::Not(::testing::HasSubstr("forged")));
}

std::string name_of(const ::testing::TestParamInfo<std::string>& info) {
    return info.param == ".sh"    ? "Curl"
           : info.param == ".py"  ? "Python"
           : info.param == ".mjs" ? "JavaScript"
                                  : "Go";
}
INSTANTIATE_TEST_SUITE_P(Adopters, CheckExample, ::testing::Values(".sh", ".py", ".mjs", ".go"), name_of);
INSTANTIATE_TEST_SUITE_P(Adopters, HookExample, ::testing::Values(".py", ".mjs", ".go"), name_of);

}  // namespace
}  // namespace rushlight::app::testing
