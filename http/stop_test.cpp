// Stopping: what was acknowledged arrives, what runs ends, and nothing hangs.
#include "http/test_room.h"

#include <atomic>
#include <set>
#include <thread>

#include <gtest/gtest.h>

namespace rushlight::http {
namespace {

using namespace std::chrono_literals;
using testing::eventually;
using testing::get;
using testing::post;
using testing::RawClient;

TEST(Stop, LosesNoAnswerThatWasGiven) {
    // Clients add entries as fast as they can while the server stops. Every entry that was acknowledged to a
    // handler's knowledge must be known as acknowledged to its client, too.
    for (int round = 0; round < 10; ++round) {
        std::mutex mutex;
        std::set<std::string> stored;
        auto server = started(
            [&](const RequestHead&) {
                return Plan::worker(
                    [&](Request& request, Responder answer) {
                        {
                            const std::lock_guard lock(mutex);
                            stored.insert(request.body);
                        }
                        answer.send(Response::text(201, request.body));
                    },
                    100);
            },
            {.io_threads = 2});
        std::atomic<int> acknowledged{0};
        std::atomic<int> wrong{0};
        std::vector<std::thread> clients;
        for (int c = 0; c < 8; ++c)
            clients.emplace_back([&, c] {
                RawClient client(server.port());
                for (int i = 0;; ++i) {
                    const std::string entry = std::to_string(c) + "/" + std::to_string(i);
                    const auto reply = client.ask(post("/", entry));
                    if (!reply) return;
                    if (reply->status != 201 || reply->body != entry) ++wrong;
                    ++acknowledged;
                    if (reply->header("Connection") == "close") return;
                }
            });
        ASSERT_TRUE(eventually([&] { return acknowledged > 20 * round; }));
        server.stop();
        for (auto& client : clients) client.join();
        EXPECT_EQ(wrong, 0);
        EXPECT_EQ(stored.size(), static_cast<std::size_t>(acknowledged.load())) << "round " << round;
    }
}

TEST(Stop, LetsRunningRequestsEndAndTakesNoNewOnes) {
    Gate gate;
    auto server = started([&](const RequestHead&) {
        return Plan::worker(
            [&](Request& request, Responder answer) {
                gate.pass();
                echo(request, std::move(answer));
            },
            1000);
    });
    RawClient running(server.port());
    RawClient half(server.port());
    RawClient idle(server.port());
    running.send(get("/running"));
    ASSERT_TRUE(gate.wait_for(1));
    half.send("POST /half HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\n12345");
    ASSERT_TRUE(eventually([&] { return server.counters().requests == 2; }));
    std::thread stopper([&] { server.stop(); });
    EXPECT_TRUE(idle.closed());
    EXPECT_TRUE(eventually([&] { return !RawClient(server.port()).connected(); }));
    half.send("67890");
    gate.open();
    const auto reply = running.reply();
    ASSERT_TRUE(reply);
    EXPECT_EQ(reply->body, "GET /running []");
    EXPECT_EQ(reply->header("Connection"), "close");
    EXPECT_EQ(half.reply()->body, "POST /half [1234567890]");
    running.close();
    half.close();
    stopper.join();
    EXPECT_EQ(server.counters().connections, 0u);
    server.stop();  // again: nothing happens
}

TEST(Stop, DoesNotWaitForEverForTheSlow) {
    Limits limits;
    limits.stop = 50ms;
    std::vector<Responder> kept;
    std::mutex mutex;
    auto server = started(
        [&](const RequestHead& head) {
            if (head.path == "/large") return Plan::refuse(Response::text(200, std::string(30'000'000, 'x')));
            return Plan::inline_(
                [&](Request&, Responder answer) {
                    const std::lock_guard lock(mutex);
                    kept.push_back(std::move(answer));
                },
                1000);
        },
        {.limits = limits});
    RawClient waits(server.port());
    RawClient sends(server.port());
    RawClient reads_not(server.port(), 10s, 4096);
    waits.send(get("/never"));
    sends.send("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\n");
    reads_not.send(get("/large"));
    ASSERT_TRUE(eventually([&] { return server.counters().requests == 3; }));
    const auto began = Steady::now();
    server.stop();
    EXPECT_LT(Steady::now() - began, 5s);
    EXPECT_FALSE(waits.reply());
    EXPECT_EQ(server.counters().connections, 0u);
    // An answer that comes after all is dropped, whether given or forgotten.
    kept.front().send(Response::text(200, "too late"));
    kept.clear();
}

TEST(Stop, ARequestKeepsItsHeadUntilItIsAnswered) {
    Limits limits;
    limits.stop = 20ms;
    Gate gate;
    std::string path, key;
    auto server = started(
        [&](const RequestHead&) {
            return Plan::worker([&](Request& request, Responder answer) {
                gate.pass();
                path = request.head.path;
                key = request.head.header("Authorization");
                answer.send(Response::empty(204));
            });
        },
        {.limits = limits});
    RawClient client(server.port());
    client.send(get("/running", "Authorization: Bearer mine\r\n"));
    ASSERT_TRUE(gate.wait_for(1));
    std::thread stopper([&] { server.stop(); });
    EXPECT_TRUE(client.closed());  // its connection has been cut, its handler has yet to look
    EXPECT_TRUE(eventually([&] { return server.counters().connections == 0; }));
    gate.open();
    stopper.join();
    EXPECT_EQ(path, "/running");
    EXPECT_EQ(key, "Bearer mine");
}

TEST(Stop, AnswersMayOutliveTheServer) {
    std::optional<Responder> late;
    std::shared_ptr<EventStream> events;
    {
        Limits limits;
        limits.stop = 20ms;
        auto server = started(
            [&](const RequestHead& head) {
                return Plan::inline_([&, is_events = head.path == "/events"](Request&, Responder answer) {
                    if (is_events)
                        events = answer.events();
                    else
                        late = std::move(answer);
                });
            },
            {.limits = limits});
        RawClient client(server.port());
        RawClient listener(server.port());
        client.send(get("/"));
        listener.send(get("/events"));
        ASSERT_TRUE(eventually(
            [&] { return server.counters().event_streams == 1 && server.counters().requests == 2; }));
    }
    EXPECT_FALSE(events->send("", "", "x"));
    late->send(Response::text(200, "too late"));
    EXPECT_FALSE(*late);
}

}  // namespace
}  // namespace rushlight::http
