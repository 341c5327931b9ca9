// Webhooks from publish() to a real receiver on loopback, on both stores.
#include "message/message.h"

#include "message/message_store.h"
#include "message/testing/receiver.h"
#include "net/net.h"
#include "store/testing/place.h"

#include <algorithm>
#include <atomic>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace rushlight::message {
namespace {

using namespace std::chrono_literals;
using testing::Act;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::SizeIs;

class ManualClock final : public Clock {
  public:
    Time now() const override { return {micros_.load()}; }
    void advance(std::chrono::microseconds by) { micros_ += by.count(); }

  private:
    std::atomic<std::int64_t> micros_{1'767'225'600'000'000};
};

// Not a seal, but it opens only what it sealed, for the same purpose.
class TestSealer final : public Sealer {
  public:
    Result<ByteVector> seal(std::string_view purpose, Bytes secret) const override {
        ByteVector sealed;
        for (const char c : purpose) sealed.push_back(static_cast<std::byte>(c));
        sealed.push_back(std::byte{0});
        for (const std::byte b : secret) sealed.push_back(b ^ std::byte{0x5a});
        return sealed;
    }
    Result<ByteVector> open(std::string_view purpose, Bytes sealed) const override {
        if (locked) return fail(ErrorCode::not_found, "the key file is missing");
        if (!text_of(sealed).starts_with(std::string(purpose) + '\0'))
            return fail(ErrorCode::denied, "sealed for something else");
        ByteVector secret;
        for (const std::byte b : sealed.subspan(purpose.size() + 1)) secret.push_back(b ^ std::byte{0x5a});
        return secret;
    }
    bool locked = false;
};

class MessageTest : public ::testing::TestWithParam<store::testing::Kind> {
  protected:
    store::testing::Place place{GetParam()};
    store::Store store = store::testing::open(place, {queue::schema(), schema()});
    ManualClock clock;
    TestSealer sealer;
    testing::Receiver receiver;
    net::Client client = make_client({"127.0.0.1:" + std::to_string(receiver.port())});
    std::unique_ptr<Deliver> deliver = deliver_with(client, 5s);
    queue::Workers workers = start(*deliver);

