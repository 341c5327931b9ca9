// Through a proxy that others wrote: Debian's microsocks, what it was asked read from its log.
#include "net/net.h"
#include "net/testing/world.h"

#include <array>
#include <csignal>

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

namespace rushlight::net {
namespace {

using namespace testing;
using ::testing::HasSubstr;

// A port that nobody has at the moment.
std::uint16_t free_port() {
    return HttpServer([](const SeenRequest&, Connection&) {}).port();
}

class Microsocks {
  public:
    Microsocks() : port_(free_port()) {
        std::array<int, 2> ends{};
        if (::pipe2(ends.data(), O_CLOEXEC) != 0) throw std::runtime_error("no pipe");
        log_ = Fd(ends[0]);
        const Fd into(ends[1]);
        posix_spawn_file_actions_t actions;
        ::posix_spawn_file_actions_init(&actions);
        ::posix_spawn_file_actions_adddup2(&actions, into.get(), STDERR_FILENO);
        std::string port = std::to_string(port_);
        std::array<const char*, 6> arguments{"microsocks", "-i", "127.0.0.1", "-p", port.c_str(), nullptr};
        const int failed = ::posix_spawnp(&pid_, arguments[0], &actions, nullptr,
                                          const_cast<char**>(arguments.data()), nullptr);
        ::posix_spawn_file_actions_destroy(&actions);
        if (failed != 0)
            throw std::runtime_error("microsocks can't be started: is Debian's package installed?");
    }
    ~Microsocks() {
        ::kill(pid_, SIGKILL);
        ::waitpid(pid_, nullptr, 0);
    }
    Microsocks(const Microsocks&) = delete;
    Microsocks& operator=(const Microsocks&) = delete;

    std::string setting() const { return "socks5://127.0.0.1:" + std::to_string(port_); }
    // One line for each target it connected to.
    std::string line() {
        std::string text;
        while (!text.ends_with('\n')) {
            char c = 0;
            if (::read(log_.get(), &c, 1) != 1) break;
            text += c;
        }
        return text;
    }

  private:
    std::uint16_t port_;
    pid_t pid_ = -1;
    Fd log_;
};

TEST(Microsocks, IsGivenAddressesNeverNames) {
    World world;
    world.dns.set("site.test", std::vector<std::string>{"127.0.0.1"});
    HttpServer site([](const SeenRequest&, Connection& c) { c.write(response(200, "through the proxy")); });
    Microsocks proxy;
    const Client client = world.client({site.target("site.test")}, {.proxy = proxy.setting()});
    Fetched got;
    do {  // until it listens
        got = fetch(client, "http://" + site.target("site.test") + '/');
    } while (got.code() == "connect_failed");
    EXPECT_EQ(got.body, "through the proxy") << got.message();
    EXPECT_EQ(got.response->address, "127.0.0.1");
    EXPECT_THAT(proxy.line(), HasSubstr("connected to " + site.target("127.0.0.1")));
    // Nobody there: the proxy says so.
    EXPECT_EQ(fetch(world.client({"site.test:1"}, {.proxy = proxy.setting()}), "http://site.test:1/").code(),
              "connect_failed");
    EXPECT_EQ(fetch(client, "http://" + site.target("127.0.0.1") + '/').code(), "refused_private");
}

}  // namespace
}  // namespace rushlight::net
