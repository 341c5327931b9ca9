// What a client sees of a well-behaved exchange: order, framing, connections kept and closed.
#include "http/http.h"
#include "http/testing/raw_client.h"

#include <future>
#include <thread>

#include <gtest/gtest.h>

namespace rushlight::http {
namespace {

using testing::get;
using testing::post;
using testing::RawClient;

// Answers with what it was asked: method, path, query, body.
Plan echo(const RequestHead&) {
    return Plan::inline_(
        [](Request& request, Responder answer) {
            std::string text(request.head.method_name);
            text += ' ';
            text += request.head.path;
            if (!request.head.query.empty()) text += " ? " + std::string(request.head.query);
            text += " [" + request.body + "]";
            answer.send(Response::text(200, std::move(text)));
        },
        1024 * 1024);
}

Server started(Handler handler, Options options = {}) {
    options.listen = "127.0.0.1:0";
    auto server = Server::start(std::move(options), std::move(handler));
    if (!server) throw std::runtime_error(server.error().message);
    return std::move(*server);
}

TEST(Server, AnswersManyRequestsOnOneConnection) {
    auto server = started(echo);
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
    EXPECT_EQ(server.counters().accepted, 1u);
    EXPECT_EQ(server.counters().requests, 100u);
    EXPECT_EQ(server.counters().answers[2], 100u);
}

}  // namespace
}  // namespace rushlight::http