    static net::Client make_client(const std::vector<std::string>& allowed) {
        return *net::Client::create({.guard = *net::Guard::create(allowed)});
    }
    queue::Workers start(const Deliver& by) {
        auto made = queue::Workers::start(store, {deliveries(store, sealer, by, clock)},
                                          {.clock = clock, .threads = 0});
        EXPECT_TRUE(made) << made.error().message;
        return std::move(*made);
    }
    void run() {
        auto count = workers.run_due();
        ASSERT_TRUE(count) << count.error().message;
    }
    // Until nothing is to be done any more, or for so long.
    void run_for(std::chrono::seconds time) {
        for (const Time end = clock.now() + time; clock.now() < end; clock.advance(30s)) run();
    }
    template <class Work>
    auto write(Work&& work) {
        std::optional<typename std::invoke_result_t<Work, store::Writer&>::value_type> value;
        const auto status = store.write([&](store::Writer& w) -> Status {
            auto result = work(w);
            if (!result) return pass(result.error());
            value = std::move(*result);
            return {};
        });
        EXPECT_TRUE(status) << status.error().message;
        return value ? *value : typename decltype(value)::value_type{};
    }
    Status change(const std::function<Status(store::Writer&)>& work) { return store.write(work); }
    template <class Work>
    auto read(Work&& work) {
        std::optional<typename std::invoke_result_t<Work, store::Reader&>::value_type> value;
        const auto status = store.read([&](store::Reader& r) -> Status {
            auto result = work(r);
            if (!result) return pass(result.error());
            value = std::move(*result);
            return {};
        });
        EXPECT_TRUE(status) << status.error().message;
        return value ? *value : typename decltype(value)::value_type{};
    }
    Created create(const std::string& url, std::vector<std::string> events = {}) {
        return write([&](store::Writer& w) {
            return create_endpoint(w, sealer, {.url = url, .events = events}, clock.now());
        });
    }
    int publish_one(std::string_view type = "check.done", std::string_view data = R"({"check":"c1"})") {
        return write([&](store::Writer& w) { return publish(w, type, data, clock.now()); });
    }
    std::vector<Attempt> tries(EndpointId id) {
        return read([&](store::Reader& r) { return history(r, id); });
    }
    Endpoint look(EndpointId id) {
        return read([&](store::Reader& r) { return endpoint(r, id); });
    }
    std::vector<queue::DeadLetter> dead(EndpointId id) {
        return read([&](store::Reader& r) { return dead_letters(r, id); });
    }
    // The data of what came, in its order.
    std::vector<std::string> came() {
        std::vector<std::string> all;
        for (const auto& request : receiver.received()) {
            const std::size_t at = request.body.find("\"data\":");
            all.push_back(request.body.substr(at + 7, request.body.size() - at - 8));
        }
        return all;
    }
};
INSTANTIATE_TEST_SUITE_P(, MessageTest, store::testing::both(), store::testing::name_of);

TEST_P(MessageTest, SendsASignedPostThatTheReceiverCanVerify) {
    const Created made = create(receiver.url("/hook?a=b"));
    EXPECT_EQ(publish_one("check.matched", R"({"check":"c1"})"), 1);
    run();
    ASSERT_THAT(receiver.received(), SizeIs(1));
    auto request = receiver.received()[0];
    EXPECT_EQ(request.line, "POST /hook?a=b HTTP/1.1");
    EXPECT_EQ(request.headers["content-type"], "application/json");
    EXPECT_EQ(request.headers["rushlight-type"], "check.matched");
    const std::string id = request.headers["rushlight-event"];
    EXPECT_EQ(
        request.body,
        R"({"id":")" + id + R"(","type":"check.matched","at":"2026-01-01T00:00:00Z","data":{"check":"c1"}})");
    const std::string signature = request.headers["rushlight-signature"];
    EXPECT_TRUE(verify(signature, request.body, made.secret, clock.now()));
    EXPECT_FALSE(verify(signature, request.body + " ", made.secret, clock.now()));
    const auto all = tries(made.id);
    ASSERT_THAT(all, SizeIs(1));
    EXPECT_TRUE(all[0].delivered);
    EXPECT_EQ(all[0].status, 200);
    EXPECT_EQ(all[0].number, 1);
    EXPECT_EQ(all[0].event, id);
    EXPECT_EQ(all[0].at, clock.now());
    EXPECT_EQ(read([&](store::Reader& r) { return event_body(r, id); }), request.body);
}

TEST_P(MessageTest, SendsOnlyWhatWasCommittedAndToWhomItWants) {
    create(receiver.url("/all"));
    create(receiver.url("/matched"), {"check.matched", "check.matched", "canary.missed"});
    EXPECT_FALSE(change([&](store::Writer& w) -> Status {
        if (auto sent = publish(w, "check.done", "1", clock.now()); !sent) return pass(sent.error());
        return fail(ErrorCode::cancelled, "undone");
    }));
    EXPECT_EQ(publish_one("check.done", "2"), 1);
    EXPECT_EQ(publish_one("check.matched", "3"), 2);
    run();
    std::vector<std::string> lines;
    for (const auto& request : receiver.received()) lines.push_back(request.line.substr(5, 8));
    EXPECT_THAT(came(), ::testing::UnorderedElementsAre("2", "3", "3"));
    EXPECT_EQ(std::ranges::count(lines, "/matched"), 1);
    EXPECT_THAT(read([&](store::Reader& r) { return endpoints(r); })[1].events,
                ElementsAre("check.matched", "canary.missed"));
}

TEST_P(MessageTest, TriesAgainUntilItIsDeliveredAndKeepsTheOrder) {
    const Created made = create(receiver.url());
    receiver.will({{.status = 500}, {.status = 500}, {.status = 302, .headers = "Location: /other\r\n"}});
    publish_one("check.done", "1");
    publish_one("check.done", "2");
    run();
    EXPECT_THAT(receiver.received(), SizeIs(1));
    run_for(10min);
    EXPECT_THAT(came(), ElementsAre("1", "1", "1", "1", "2"));
    const auto all = tries(made.id);
    ASSERT_THAT(all, SizeIs(5));
    EXPECT_EQ(all[4].why, "it answered 500");
    EXPECT_THAT(all[2].why, HasSubstr("redirects are not followed"));
    EXPECT_EQ(all[1].number, 4);
    EXPECT_TRUE(all[1].delivered);
    EXPECT_EQ(all[1].why, "");
    EXPECT_THAT(dead(made.id), IsEmpty());
    // Each try is signed anew, and is the same event.
    auto requests = receiver.received();
    EXPECT_NE(requests[0].headers["rushlight-signature"], requests[1].headers["rushlight-signature"]);
    EXPECT_EQ(requests[0].headers["rushlight-event"], requests[3].headers["rushlight-event"]);
}

TEST_P(MessageTest, DoesNotLetOneEndpointWaitForAnother) {
    testing::Receiver other;
    net::Client both = make_client(
        {"127.0.0.1:" + std::to_string(receiver.port()), "127.0.0.1:" + std::to_string(other.port())});
    const auto to_both = deliver_with(both, 5s);
    workers = start(*to_both);
    other.will({}, {.status = 500});
    create(other.url());
    create(receiver.url());
    publish_one("check.done", "1");
    publish_one("check.done", "2");
    run();
    EXPECT_THAT(came(), ElementsAre("1", "2"));
    EXPECT_THAT(other.received(), SizeIs(1));
}

TEST_P(MessageTest, ComesAgainWhenTheReceiverAskedTo) {
    create(receiver.url());
    receiver.will({{.status = 429, .headers = "Retry-After: 3600\r\n"},
                   {.status = 503, .headers = "Retry-After: Thu, 01 Jan 2026 03:00:00 GMT\r\n"}});
    publish_one();
    run_for(59min);
    EXPECT_THAT(receiver.received(), SizeIs(1));
    run_for(3min);
    EXPECT_THAT(receiver.received(), SizeIs(2));
    run_for(117min);
    EXPECT_THAT(receiver.received(), SizeIs(2));
    run_for(3min);
    EXPECT_THAT(receiver.received(), SizeIs(3));
}

TEST_P(MessageTest, PausesAnEndpointThatIsGoneAndSendsAgainWhenItIsBack) {
    const Created made = create(receiver.url());
    receiver.will({{.status = 410}});
    publish_one("check.done", "1");
    publish_one("check.done", "2");
    run();
    publish_one("check.done", "3");
    run();
    EXPECT_THAT(receiver.received(), SizeIs(1));
    EXPECT_TRUE(look(made.id).paused);
    EXPECT_THAT(look(made.id).why_paused, HasSubstr("410"));
    ASSERT_THAT(dead(made.id), SizeIs(3));
    EXPECT_THAT(dead(made.id)[0].why, HasSubstr("paused"));
    EXPECT_TRUE(change([&](store::Writer& w) { return activate(w, made.id); }));
    EXPECT_FALSE(look(made.id).paused);
    EXPECT_EQ(look(made.id).why_paused, "");
    EXPECT_EQ(write([&](store::Writer& w) { return resend_dead(w, made.id, clock.now(), 2); }), 2);
    EXPECT_EQ(write([&](store::Writer& w) { return resend_dead(w, made.id, clock.now(), 2); }), 1);
    run();
    EXPECT_THAT(came(), ElementsAre("1", "1", "2", "3"));
    EXPECT_THAT(dead(made.id), IsEmpty());
}

TEST_P(MessageTest, GivesUpAfterHoursAndPauses) {
    const Created made = create(receiver.url());
    receiver.will({}, {.status = 500});
    publish_one();
    const Time began = clock.now();
    while (!look(made.id).paused && clock.now() < began + 24h) {
        run();
        clock.advance(5min);
    }
    EXPECT_GE(clock.now() - began, 6h);
    EXPECT_LE(clock.now() - began, 14h);
    EXPECT_THAT(receiver.received(), SizeIs(kAttempts));
    EXPECT_THAT(look(made.id).why_paused, HasSubstr("16 tries"));
    EXPECT_THAT(dead(made.id), SizeIs(1));
}

TEST_P(MessageTest, SaysInWordsWhatAReceiverDidThatLiesOrHangsUp) {
    const Created made = create(receiver.url());
    const auto impatient = deliver_with(client, 300ms);
    workers = start(*impatient);
    receiver.will({{.manner = Act::Manner::hang_up},
                   {.manner = Act::Manner::cut_in_head},
                   {.manner = Act::Manner::babble},
                   {.manner = Act::Manner::silence},
                   {.status = 500, .manner = Act::Manner::cut_in_content}},
                  {.manner = Act::Manner::cut_in_content});
    publish_one();
    run_for(1h);
    const auto all = tries(made.id);
    ASSERT_THAT(all, SizeIs(6));
    for (std::size_t i = 2; i < 6; ++i) {
        EXPECT_EQ(all[i].status, 0) << i;
        EXPECT_THAT(all[i].why, Not(IsEmpty())) << i;
        EXPECT_THAT(all[i].why, Not(HasSubstr("/hook"))) << i;
    }
    EXPECT_GE(all[2].milliseconds, 250);
    EXPECT_EQ(all[1].status, 500);
    // It said 200: that it broke off what it said then does not matter.
    EXPECT_EQ(all[0].status, 200);
    EXPECT_TRUE(all[0].delivered);
}

TEST_P(MessageTest, DoesNotReadAnEndlessAnswerToItsEnd) {
    const Created made = create(receiver.url());
    receiver.will({{.manner = Act::Manner::endless}});
    publish_one();
    run();
    ASSERT_THAT(tries(made.id), SizeIs(1));
    EXPECT_TRUE(tries(made.id)[0].delivered);
}

TEST_P(MessageTest, ConnectsToNoAddressThatTheGuardRefuses) {
    testing::Receiver not_allowed;
    const Created made = create(not_allowed.url());
    publish_one();
    run();
    EXPECT_THAT(not_allowed.received(), IsEmpty());
    ASSERT_THAT(tries(made.id), SizeIs(1));
    EXPECT_EQ(tries(made.id)[0].status, 0);
    EXPECT_THAT(tries(made.id)[0].why, Not(IsEmpty()));
}

TEST_P(MessageTest, SignsWithBothSecretsWhileOneReplacesTheOther) {
    const Created made = create(receiver.url());
    EXPECT_FALSE(look(made.id).old_secret_until);
    const std::string second =
        write([&](store::Writer& w) { return rotate_secret(w, sealer, made.id, 1h, clock.now()); });
    EXPECT_EQ(look(made.id).old_secret_until, clock.now() + 1h);
    publish_one();
    run();
    clock.advance(1h);
    publish_one();
    run();
    auto requests = receiver.received();
    ASSERT_THAT(requests, SizeIs(2));
    const auto verified = [&](std::size_t i, const std::string& secret) {
        return verify(requests[i].headers["rushlight-signature"], requests[i].body, secret, clock.now(), 2h)
            .has_value();
    };
    EXPECT_TRUE(verified(0, made.secret));
    EXPECT_TRUE(verified(0, second));
    EXPECT_FALSE(verified(1, made.secret));
    EXPECT_TRUE(verified(1, second));
}

TEST_P(MessageTest, KeepsSecretsSealed) {
    const Created made = create(receiver.url());
    EXPECT_THAT(made.secret, HasSubstr("rls_"));
    EXPECT_TRUE(store.read([&](store::Reader& r) {
        return r.each("SELECT secret FROM message_endpoint", {}, [&](const store::Row& row) {
            EXPECT_THAT(std::string(text_of(row.bytes(0))), Not(HasSubstr(made.secret)));
        });
    }));
    // Without the key nothing is sent, and it is tried again when the key is back.
    sealer.locked = true;
    publish_one();
    run();
    EXPECT_THAT(receiver.received(), IsEmpty());
    sealer.locked = false;
    run_for(1min);
    EXPECT_THAT(receiver.received(), SizeIs(1));
}

TEST_P(MessageTest, SendsATestAtOnceAndOnceEvenToAPausedEndpoint) {
    const Created made = create(receiver.url(), {"check.matched"});
    EXPECT_TRUE(change([&](store::Writer& w) { return pause(w, made.id); }));
    receiver.will({{.status = 500}});
    const std::string first = write([&](store::Writer& w) { return send_test(w, made.id, clock.now()); });
    run_for(1h);
    const std::string second = write([&](store::Writer& w) { return send_test(w, made.id, clock.now()); });
    run();
    const auto all = tries(made.id);
    ASSERT_THAT(all, SizeIs(2));
    EXPECT_EQ(all[1].event, first);
    EXPECT_EQ(all[1].status, 500);
    EXPECT_EQ(all[0].event, second);
    EXPECT_TRUE(all[0].delivered);
    EXPECT_EQ(all[0].type, "test");
    EXPECT_THAT(dead(made.id), IsEmpty());
    EXPECT_TRUE(look(made.id).paused);
}

TEST_P(MessageTest, RefusesWhatItCannotSend) {
    const auto code = [&](const std::function<Status(store::Writer&)>& work) {
        const auto status = change(work);
        return status ? -1 : static_cast<int>(status.error().code);
    };
    const int invalid = static_cast<int>(ErrorCode::invalid);
    const int missing = static_cast<int>(ErrorCode::not_found);
    const auto to = [&](const std::string& url, std::vector<std::string> events = {}) {
        return code([&](store::Writer& w) {
            return create_endpoint(w, sealer, {.url = url, .events = events}, clock.now())
                .map([](const Created&) {});
        });
    };
    EXPECT_EQ(to("not a link"), invalid);
    EXPECT_EQ(to("ftp://a.example/"), invalid);
    EXPECT_EQ(to("file:///etc/passwd"), invalid);
    EXPECT_EQ(to("javascript:alert(1)"), invalid);
    EXPECT_EQ(to("https://user:word@a.example/"), invalid);
    EXPECT_EQ(to("https://a.example/" + std::string(kMostUrl, 'x')), invalid);
    EXPECT_EQ(to("https://a.example/", {"check.unknown"}), invalid);
    EXPECT_EQ(to("https://a.example/", {"check.done'; DROP TABLE message_event; --"}), invalid);
    const auto event = [&](std::string_view type, std::string_view data) {
        return code([&](store::Writer& w) { return publish(w, type, data, clock.now()).map([](int) {}); });
    };
    create(receiver.url() + "#fragment");
    EXPECT_EQ(read([&](store::Reader& r) { return endpoints(r); })[0].url, receiver.url());
    EXPECT_EQ(event("check.unknown", "1"), invalid);
    EXPECT_EQ(event("check.done", ""), invalid);
    EXPECT_EQ(event("check.done", "{"), invalid);
    EXPECT_EQ(event("check.done", R"("x","type":"test")"), invalid);
    EXPECT_EQ(event("check.done", '"' + std::string(kMostData, 'x') + '"'), invalid);
    EXPECT_EQ(code([&](store::Writer& w) { return pause(w, {99}); }), missing);
    EXPECT_EQ(code([&](store::Writer& w) { return activate(w, {99}); }), missing);
    EXPECT_EQ(code([&](store::Writer& w) { return remove_endpoint(w, {99}); }), missing);
    EXPECT_EQ(code([&](store::Writer& w) { return change_endpoint(w, {99}, {.url = "https://a.example/"}); }),
              missing);
    EXPECT_EQ(code([&](store::Writer& w) {
                  return send_test(w, {99}, clock.now()).map([](const std::string&) {});
              }),
              missing);
    EXPECT_EQ(code([&](store::Writer& w) {
                  return rotate_secret(w, sealer, {99}, 1h, clock.now()).map([](const std::string&) {});
              }),
              missing);
    for (int i = 1; i < kMostEndpoints; ++i) create("https://a.example/");
    EXPECT_EQ(to("https://a.example/"), static_cast<int>(ErrorCode::limit));
}

TEST_P(MessageTest, ForgetsARemovedEndpointWhole) {
    const Created made = create(receiver.url());
    receiver.will({{.status = 410}});
    publish_one("check.done", "1");
    run();
    EXPECT_TRUE(change([&](store::Writer& w) { return activate(w, made.id); }));
    receiver.will({{.status = 500}});
    publish_one("check.done", "2");
    run();
    EXPECT_TRUE(change([&](store::Writer& w) { return remove_endpoint(w, made.id); }));
    EXPECT_THAT(tries(made.id), IsEmpty());
    EXPECT_THAT(dead(made.id), IsEmpty());
    run_for(1h);
    EXPECT_THAT(receiver.received(), SizeIs(2));
    EXPECT_THAT(dead(made.id), IsEmpty());
    EXPECT_EQ(publish_one("check.done", "3"), 0);
}

TEST_P(MessageTest, ForgetsWhatIsOldAndSaysSoWhereItIsStillWanted) {
    const Created made = create(receiver.url());
    receiver.will({}, {.status = 410});
    publish_one();
    run();
    const std::string event = tries(made.id)[0].event;
    clock.advance(48h);
    EXPECT_EQ(write([&](store::Writer& w) { return forget(w, clock.now() + -24h); }), 2);
    EXPECT_EQ(read([&](store::Reader& r) { return event_body(r, event); }), std::nullopt);
    EXPECT_THAT(tries(made.id), IsEmpty());
    EXPECT_TRUE(change([&](store::Writer& w) { return activate(w, made.id); }));
    EXPECT_EQ(write([&](store::Writer& w) { return resend_dead(w, made.id, clock.now()); }), 1);
    run();
    ASSERT_THAT(dead(made.id), SizeIs(1));
    EXPECT_THAT(dead(made.id)[0].why, HasSubstr("no longer kept"));
}

TEST_P(MessageTest, KeepsSoManyTriesOfEachEndpoint) {
    const Created made = create(receiver.url());
    const Created other = create(receiver.url("/other"));
    EXPECT_TRUE(change([&](store::Writer& w) -> Status {
        for (int i = 1; i <= kHistory + 5; ++i)
            for (const Created* one : {&made, &other})
                if (auto kept = record(w, one->id, {.event = "evt_" + std::to_string(i), .number = i}); !kept)
                    return kept;
        return {};
    }));
    const auto all = read([&](store::Reader& r) { return history(r, made.id, 100'000); });
    ASSERT_THAT(all, SizeIs(kHistory));
    EXPECT_EQ(all.front().number, kHistory + 5);
    EXPECT_EQ(all.back().number, 6);
    EXPECT_THAT(read([&](store::Reader& r) { return history(r, other.id, 100'000); }), SizeIs(kHistory));
    EXPECT_THAT(tries(made.id), SizeIs(50));
}

TEST_P(MessageTest, StopsInTheMiddleOfAPostAndSendsItAgainLater) {
    const Created made = create(receiver.url());
    const auto patient = deliver_with(client, 60s);
    receiver.will({{.manner = Act::Manner::silence}});
    publish_one();
    auto threaded = queue::Workers::start(store, {deliveries(store, sealer, *patient, clock)},
                                          {.clock = clock, .threads = 2});
    ASSERT_TRUE(threaded);
    ASSERT_TRUE(receiver.wait_for(1));
    threaded->stop();
    EXPECT_THAT(tries(made.id), IsEmpty());
    run();
    ASSERT_THAT(tries(made.id), SizeIs(1));
    EXPECT_EQ(tries(made.id)[0].number, 1);
    EXPECT_TRUE(tries(made.id)[0].delivered);
}

}  // namespace
}  // namespace rushlight::message
