// A disk that is full, a real one of a few megabytes.

#include "app/testing/served.h"

#include <array>
#include <cerrno>
#include <cstring>
#include <filesystem>

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/mount.h>
#include <unistd.h>

namespace rushlight::app::testing {
namespace {

using http::testing::eventually;
using std::chrono_literals::operator""s;
using ::testing::HasSubstr;
using ::testing::Not;

class SmallDisk {
  public:
    SmallDisk() {
        std::filesystem::create_directory(path());
        mounted_ = ::mount("none", path().c_str(), "tmpfs", 0, "size=48m") == 0;
        why_ = std::strerror(errno);
    }
    ~SmallDisk() {
        if (mounted_) ::umount2(path().c_str(), MNT_DETACH);
    }
    SmallDisk(const SmallDisk&) = delete;
    SmallDisk& operator=(const SmallDisk&) = delete;

    std::string path() const { return folder_.path("disk"); }
    bool mounted() const { return mounted_; }
    const std::string& why() const { return why_; }

    // To its last byte.
    void fill() const {
        const int fd = ::open(filler().c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
        static constexpr std::array<char, 4096> kPage{};
        while (::write(fd, kPage.data(), kPage.size()) > 0) {
        }
        ::close(fd);
    }
    void empty() const { std::filesystem::remove(filler()); }

  private:
    std::string filler() const { return path() + "/filler"; }

    const Folder folder_;
    bool mounted_ = false;
    std::string why_;
};

TEST(DiskFull, NothingIsAcknowledgedThatIsNotStoredAndTheReserveLetsPeopleMakeRoom) {
    const SmallDisk disk;
    if (!disk.mounted()) GTEST_SKIP() << "this test mounts a small disk, which needs root: " << disk.why();
    const std::string data = disk.path() + "/var";
    std::filesystem::create_directory(data);
    // Written where `serve` reads it.
    {
        const int fd = ::open((data + "/rushlight.toml").c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
        constexpr std::string_view kSettings = "[serve]\nreserve_mb = 8\n";
        ASSERT_EQ(::write(fd, kSettings.data(), kSettings.size()), static_cast<ssize_t>(kSettings.size()));
        ::close(fd);
    }
    std::optional<Served> server(std::in_place, data);
    Headers admin = server->set_up();
    const Headers key = server->key(admin, {"check", "lists"});
    const std::string list = practice_list();
    ASSERT_EQ(server->ask("POST", "/api/v1/lists/practice/import", key, list).status, 200);
    Headers match = admin;
    match["If-Match"] = "\"0\"";
    ASSERT_EQ(server
                  ->ask("PUT", "/api/v1/policy", match,
                        json{{"rules", json::array()}, {"fallback", {{"unreadable", "hold"}}}})
                  .status,
              200);
    const std::string known = scene();
    const std::string unknown = "a text that nobody knows";
    const Answer before = server->upload("/api/v1/check", key, known);
    ASSERT_EQ(before.status, 200) << before.text;
    ASSERT_TRUE(std::filesystem::exists(data + "/disk.reserve"));

    const auto expect_full = [&] {
        Answer ready;
        EXPECT_TRUE(eventually(
            [&] {
                ready = server->ask("GET", "/readyz");
                return ready.status == 503 && ready.text.find("disk") != std::string::npos;
            },
            20s))
            << ready.text;
        EXPECT_FALSE(std::filesystem::exists(data + "/disk.reserve"));
        const Answer refused = server->upload("/api/v1/check", key, known);
        EXPECT_EQ(refused.status, 503) << refused.text;
        EXPECT_EQ(refused.body["action"], "hold");
        EXPECT_NE(refused.header("Retry-After"), "");
        EXPECT_THAT(refused.text, HasSubstr("disk"));
        const Answer none = server->upload("/api/v1/check", key, unknown);
        EXPECT_EQ(none.status, 200) << "what leaves nothing behind needs no disk: " << none.text;
        EXPECT_EQ(server->ask("POST", "/api/v1/lists/practice/import", key, list).status, 503);
    };

    disk.fill();
    expect_full();
    // People can come in, read, and make room.
    Headers again;
    EXPECT_NO_THROW(again = server->sign_in("first@example.org", "the rush is dipped in fat"));
    const Answer health = server->ask("GET", "/api/v1/health", again);
    ASSERT_EQ(health.status, 200) << health.text;
    bool told = false;
    for (const json& check : health.body.at("checks")) {
        if (check.at("check") != "disk") continue;
        told = check.at("ok") == false && check.at("do").get<std::string>().find("room") != std::string::npos;
    }
    EXPECT_TRUE(told) << health.text;
    EXPECT_THAT(server->ask("GET", "/metrics").text, HasSubstr("\nrushlight_disk_full 1"));
    const Answer held = server->ask("GET", "/api/v1/holding", again);
    ASSERT_EQ(held.body.at("items").size(), 1u) << held.text;
    const std::string id = held.body.at("items").at(0).at("id");
    EXPECT_EQ(server->ask("DELETE", "/api/v1/holding/" + id, again, json{{"reason", "to make room"}}).status,
              204);

    // Started anew in what the reserve has left, it says the same.
    server->kill();
    server.emplace(data);
    expect_full();

    disk.empty();
    EXPECT_TRUE(eventually([&] { return server->ask("GET", "/readyz").status == 200; }, 20s))
        << server->ask("GET", "/readyz").text;
    EXPECT_EQ(server->upload("/api/v1/check", key, known).status, 200);
    EXPECT_TRUE(std::filesystem::exists(data + "/disk.reserve")) << "the reserve was not made again";
    const Answer seen = server->ask("GET", "/api/v1/checks", admin);
    EXPECT_EQ(seen.body.at("items").size(), 2u) << "one before, one after, none between: " << seen.text;
    EXPECT_EQ(server->stop().status, 0);
    EXPECT_EQ(run({"audit", "verify", "--data", data}).status, 0);
}

}  // namespace
}  // namespace rushlight::app::testing
