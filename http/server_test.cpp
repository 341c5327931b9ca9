// What a client sees of a well-behaved exchange: order, framing, lanes, bodies, connections kept and closed.
#include "http/test_room.h"

#include <atomic>
#include <future>
#include <thread>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>

namespace rushlight::http {
namespace {

using testing::eventually;
using testing::get;
using ::testing::HasSubstr;
using testing::post;
using testing::RawClient;

TEST(Server, AnswersManyRequestsOnOneConnection) {
    auto server = started(plan_echo);
    RawClient client(server.port());
    for (int i = 0; i < 100; ++i) {
        const auto reply = client.ask(get("/a/" + std::to_string(i) + "?x=1"));
        ASSERT_TRUE(reply) << i;
        EXPECT_EQ(reply->status, 200);
        EXPECT_EQ(reply->body, "GET /a/" + std::to_string(i) + " ? x=1 []");
        EXPECT_FALSE(reply->header("Date").empty());
        EXPECT_EQ(reply->header("Server"), "");
        EXPECT_EQ(reply->header("Connection"), "");
    }
    const auto counters = server.counters();
    EXPECT_EQ(counters.accepted, 1u);
    EXPECT_EQ(counters.requests, 100u);
    EXPECT_EQ(counters.answers[2], 100u);
    EXPECT_EQ(server.address(), "127.0.0.1:" + std::to_string(server.port()));
}

TEST(Server, AnswersPipelinedRequestsInOrder) {
    // Odd ones on a worker, even ones inline: the order is the client's all the same.
    auto server = started([](const RequestHead& head) {
        return head.path.back() % 2 ? Plan::worker(echo, 1000) : Plan::inline_(echo, 1000);
    });
    RawClient client(server.port());
    std::string all;
    for (int i = 0; i < 200; ++i)
        all += i % 3 ? get("/" + std::to_string(i))
                     : post("/" + std::to_string(i), std::string(static_cast<std::size_t>(i), 'b'));
    ASSERT_TRUE(client.send(all));
    for (int i = 0; i < 200; ++i) {
        const auto reply = client.reply();
        ASSERT_TRUE(reply) << i;
        const std::string body = i % 3 ? "" : std::string(static_cast<std::size_t>(i), 'b');
        EXPECT_EQ(reply->body, (i % 3 ? "GET /" : "POST /") + std::to_string(i) + " [" + body + "]");
    }
}

TEST(Server, TakesBodiesHoweverTheyAreCut) {
    auto server = started([](const RequestHead&) { return Plan::worker(echo, 1'000'000); });
    RawClient client(server.port());
    const std::string body(300'000, 'x');
    EXPECT_EQ(client.ask(post("/a", body))->body, "POST /a [" + body + "]");
    // Byte by byte, with the next request behind it.
    const std::string chunked =
        "POST /b HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: Chunked\r\n\r\n"
        "5;name=\"v\"\r\nhello\r\n00A\r\n 123456789\r\n0\r\nTrailer: x\r\n\r\n" +
        get("/c");
    for (const char c : chunked) ASSERT_TRUE(client.send(std::string_view(&c, 1)));
    EXPECT_EQ(client.reply()->body, "POST /b [hello 123456789]");
    EXPECT_EQ(client.reply()->body, "GET /c []");
    EXPECT_EQ(client.ask(post("/d", ""))->body, "POST /d []");
    EXPECT_TRUE(eventually([&] { return server.counters().body_bytes == 0; }));
}

TEST(Server, StreamsABodyToItsSinkAndNoFasterThanItTakes) {
    struct Sink final : BodySink {
        Gate& gate;
        std::atomic<std::uint64_t> bytes{0};
        std::atomic<bool> finished{false};
        explicit Sink(Gate& g) : gate(g) {}
        Status take(Bytes piece) override {
            gate.pass();
            bytes += piece.size();
            return {};
        }
        Status finish() override {
            finished = true;
            return {};
        }
    };
    Gate gate;
    const auto sink = std::make_shared<Sink>(gate);
    auto server = started([&](const RequestHead&) {
        return Plan::streamed(sink, 100'000'000, [&](Request& request, Responder answer) {
            EXPECT_TRUE(request.body.empty());
            answer.send(Response::text(200, std::to_string(sink->bytes.load())));
        });
    });
    RawClient client(server.port());
    constexpr std::size_t kSize = 32'000'000;
    std::thread sender([&] { client.send(post("/", std::string(kSize, 'x'))); });
    EXPECT_TRUE(gate.wait_for(1));
    // The sink has not taken its first piece: what the server has read is bounded.
    EXPECT_LT(server.counters().bytes_in, 1'000'000u);
    EXPECT_LT(server.counters().body_bytes, 1'000'000u);
    EXPECT_GT(server.counters().body_bytes, 0u);
    gate.open();
    sender.join();
    EXPECT_EQ(client.reply()->body, std::to_string(kSize));
    EXPECT_TRUE(sink->finished);
}

TEST(Server, ASinkThatRefusesEndsTheUpload) {
    struct Sink final : BodySink {
        Error error;
        std::uint64_t most;
        Sink(Error e, std::uint64_t m) : error(std::move(e)), most(m) {}
        Status take(Bytes piece) override {
            if (piece.size() > most) return pass(error);
            return {};
        }
        Status finish() override { return pass(error); }
    };
    auto server = started([&](const RequestHead& head) {
        const auto code = head.path == "/limit"     ? ErrorCode::limit
                          : head.path == "/invalid" ? ErrorCode::invalid
                                                    : ErrorCode::io;
        const std::uint64_t most = head.query == "late" ? 1'000'000'000 : 0;
        return Plan::streamed(std::make_shared<Sink>(Error{code, "no \"more\""}, most), 100'000'000, echo);
    });
    const auto ask = [&](const std::string& path, std::size_t size) {
        RawClient client(server.port());
        std::thread sender([&] { client.send(post(path, std::string(size, 'x'))); });
        auto reply = client.reply();
        sender.join();
        return reply;
    };
    EXPECT_EQ(ask("/limit", 10)->status, 413);
    EXPECT_EQ(ask("/invalid?late", 10)->status, 400);
    EXPECT_THAT(ask("/invalid", 10)->body, HasSubstr("no \\\"more\\\""));
    EXPECT_EQ(ask("/io", 10)->status, 500);
    EXPECT_EQ(ask("/io", 10)->body.find("more"), std::string::npos);  // a fault of ours is nobody's business
    // The answer arrives although the client is still sending.
    const auto early = ask("/limit", 20'000'000);
    ASSERT_TRUE(early);
    EXPECT_EQ(early->status, 413);
    EXPECT_EQ(early->header("Connection"), "close");
}

TEST(Server, AsksForABodyOnlyWhenItWantsIt) {
    auto server = started([](const RequestHead& head) {
        if (head.path == "/no") return Plan::refuse(problem(401, "who are you?"));
        return Plan::inline_(echo, 100);
    });
    const std::string head = " HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n";
    RawClient client(server.port());
    ASSERT_TRUE(client.send("PUT /yes" + head));
    EXPECT_EQ(client.read_until("\r\n\r\n"), "HTTP/1.1 100 Continue\r\n\r\n");
    EXPECT_EQ(client.ask("hello")->body, "PUT /yes [hello]");
    // A client that did not wait is not told to go on.
    EXPECT_EQ(client.ask("PUT /yes" + head + "hello")->status, 200);
    const auto refused = client.ask("PUT /no" + head);
    EXPECT_EQ(refused->status, 401);
    EXPECT_EQ(refused->header("Connection"), "close");  // nobody knows whether the body is on its way
    EXPECT_TRUE(client.closed());
    RawClient other(server.port());
    EXPECT_EQ(other.ask("PUT /yes HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nExpect: tea\r\n\r\n")->status,
              417);
}

TEST(Server, AnswersHeadLikeGetWithoutTheBody) {
    auto server = started(plan_echo);
    RawClient client(server.port());
    ASSERT_TRUE(client.send("HEAD /a HTTP/1.1\r\nHost: x\r\n\r\n"));
    const auto reply = client.reply(true);
    EXPECT_EQ(reply->header("Content-Length"), std::to_string(std::string("HEAD /a []").size()));
    EXPECT_EQ(client.ask(get("/b"))->body, "GET /b []");
}

TEST(Server, KeepsToTheVersionsRules) {
    auto server = started([](const RequestHead& head) {
        if (head.path == "/204") return Plan::refuse(Response::empty(204));
        return plan_echo(head);
    });
    {
        RawClient client(server.port());
        const auto reply = client.ask("GET / HTTP/1.0\r\n\r\n");
        EXPECT_EQ(reply->status, 200);
        EXPECT_EQ(reply->header("Connection"), "close");
        EXPECT_TRUE(client.closed());
    }
    {
        RawClient client(server.port());
        const auto reply = client.ask("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
        EXPECT_EQ(reply->header("Connection"), "keep-alive");
        EXPECT_EQ(client.ask("GET /2 HTTP/1.0\r\nConnection: keep-alive\r\n\r\n")->body, "GET /2 []");
    }
    {
        RawClient client(server.port());
        EXPECT_EQ(client.ask(get("/", "Connection: close\r\n"))->header("Connection"), "close");
        EXPECT_TRUE(client.closed());
    }
    RawClient client(server.port());
    const auto empty = client.ask(get("/204"));
    EXPECT_EQ(empty->header("Content-Length"), "");
    EXPECT_EQ(client.ask("GET http://x/a?b HTTP/1.1\r\nHost: x\r\n\r\n")->body, "GET /a ? b []");
    EXPECT_EQ(client.ask("OPTIONS * HTTP/1.1\r\nHost: x\r\n\r\n")->body, "OPTIONS * []");
    EXPECT_EQ(client.ask("BREW /pot HTTP/1.1\r\nHost: x\r\n\r\n")->body, "BREW /pot []");
    EXPECT_EQ(client.ask("\r\n\r\n" + get("/b"))->body, "GET /b []");  // RFC 9112 2.2
    client.shutdown_write();
    EXPECT_TRUE(client.closed());
}

TEST(Server, AnswersLaterFromAnyThread) {
    std::vector<std::thread> others;
    std::mutex mutex;
    auto server = started([&](const RequestHead&) {
        return Plan::inline_([&](Request& request, Responder answer) {
            const std::lock_guard lock(mutex);
            others.emplace_back(
                [path = std::string(request.head.path), answer = std::move(answer)]() mutable {
                    answer.send(Response::text(200, path));
                    EXPECT_FALSE(answer);
                });
        });
    });
    std::vector<std::unique_ptr<RawClient>> clients;
    for (int i = 0; i < 20; ++i) clients.push_back(std::make_unique<RawClient>(server.port()));
    for (int i = 0; i < 20; ++i) clients[static_cast<std::size_t>(i)]->send(get("/" + std::to_string(i)));
    for (int i = 0; i < 20; ++i)
        EXPECT_EQ(clients[static_cast<std::size_t>(i)]->reply()->body, "/" + std::to_string(i));
    server.stop();
    for (auto& other : others) other.join();
}

TEST(Server, AnswersForHandlersThatForgetOrThrow) {
    auto server = started([](const RequestHead& head) {
        if (head.path == "/plan") throw std::runtime_error("a bug");
        if (head.path == "/nothing") return Plan();
        const auto lane = head.query == "worker" ? Plan::worker : Plan::inline_;
        if (head.path == "/forgets") return lane([](Request&, Responder) {}, 0);
        if (head.path == "/splits")
            return lane(
                [](Request&, Responder answer) { answer.send(Response::empty(200).with("X", "a\r\nY: b")); },
                0);
        return lane([](Request&, Responder) { throw std::runtime_error("a secret"); }, 0);
    });
    RawClient client(server.port());
    for (const auto* path :
         {"/plan", "/nothing", "/forgets", "/forgets?worker", "/throws", "/throws?worker", "/splits"}) {
        const auto reply = client.ask(get(path));
        ASSERT_TRUE(reply) << path;
        EXPECT_EQ(reply->status, 500) << path;
        EXPECT_EQ(reply->header("Content-Type"), "application/problem+json");
        EXPECT_EQ(reply->body.find("secret"), std::string::npos);
    }
    EXPECT_EQ(server.counters().failed, 6u);
}

TEST(Server, SendsLargeAndSharedAndMadeUpAnswers) {
    struct Counting final : BodySource {
        int left = 1000;
        Result<std::size_t> read(std::span<std::byte> out) override {
            if (left-- == 0) return std::size_t{0};
            std::fill_n(out.begin(), 1000, std::byte{'s'});
            return std::size_t{1000};
        }
    };
    struct Failing final : BodySource {
        bool first = true;
        Result<std::size_t> read(std::span<std::byte> out) override {
            if (!std::exchange(first, false)) return fail(ErrorCode::io, "the disk is gone");
            std::fill_n(out.begin(), 10, std::byte{'s'});
            return std::size_t{10};
        }
    };
    const auto shared = std::make_shared<const std::string>(3'000'000, 'h');
    auto server = started([&](const RequestHead& head) {
        Response response;
        if (head.path == "/large") response.body = std::string(10'000'000, 'l');
        if (head.path == "/shared") response.shared = shared;
        if (head.path == "/source") response.source = std::make_shared<Counting>();
        if (head.path == "/failing") response.source = std::make_shared<Failing>();
        return Plan::refuse(std::move(response));
    });
    RawClient client(server.port());
    EXPECT_EQ(client.ask(get("/large"))->body, std::string(10'000'000, 'l'));
    EXPECT_EQ(client.ask(get("/shared"))->body, *shared);
    EXPECT_EQ(client.ask(get("/source"))->body, std::string(1'000'000, 's'));
    ASSERT_TRUE(client.send("HEAD /source HTTP/1.1\r\nHost: x\r\n\r\n"));
    EXPECT_EQ(client.reply(true)->status, 200);
    RawClient old(server.port());
    EXPECT_EQ(old.ask("GET /source HTTP/1.0\r\n\r\n")->body, std::string(1'000'000, 's'));
    EXPECT_FALSE(client.ask(get("/failing")));  // cut: the client can't take it for the whole
}

TEST(Server, NamesWhoAsks) {
    const auto peer_of = [](Server& server, std::string_view headers) {
        RawClient client(server.port());
        return client.ask(get("/", headers))->body;
    };
    const Handler who = [](const RequestHead& head) {
        return Plan::refuse(Response::text(200, std::string(head.peer)));
    };
    auto open = started(who);
    EXPECT_EQ(peer_of(open, "X-Forwarded-For: 203.0.113.7\r\n"), "127.0.0.1");
    auto behind_proxy = started(who, {.trusted_proxies = {"127.0.0.1"}});
    EXPECT_EQ(peer_of(behind_proxy, "X-Forwarded-For: 6.6.6.6, 203.0.113.7\r\n"), "203.0.113.7");
    EXPECT_EQ(
        peer_of(behind_proxy, "X-Forwarded-For: 6.6.6.6\r\nX-Forwarded-For: 203.0.113.7, 127.0.0.1\r\n"),
        "203.0.113.7");
    EXPECT_EQ(peer_of(behind_proxy, ""), "127.0.0.1");
}

TEST(Server, SaysWhichRequestAnAnswerBelongsTo) {
    std::mutex mutex;
    std::vector<std::string> observed;
    auto server = started(
        [](const RequestHead& head) {
            Plan plan = Plan::refuse(head.path == "/busy" ? problem(503, "later") : problem(404, "nothing"));
            if (head.path == "/busy") plan.refusal->note = "the disk is full";
            plan.tag = 7;
            return plan;
        },
        {.observe = [&](const Answered& answered) {
            const std::lock_guard lock(mutex);
            observed.push_back(std::string(answered.id) + ' ' + std::to_string(answered.tag) + ' ' +
                               std::string(answered.note));
        }});
    RawClient client(server.port());
    std::vector<std::string> ids;
    for (const char* path : {"/a", "/busy"}) {
        const auto answer = client.ask(get(path));
        ids.push_back(answer->header("X-Request-Id"));
        EXPECT_THAT(answer->body, HasSubstr("\"instance\":\"/requests/" + ids.back() + "\"}"));
        EXPECT_THAT(answer->body, ::testing::Not(HasSubstr("disk is full")));
    }
    const auto unread = client.ask("GET / HTTP/1.1\r\n\r\n");
    EXPECT_THAT(unread->body, HasSubstr("\"instance\":\"/requests/"));
    EXPECT_THAT(ids, ::testing::Each(::testing::MatchesRegex("[0-9a-f]{16}")));
    EXPECT_NE(ids[0], ids[1]);
    server.stop();
    EXPECT_EQ(observed.at(0), ids[0] + " 7 ");
    EXPECT_EQ(observed.at(1), ids[1] + " 7 the disk is full");
}

TEST(Server, TellsTheObserverOfEachAnswer) {
    std::mutex mutex;
    std::vector<std::string> seen;
    auto server = started(plan_echo, {.observe = [&](const Answered& answered) {
                              const std::lock_guard lock(mutex);
                              seen.push_back((answered.head ? std::string(answered.head->path) : "?") + " " +
                                             std::to_string(answered.status) + " " +
                                             std::to_string(answered.body_bytes_in) +
                                             (answered.whole ? " whole" : " cut"));
                          }});
    RawClient client(server.port());
    EXPECT_EQ(client.ask(post("/a", "12345"))->status, 200);
    EXPECT_EQ(client.ask("GET / HTTP/1.1\r\n\r\n")->status, 400);
    EXPECT_TRUE(client.closed());
    server.stop();
    EXPECT_THAT(seen, ::testing::ElementsAre("/a 200 5 whole", "? 400 0 whole"));
}

TEST(Server, SaysWhyItCannotListen) {
    auto first = started(plan_echo);
    const auto start = [](std::string listen, std::vector<std::string> proxies = {}) {
        auto server =
            Server::start({.listen = std::move(listen), .trusted_proxies = std::move(proxies)}, plan_echo);
        return server ? Error{} : server.error();
    };
    EXPECT_EQ(start(first.address()).code, ErrorCode::conflict);
    EXPECT_THAT(start(first.address()).message, HasSubstr("another program"));
    EXPECT_EQ(start("192.0.2.1:0").code, ErrorCode::invalid);
    EXPECT_THAT(start("192.0.2.1:0").message, HasSubstr("no such address"));
    for (const auto* wrong : {"", "8080", "127.0.0.1", "127.0.0.1:", "127.0.0.1:70000", "127.0.0.1:-1",
                              "example.org:80", "[::1:80", "::1:80", "[127.0.0.1]:80"})
        EXPECT_THAT(start(wrong).message, HasSubstr("ADDRESS:PORT")) << wrong;
    EXPECT_THAT(start("127.0.0.1:0", {"x"}).message, HasSubstr("proxy"));
}

TEST(Server, HoldsThousandsOfConnectionsAtOnce) {
    rlimit files{};
    getrlimit(RLIMIT_NOFILE, &files);
    files.rlim_cur = files.rlim_max;
    setrlimit(RLIMIT_NOFILE, &files);
    const std::size_t wanted = std::min<std::size_t>(3000, (files.rlim_cur - 200) / 2);
    auto server = started([](const RequestHead&) { return Plan::worker(echo, 100); }, {.io_threads = 2});
    std::vector<std::unique_ptr<RawClient>> clients;
    for (std::size_t i = 0; i < wanted; ++i) {
        clients.push_back(std::make_unique<RawClient>(server.port()));
        ASSERT_TRUE(clients.back()->connected()) << i;
    }
    ASSERT_TRUE(eventually([&] { return server.counters().connections == wanted; }));
    for (int round = 0; round < 2; ++round) {
        for (std::size_t i = 0; i < wanted; i += 500) {  // no more at once than the queue takes
            const auto end = std::min(i + 500, wanted);
            for (auto j = i; j < end; ++j) ASSERT_TRUE(clients[j]->send(get("/" + std::to_string(j))));
            for (auto j = i; j < end; ++j) {
                const auto reply = clients[j]->reply();
                ASSERT_TRUE(reply) << j;
                ASSERT_EQ(reply->body, "GET /" + std::to_string(j) + " []");
            }
        }
    }
    clients.clear();
    EXPECT_TRUE(eventually([&] { return server.counters().connections == 0; }));
}

TEST(Server, OutlivesClientsThatDieInTheMiddle) {
    auto server = started([](const RequestHead& head) {
        if (head.path == "/large") return Plan::refuse(Response::text(200, std::string(5'000'000, 'x')));
        return Plan::worker(echo, 10'000'000);
    });
    const std::string upload = post("/u", std::string(1'000'000, 'x'));
    for (int i = 0; i < 200; ++i) {
        RawClient client(server.port());
        switch (i % 4) {
            case 0:
                client.send(std::string_view(upload).substr(0, 30));
                break;  // in the head
            case 1:
                client.send(std::string_view(upload).substr(0, 500'000));
                break;  // in the body
            case 2:
                client.send(get("/large"));
                client.read_until("\r\n\r\n");
                break;  // in the answer
            default:
                client.send(upload);
                break;  // before the answer
        }
        if (i % 8 < 4) client.reset();
    }
    EXPECT_TRUE(eventually([&] { return server.counters().connections == 0; }));
    EXPECT_EQ(server.counters().body_bytes, 0u);
    EXPECT_EQ(RawClient(server.port()).ask(get("/"))->status, 200);
}

}  // namespace
}  // namespace rushlight::http
