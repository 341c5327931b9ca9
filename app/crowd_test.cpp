// A crowd at the door: connections that say nothing, and some that say it slowly. Others are still answered,
// and memory stays bounded.

#include "app/testing/served.h"

#include <deque>
#include <sstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

namespace rushlight::app::testing {
namespace {

using http::testing::RawClient;

std::int64_t resident_bytes(pid_t pid) {
    std::istringstream statm(read_file("/proc/" + std::to_string(pid) + "/statm"));
    std::int64_t size = 0;
    std::int64_t resident = 0;
    statm >> size >> resident;
    return resident * ::sysconf(_SC_PAGESIZE);
}

TEST(Crowd, OthersAreAnsweredWhileManyAreSlowAndMemoryStaysBounded) {
    const Folder folder;
    Served server(folder.path("var"));
    const Headers key = server.key(server.set_up(), {"check", "lists"});
    const std::string picture = scene();
    ASSERT_EQ(server.upload("/api/v1/check", key, picture).status, 200);
    const std::int64_t before = resident_bytes(server.pid());

    RawClient slow_head(server.port(), std::chrono::seconds(30));
    ASSERT_TRUE(slow_head.send("GET /livez HTTP/1.1\r\nHost: x\r\nX-Slow: "));
    std::deque<RawClient> idle;
    for (int i = 0; i < 500; ++i) {
        idle.emplace_back(server.port());
        ASSERT_TRUE(idle.back().connected());
    }
    // Each promises the largest file there may be, and sends its first 16 KB.
    std::deque<RawClient> uploads;
    for (int i = 0; i < 100; ++i) {
        uploads.emplace_back(server.port());
        ASSERT_TRUE(uploads.back().send(
            "POST /api/v1/check HTTP/1.1\r\nHost: x\r\nAuthorization: " + key.at("Authorization") +
            "\r\nContent-Type: multipart/form-data; boundary=b\r\n"
            "Content-Length: 250000000\r\n\r\n--b\r\n"
            "Content-Disposition: form-data; name=\"file\"\r\n\r\n" +
            std::string(16 * 1024, 'x')));
    }
    for (int i = 0; i < 5; ++i) EXPECT_EQ(server.upload("/api/v1/check", key, picture).status, 200);
    EXPECT_EQ(server.ask("GET", "/readyz").status, 200);
    const std::int64_t grown = resident_bytes(server.pid()) - before;
    EXPECT_LT(grown, 64 << 20) << "600 connections cost " << (grown >> 20) << " MB";

    // Who does not finish a head in time is cut.
    const std::string said = slow_head.read_until("never said");
    EXPECT_TRUE(said.empty() || said.starts_with("HTTP/1.1 408")) << said;
    EXPECT_EQ(server.upload("/api/v1/check", key, picture).status, 200);
}

TEST(Crowd, UploadsBeyondWhatMemoryIsSetAsideForAreToldToComeBack) {
    const Folder folder;
    Served server(folder.path("var"));
    const Headers key = server.key(server.set_up(), {"check"});
    const std::string head =
        "POST /api/v1/check HTTP/1.1\r\nHost: x\r\nAuthorization: " + key.at("Authorization") +
        "\r\nContent-Type: multipart/form-data; boundary=b\r\nContent-Length: 300000000\r\n\r\n";
    // A file that says that it is too large is refused before any of it is read.
    RawClient large(server.port());
    const auto reply = large.ask(head);
    ASSERT_TRUE(reply);
    EXPECT_EQ(reply->status, 413);
}

}  // namespace
}  // namespace rushlight::app::testing
