// Server-sent events: what a browser reads, who is cut, who is noticed to have left.
#include "http/test_room.h"

#include <thread>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace rushlight::http {
namespace {

using namespace std::chrono_literals;
using testing::eventually;
using testing::get;
using ::testing::HasSubstr;
using testing::RawClient;

class Events : public ::testing::Test {
  protected:
    Server start(EventOptions options = {}) {
        return started([this, options](const RequestHead&) {
            return Plan::inline_([this, options](Request& request, Responder answer) {
                last_id = request.head.header("Last-Event-ID");
                const std::lock_guard lock(mutex);
                stream = answer.events(options);
            });
        });
    }
    std::shared_ptr<EventStream> opened() {
        EXPECT_TRUE(eventually([&] {
            const std::lock_guard lock(mutex);
            return stream != nullptr;
        }));
        return stream;
    }

    std::mutex mutex;
    std::string last_id;
    std::shared_ptr<EventStream> stream;
};

TEST_F(Events, AreWrittenAsBrowsersReadThem) {
    auto server = start({.headers = {{"X-More", "yes"}}});
    RawClient client(server.port());
    client.send(get("/events", "Last-Event-ID: 41\r\n"));
    const auto events = opened();
    EXPECT_EQ(last_id, "41");
    EXPECT_TRUE(events->send("42", "check", "{\"a\":1}"));
    EXPECT_TRUE(events->send("", "", "two\nlines\r\nthree\r"));
    EXPECT_TRUE(events->send("4\n3", "a\r\ndata: x", ""));
    events->close();
    EXPECT_FALSE(events->send("44", "late", "x"));
    const auto reply = client.reply();
    ASSERT_TRUE(reply);
    EXPECT_EQ(reply->header("Content-Type"), "text/event-stream");
    EXPECT_EQ(reply->header("Cache-Control"), "no-store");
    EXPECT_EQ(reply->header("X-More"), "yes");
    EXPECT_EQ(reply->body,
              "retry: 2000\n\n"
              "id: 42\nevent: check\ndata: {\"a\":1}\n\n"
              "data: two\ndata: lines\ndata: three\ndata: \n\n"
              "id: 43\nevent: adata: x\ndata: \n\n");
    EXPECT_TRUE(client.closed());
}

TEST_F(Events, ComeFromManyThreadsEachWhole) {
    auto server = start({.queue_bytes = 10'000'000});
    RawClient client(server.port());
    client.send(get("/"));
    const auto events = opened();
    std::vector<std::thread> senders;
    for (int t = 0; t < 4; ++t)
        senders.emplace_back([&, t] {
            for (int i = 0; i < 500; ++i)
                EXPECT_TRUE(events->send("", "e" + std::to_string(t), std::to_string(i)));
        });
    for (auto& sender : senders) sender.join();
    events->close();
    const auto body = client.reply()->body;
    for (int t = 0; t < 4; ++t) {
        std::size_t at = 0;  // all of each, in order
        for (int i = 0; i < 500; ++i) {
            at = body.find("event: e" + std::to_string(t) + "\ndata: " + std::to_string(i) + "\n\n", at);
            ASSERT_NE(at, std::string::npos) << t << " " << i;
        }
    }
}

TEST_F(Events, AClientThatIsTooSlowIsCut) {
    auto server = start({.queue_bytes = 100'000});
    RawClient client(server.port(), 10s, 4096);
    client.send(get("/"));
    const auto events = opened();
    std::atomic<bool> closed{false};
    events->when_closed([&] { closed = true; });
    const std::string data(10'000, 'x');
    EXPECT_TRUE(eventually([&] { return !events->send("1", "big", data); }));
    EXPECT_FALSE(events->is_open());
    EXPECT_TRUE(eventually([&] { return closed && server.counters().connections == 0; }));
    EXPECT_EQ(server.counters().cut, 1u);
    EXPECT_EQ(server.counters().event_streams, 0u);
}

TEST_F(Events, NoticeAClientThatLeaves) {
    auto server = start();
    for (const bool politely : {true, false}) {
        {
            const std::lock_guard lock(mutex);
            stream = nullptr;
        }
        RawClient client(server.port());
        client.send(get("/"));
        const auto events = opened();
        EXPECT_THAT(client.read_until("retry: 2000\n\n"), HasSubstr("200 OK"));
        EXPECT_EQ(server.counters().event_streams, 1u);
        std::atomic<bool> closed{false};
        events->when_closed([&] { closed = true; });
        if (politely)
            client.close();
        else
            client.reset();
        EXPECT_TRUE(eventually([&] { return closed.load(); }));
        EXPECT_FALSE(events->send("", "", "nobody"));
        bool at_once = false;
        events->when_closed([&] { at_once = true; });
        EXPECT_TRUE(at_once);
    }
    EXPECT_TRUE(eventually([&] { return server.counters().connections == 0; }));
}

TEST_F(Events, HeartbeatsShowThatTheServerLives) {
    auto server = start({.heartbeat = 20ms});
    RawClient client(server.port());
    client.send(get("/"));
    client.read_until("retry: 2000\n\n");
    for (int i = 0; i < 3; ++i) EXPECT_THAT(client.read_until(":\n\n"), HasSubstr(":\n\n"));
}

TEST_F(Events, EndWithTheServer) {
    auto server = start();
    RawClient client(server.port());
    client.send(get("/"));
    const auto events = opened();
    EXPECT_TRUE(events->send("1", "", "last words"));
    std::thread reader([&] {
        EXPECT_THAT(client.reply()->body, HasSubstr("last words"));
        client.close();
    });
    server.stop();
    reader.join();
    EXPECT_FALSE(events->is_open());
    EXPECT_FALSE(events->send("2", "", "too late"));
}

TEST_F(Events, CanBeOpenedLaterFromAnotherThread) {
    std::thread other;
    auto server = started([&](const RequestHead&) {
        return Plan::inline_([&](Request&, Responder answer) {
            other = std::thread([answer = std::move(answer)]() mutable {
                const auto events = answer.events();
                EXPECT_TRUE(events->send("", "", "hello"));
                events->close();
            });
        });
    });
    RawClient client(server.port());
    EXPECT_THAT(client.ask(get("/"))->body, HasSubstr("data: hello"));
    other.join();
}

}  // namespace
}  // namespace rushlight::http
