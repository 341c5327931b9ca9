// What one client, or all together, may not do: be slow, be many, hold memory, fill the queue.
#include "http/test_room.h"

#include <thread>

#include <gtest/gtest.h>

namespace rushlight::http {
namespace {

using namespace std::chrono_literals;
using testing::eventually;
using testing::get;
using testing::post;
using testing::RawClient;

Limits quick() {
    Limits limits;
    limits.idle = 100ms;
    limits.head_time = 100ms;
    limits.stall = 100ms;
    limits.grace = 300ms;
    limits.bytes_per_second = 1'000'000'000;
    return limits;
}

// Sends one byte after the other, each well before the last one's time is up, until the server has had
// enough.
void trickle(RawClient& client, std::string_view bytes) {
    for (const char c : bytes) {
        if (!client.send(std::string_view(&c, 1))) return;
        std::this_thread::sleep_for(5ms);  // the slowness under test, not a wait
    }
}

TEST(Limits, ASlowHeadIsCut) {
    auto server = started(plan_echo, {.limits = quick()});
    RawClient client(server.port());
    const auto began = Steady::now();
    std::thread sender([&] { trickle(client, "GET / HTTP/1.1\r\nHost: x\r\nA: " + std::string(300, 'a')); });
    const auto reply = client.reply();
    EXPECT_LT(Steady::now() - began, 1500ms);
    sender.join();
    ASSERT_TRUE(reply);
    EXPECT_EQ(reply->status, 408);
    EXPECT_EQ(server.counters().timed_out, 1u);
}

TEST(Limits, ASlowBodyIsCut) {
    auto server = started(plan_echo, {.limits = quick()});
    // One that stops altogether, …
    RawClient silent(server.port());
    EXPECT_EQ(silent.ask("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nabc")->status, 408);
    // … and one that always sends in time, but will not get done.
    RawClient slow(server.port());
    std::thread sender([&] {
        slow.send("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 10000\r\n\r\n");
        trickle(slow, std::string(400, 'x'));
    });
    const auto reply = slow.reply();
    sender.join();
    ASSERT_TRUE(reply);
    EXPECT_EQ(reply->status, 408);
    EXPECT_EQ(server.counters().timed_out, 2u);
    EXPECT_TRUE(eventually([&] { return server.counters().body_bytes == 0; }));
}

TEST(Limits, ABodyAtAFairPaceTakesAsLongAsItTakes) {
    auto limits = quick();
    limits.grace = 20ms;
    limits.bytes_per_second = 10;  // each byte gives another 100 ms
    auto server = started(plan_echo, {.limits = limits});
    RawClient client(server.port());
    client.send("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 60\r\n\r\n");
    trickle(client, std::string(60, 'x'));
    EXPECT_EQ(client.reply()->status, 200);
}

TEST(Limits, IdleConnectionsAreClosedWithoutAWord) {
    auto server = started(plan_echo, {.limits = quick()});
    RawClient never(server.port());
    RawClient once(server.port());
    EXPECT_EQ(once.ask(get("/"))->status, 200);
    EXPECT_TRUE(never.closed());
    EXPECT_TRUE(once.closed());
    EXPECT_TRUE(eventually([&] { return server.counters().connections == 0; }));
    EXPECT_EQ(server.counters().timed_out, 0u);
}

TEST(Limits, AClientThatDoesNotReadIsCut) {
    auto server = started(
        [](const RequestHead&) { return Plan::refuse(Response::text(200, std::string(30'000'000, 'x'))); },
        {.limits = quick()});
    RawClient client(server.port(), 10s, 4096);
    ASSERT_TRUE(client.send(get("/")));
    EXPECT_TRUE(eventually([&] { return server.counters().requests == 1; }));
    EXPECT_TRUE(eventually([&] { return server.counters().connections == 0; }));
    EXPECT_EQ(server.counters().cut, 1u);
    EXPECT_FALSE(client.reply());  // not the whole answer, and it can tell
}

TEST(Limits, OneConnectionTooManyIsTurnedAway) {
    Limits limits;
    limits.connections = 3;
    auto server = started(plan_echo, {.limits = limits});
    std::vector<std::unique_ptr<RawClient>> clients;
    for (int i = 0; i < 3; ++i) {
        clients.push_back(std::make_unique<RawClient>(server.port()));
        EXPECT_EQ(clients.back()->ask(get("/"))->status, 200);
    }
    for (int i = 0; i < 300; ++i) {
        RawClient refused(server.port());
        const auto reply = refused.ask(get("/"));
        ASSERT_TRUE(reply) << i;
        EXPECT_EQ(reply->status, 503);
        EXPECT_FALSE(reply->header("Retry-After").empty());
        EXPECT_TRUE(refused.closed());
    }
    EXPECT_EQ(server.counters().turned_away, 300u);
    clients.pop_back();
    EXPECT_TRUE(eventually([&] {
        RawClient next(server.port());
        const auto reply = next.ask(get("/"));
        return reply && reply->status == 200;
    }));
}

TEST(Limits, AFullQueueSaysComeBack) {
    Gate gate;
    Limits limits;
    limits.queued = 2;
    auto server = started(
        [&](const RequestHead& head) {
            if (head.path == "/quick") return plan_echo(head);
            return Plan::worker(
                [&](Request& request, Responder answer) {
                    gate.pass();
                    echo(request, std::move(answer));
                },
                100);
        },
        {.workers = 1, .limits = limits});
    RawClient running(server.port());
    running.send(get("/1"));
    ASSERT_TRUE(gate.wait_for(1));
    std::vector<std::unique_ptr<RawClient>> queued;
    for (int i = 0; i < 2; ++i) {
        queued.push_back(std::make_unique<RawClient>(server.port()));
        queued.back()->send(get("/2"));
    }
    ASSERT_TRUE(eventually([&] { return server.counters().queued == 2; }));
    RawClient client(server.port());
    const auto reply = client.ask(get("/3"));
    EXPECT_EQ(reply->status, 503);
    EXPECT_EQ(reply->header("Retry-After"), "1");
    EXPECT_EQ(client.ask(post("/3", "x"))->status, 503);  // before its body is read: the connection ends
    EXPECT_TRUE(client.closed());
    EXPECT_EQ(RawClient(server.port()).ask(get("/quick"))->status, 200);  // the io threads have time
    EXPECT_EQ(server.counters().too_busy, 2u);
    gate.open();
    EXPECT_EQ(running.reply()->status, 200);
    for (auto& other : queued) EXPECT_EQ(other->reply()->status, 200);
}

TEST(Limits, AllBodiesTogetherHaveABound) {
    Gate gate;
    Limits limits;
    limits.body_bytes = 3'000'000;
    auto server = started(
        [&](const RequestHead&) {
            return Plan::worker(
                [&](Request& request, Responder answer) {
                    gate.pass();
                    answer.send(Response::text(200, std::to_string(request.body.size())));
                },
                2'000'000);
        },
        {.workers = 8, .limits = limits});
    RawClient first(server.port());
    first.send(post("/", std::string(1'200'000, 'x')));
    ASSERT_TRUE(gate.wait_for(1));
    EXPECT_GE(server.counters().body_bytes, 1'200'000u);
    RawClient second(server.port());
    std::thread sender([&] { second.send(post("/", std::string(1'900'000, 'x'))); });
    const auto refused = second.reply();
    sender.join();
    ASSERT_TRUE(refused);
    EXPECT_EQ(refused->status, 503);
    EXPECT_FALSE(refused->header("Retry-After").empty());
    EXPECT_LE(server.counters().body_bytes, limits.body_bytes);
    RawClient small(server.port());
    small.send(post("/", "small"));
    gate.open();
    EXPECT_EQ(small.reply()->body, "5");
    EXPECT_EQ(first.reply()->body, "1200000");
    EXPECT_TRUE(eventually([&] { return server.counters().body_bytes == 0; }));
}

}  // namespace
}  // namespace rushlight::http
