#include "check/service.h"

#include "audit/audit.h"
#include "store/testing/place.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <cstdlib>
#include <filesystem>
#include <new>
#include <thread>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>
#include <unistd.h>

namespace rushlight::check {
namespace {

using nlohmann::json;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::SizeIs;

// A clock that stands until it is set. What hangs on it happens the next time that it is looked at.
class HandClock : public Clock {
  public:
    Time now() const override {
        if (const auto todo = std::exchange(meanwhile, nullptr)) todo();
        return {micros_.load()};
    }
    void go_on(std::chrono::microseconds by) { micros_ += by.count(); }

    mutable std::function<void()> meanwhile;

  private:
    std::atomic<std::int64_t> micros_{1'700'000'000'000'000};
};

class Folder {
  public:
    Folder() {
        std::string pattern = (std::filesystem::temp_directory_path() / "rushlight-check-XXXXXX").string();
        if (::mkdtemp(pattern.data()) == nullptr) std::abort();
        path = pattern;
    }
    ~Folder() {
        std::error_code ignored;
        std::filesystem::remove_all(path, ignored);
    }
    Folder(const Folder&) = delete;
    Folder& operator=(const Folder&) = delete;
    std::string path;
};

template <class T>
T must(Result<T> result) {
    if (!result) {
        ADD_FAILURE() << result.error().message;
        std::abort();
    }
    return std::move(*result);
}

sandbox::Pool pool_of(const char* program) {
    sandbox::Options options;
    options.program = std::string(RUSHLIGHT_BINARY_DIR) + "/libexec/rushlight/" + program;
    options.allow_weak = true;
    return must(sandbox::Pool::create(std::move(options)));
}

class ServiceTest : public ::testing::TestWithParam<store::testing::Kind> {
  protected:
    ServiceTest() { open(); }

    void open() {
        service_.reset();
        service_ = must(Service::open(parts()));
    }
    Parts parts() {
        return {
            .store = store_,
            .lists = *lists_,
            .matcher = *matcher_,
            .fingerprinter = fingerprinter_,
            .clock = clock_,
            .receipts = &key_,
            .holding = [this] { return area_; },
            .publish = [this](store::Writer&, std::string_view type, std::string_view body, Time) -> Status {
                published_.emplace_back(type, json::parse(body));
                return {};
            },
            .checked = [this](const Reply&, const Asked&) { ++told_; }};
    }
    static Content scene(const std::string& name) {
        return must(Content::open(std::string(RUSHLIGHT_SOURCE_DIR) + "/practice/set/photos/" + name));
    }
    void import(const std::string& list, const std::string& text) {
        const Content content = must(Content::from_bytes(bytes_of(text)));
        ASSERT_EQ(::lseek(content.fd(), 0, SEEK_SET), 0);
        must(lists_->import(list, content.fd(), {}));
    }
    void import_practice() {
        const Content content =
            must(Content::open(std::string(RUSHLIGHT_SOURCE_DIR) + "/practice/list.jsonl"));
        must(lists_->import("practice", content.fd(), {}));
    }
    std::vector<json> findings() {
        std::vector<json> all;
        EXPECT_TRUE(store_.read([&](store::Reader& reader) {
            all.clear();
            return store::outbox::items(reader, kFindingTopic, 0, 1000, [&](const store::outbox::Item& item) {
                all.push_back(json::parse(item.body));
            });
        }));
        return all;
    }
    json answer_of(const std::string& id) {
        until([&] { return must(service_->later(id))->done; });
        service_->stop();
        return json::parse(must(service_->later(id))->answer);
    }
    // Ticks until a condition holds: the work is done by another thread.
    template <class Condition>
    void until(Condition condition) {
        while (!condition()) std::this_thread::yield();
    }

    Folder folder_;
    store::testing::Place place_{GetParam()};
    store::Store store_ =
        store::testing::open(place_, {audit::schema(), vault::schema(), match::schema(), schema()});
    HandClock clock_;
    std::unique_ptr<match::Lists> lists_ = must(match::Lists::open(store_, folder_.path, clock_));
    std::unique_ptr<match::Matcher> matcher_ =
        must(match::Matcher::open(lists_.get(), {.all_stored = true}, clock_));
    sandbox::Pool light_ = pool_of("decode");
    sandbox::Pool all_ = pool_of("decode-all");
    media::Fingerprinter fingerprinter_{light_, all_};
    audit::SigningKey key_ = audit::SigningKey::from_seed(std::array<std::byte, 32>{});
    vault::Sealer sealer_ = must(vault::Sealer::open(store_, {.data = folder_.path, .now = clock_.now()}));
    std::shared_ptr<vault::HoldingArea> area_ = std::make_shared<vault::HoldingArea>(
        must(vault::HoldingArea::open(store_, sealer_, {.data = folder_.path, .on = true}, clock_.now())));
    std::vector<std::pair<std::string, json>> published_;
    std::atomic<int> told_{0};
    std::unique_ptr<Service> service_;
};
INSTANTIATE_TEST_SUITE_P(Both, ServiceTest, store::testing::both(), store::testing::name_of);

TEST_P(ServiceTest, AMatchLeavesAllThatFollowsAndNoMatchLeavesNothing) {
    import_practice();
    Asked asked{.by = "key:k1"};
    asked.context.account = "uploader 7";
    const Reply none = must(service_->check(scene("mosaic-05.jpg"), asked));
    const Reply found = must(service_->check(scene("spheres-01.jpg"), asked));
    ASSERT_EQ(found.outcome.decision, Decision::near);
    EXPECT_EQ(found.verdict.action, Action::hold);
    EXPECT_EQ(told_, 2);

    const auto page = must(service_->seen(std::nullopt, std::nullopt, 10));
    if (none.outcome.decision == Decision::none) {
        EXPECT_THAT(page.items, SizeIs(1));
    }
    EXPECT_EQ(page.items.front()["id"], found.id);
    EXPECT_EQ(page.items.front()["context"]["account"], "uploader 7");
    EXPECT_EQ(page.items.front()["held"], true);
    EXPECT_EQ(page.items.front()["by"], "key:k1");
    const auto handed = findings();
    ASSERT_FALSE(handed.empty());
    EXPECT_EQ(handed.back()["reply"]["id"], found.id);
    EXPECT_EQ(handed.back()["held"], found.held);
    const auto kept = must(area_->list(std::nullopt, 10));
    ASSERT_THAT(kept, SizeIs(handed.size()));
    const auto& its_file = *std::ranges::find(kept, found.id, &vault::HeldFile::ref);
    EXPECT_EQ(its_file.sha256, found.outcome.fingerprint.exact->sha256);
    EXPECT_EQ(its_file.id.hex(), found.held);
    EXPECT_EQ(published_.back().first, "check.matched");
}

TEST_P(ServiceTest, HashesAreAnsweredInTheirOrder) {
    import("ours", "e4d909c290d0fb1ca068ffaddf22cbd0\n");
    std::vector<HashAsked> hashes;
    for (const char* text : {"00000000000000000000000000000001", "e4d909c290d0fb1ca068ffaddf22cbd0"}) {
        hashes.push_back({text, match::query_of(*match::Value::parse(match::Method::md5, text))});
    }
    const auto replies = must(service_->check(hashes, {.by = "key:k1", .receipt = true}));
    ASSERT_THAT(replies, SizeIs(2));
    EXPECT_EQ(replies[0].outcome.decision, Decision::none);
    EXPECT_EQ(replies[1].outcome.decision, Decision::exact);
    EXPECT_EQ(replies[1].verdict.action, Action::block);
    EXPECT_THAT(replies[0].receipt, HasSubstr("\"ours\""));
    EXPECT_THAT(findings(), SizeIs(1));
    EXPECT_EQ(must(area_->usage()).files, 0) << "there are no bytes to hold";
}

TEST_P(ServiceTest, AReceiptNamesTheListsThatWereSearchedAndTheRulesThatDecided) {
    import("ours", "e4d909c290d0fb1ca068ffaddf22cbd0\n");
    HandClock clock;  // of the service alone: it looks at it once it has searched
    Parts parts = this->parts();
    const Parts with_clock{.store = parts.store,
                           .lists = parts.lists,
                           .matcher = parts.matcher,
                           .fingerprinter = parts.fingerprinter,
                           .clock = clock,
                           .receipts = parts.receipts};
    service_ = must(Service::open(with_clock));
    const std::vector<HashAsked> hashes{
        {"x", match::query_of(*match::Value::parse(match::Method::md5, "00000000000000000000000000000001"))}};
    clock.meanwhile = [&] { import("too late", "00000000000000000000000000000001\n"); };
    const Reply reply = must(service_->check(hashes, {.by = "key:k1", .receipt = true})).front();
    ASSERT_TRUE(must(lists_->find("too late")).entries.active == 1);
    EXPECT_EQ(reply.outcome.decision, Decision::none);
    EXPECT_THAT(reply.receipt, HasSubstr("\"ours\""));
    EXPECT_THAT(reply.receipt, Not(HasSubstr("\"too late\"")));
    EXPECT_EQ(json::parse(reply.receipt)["policy"], reply.policy);
}

// As message::publish does, which would else undo the whole check.
TEST_P(ServiceTest, NoMatchIsTooLargeToBeTold) {
    Parts strict = parts();
    strict.publish = [&](store::Writer&, std::string_view type, std::string_view body, Time) -> Status {
        if (body.size() > kMostEventBytes) return fail(ErrorCode::invalid, "an event is too large");
        published_.emplace_back(type, json::parse(body));
        return {};
    };
    service_ = must(Service::open(std::move(strict)));

    std::string video = "[";
    for (int frame = 0; frame < 4'000; ++frame) {
        Pdq hash;
        for (std::size_t i = 0; i < Pdq::kBytes; ++i)
            hash.value.at(i) = static_cast<std::byte>((frame + 7) * (static_cast<int>(i) + 3) >> (i % 5));
        video += (frame == 0 ? "\"" : ",\"") + hash.hex() + ",100," + std::to_string(frame) + '"';
    }
    video += ']';
    ASSERT_GT(video.size(), kMostEventBytes);
    const match::Value listed = must(match::Value::parse(match::Method::vpdq, video));
    match::ListSettings settings;
    settings.name = "films";
    must(lists_->create(settings, "account:a1"));
    must(lists_->add("films", {&listed, 1}, "account:a1"));

    std::vector<match::Value> pictures;
    const Pdq base = Pdq::parse("55aa33cc0ff0a55ac33c9669e187781e2dd2b44b8d7266994bb41ee178870ff0").value();
    for (int bit = 0; bit < 1'500; ++bit) {
        Pdq near = base;
        near.value.at(static_cast<std::size_t>(bit % 32)) ^= std::byte{1};
        near.value.at(static_cast<std::size_t>(bit / 32 % 32)) ^= std::byte{2};
        near.value.at(static_cast<std::size_t>(bit / 1024 % 32)) ^= std::byte{4};
        pictures.push_back(match::Value::of(near));
    }
    settings.name = "pictures";
    must(lists_->create(settings, "account:a1"));
    must(lists_->add("pictures", pictures, "account:a1"));

    const std::vector<HashAsked> hashes{
        {"film", match::query_of(listed)},
        {"picture", match::query_of(match::Value::of(base))},
    };
    const auto replies = must(service_->check(hashes, {.by = "key:k1"}));
    ASSERT_EQ(replies[0].outcome.decision, Decision::near);
    EXPECT_EQ(replies[0].outcome.answer.matches.front().entry, video) << "whoever asked is told all of it";
    ASSERT_GT(replies[1].outcome.answer.matches.size(), 1'000u);
    ASSERT_THAT(published_, SizeIs(2));
    EXPECT_EQ(published_[0].second["matches"][0]["list"], "films");
    EXPECT_TRUE(published_[0].second["matches"][0]["entry"].is_null());
    EXPECT_EQ(published_[1].second["matches"].size() + published_[1].second["left_out"].get<std::size_t>(),
              replies[1].outcome.answer.matches.size());
    EXPECT_GT(published_[1].second["matches"].size(), 10u);
    EXPECT_EQ(published_[1].second["action"], "hold");
}

TEST_P(ServiceTest, AnArchiveIsNotCalledClean) {
    Policy closed;
    closed.unreadable = Action::hold;
    must(service_->save_policy(closed, 0, "account:a1"));
    for (const std::string& start :
         {std::string("PK\x03\x04\x14\0\0\0", 8), std::string("7z\xBC\xAF\x27\x1C"),
          std::string("\x1F\x8B\x08"), std::string("WARC/1.0\r\n")}) {
        const Content archive = must(Content::from_bytes(bytes_of(start + std::string(600, 'x'))));
        const Reply reply = must(service_->check(archive, {.by = "key:k1"}));
        EXPECT_EQ(reply.outcome.decision, Decision::unreadable) << reply.outcome.fingerprint.type.mime;
        EXPECT_EQ(reply.verdict.action, Action::hold);
        ASSERT_TRUE(reply.outcome.problem);
        EXPECT_EQ(reply.outcome.problem->reason, Reason::unsupported);
        EXPECT_THAT(reply.outcome.problem->message, HasSubstr("scan"));
    }
    const Content text = must(Content::from_bytes(bytes_of("a text")));
    EXPECT_EQ(must(service_->check(text, {.by = "key:k1"})).outcome.decision, Decision::none);
}

TEST_P(ServiceTest, NobodyIsToldOfAMatchThatCannotBeStored) {
    import_practice();
    Parts broken = parts();
    broken.publish = [](store::Writer&, std::string_view, std::string_view, Time) -> Status {
        return fail(ErrorCode::io, "the disk is full");
    };
    service_ = must(Service::open(std::move(broken)));
    const auto reply = service_->check(scene("spheres-01.jpg"), {.by = "key:k1"});
    ASSERT_FALSE(reply);
    EXPECT_THAT(reply.error().message, HasSubstr("full"));
    EXPECT_TRUE(findings().empty());
    EXPECT_EQ(must(area_->usage()).files, 0);
    EXPECT_TRUE(must(service_->seen(std::nullopt, std::nullopt, 10)).items.empty());
}

TEST_P(ServiceTest, AnswersLaterWhereThatIsWanted) {
    import_practice();
    const std::string id = must(service_->check_later(scene("spheres-01.jpg"), {.by = "key:k1"}));
    until([&] { return must(service_->later(id))->done; });
    const auto later = must(service_->later(id));
    EXPECT_EQ(json::parse(later->answer)["decision"], "near");
    EXPECT_EQ(json::parse(later->answer)["id"], id);
    EXPECT_EQ(later->by, "key:k1");
    service_->stop();
    EXPECT_EQ(published_.back().first, "check.done");
    EXPECT_FALSE(must(service_->later("ck_nobody")));
}

TEST_P(ServiceTest, WhatMatchedAndCannotBeHeldIsNotLetThroughLater) {
    import_practice();
    ASSERT_EQ(service_->policy().unreadable, Action::allow);
    area_ = std::make_shared<vault::HoldingArea>(must(vault::HoldingArea::open(
        store_, sealer_, {.data = folder_.path, .on = true, .quota = 1024}, clock_.now())));
    Parts impatient = parts();
    impatient.later_pauses = {std::chrono::milliseconds(1)};
    service_ = must(Service::open(std::move(impatient)));
    const std::string id = must(service_->check_later(scene("spheres-01.jpg"), {.by = "key:k1"}));
    const json answer = answer_of(id);
    EXPECT_EQ(answer["action"], "hold") << answer;
    EXPECT_EQ(answer["decision"], "unreadable");
    EXPECT_THAT(answer["message"].get<std::string>(), HasSubstr("held"));
    ASSERT_EQ(published_.back().first, "check.done");
    EXPECT_EQ(published_.back().second["action"], "hold");
}

TEST_P(ServiceTest, WhatCannotBeStoredIsCheckedAgainUntilItCan) {
    import_practice();
    std::atomic<int> failures{2};
    Parts shaky = parts();
    shaky.later_pauses = {std::chrono::milliseconds(1), std::chrono::milliseconds(1)};
    shaky.holding = [&]() -> std::shared_ptr<vault::HoldingArea> {
        if (failures-- > 0) throw std::bad_alloc();
        return area_;
    };
    service_ = must(Service::open(std::move(shaky)));
    const std::string id = must(service_->check_later(scene("spheres-01.jpg"), {.by = "key:k1"}));
    const json answer = answer_of(id);
    EXPECT_EQ(answer["decision"], "near") << answer;
    EXPECT_EQ(answer["held"], true);
}

// A server that hung for a minute is called dead by another one, and then goes on.
TEST_P(ServiceTest, WhatWasCalledLostIsCorrectedOnlyByAMatch) {
    import_practice();
    Parts slow = parts();
    slow.holding = [&] {
        EXPECT_TRUE(store_.write([&](store::Writer& writer) {
            return writer.run("UPDATE check_later SET answer = $1 WHERE answer = ''", {R"({"lost":true})"})
                .map([](std::int64_t) {});
        }));
        return area_;
    };
    service_ = must(Service::open(std::move(slow)));
    const auto over = [&](Content content) {
        const int before = told_;
        const std::string id = must(service_->check_later(std::move(content), {.by = "key:k1"}));
        until([&] { return told_ > before; });
        return id;
    };
    const std::string clean = over(must(Content::from_bytes(bytes_of("a text"))));
    const std::string match = over(scene("spheres-01.jpg"));
    service_->stop();
    EXPECT_EQ(json::parse(must(service_->later(clean))->answer), json({{"lost", true}}));
    const json corrected = json::parse(must(service_->later(match))->answer);
    EXPECT_EQ(corrected["decision"], "near");
    EXPECT_EQ(corrected["correction"], true);
    ASSERT_THAT(published_, SizeIs(2)) << "of the clean one nothing more is told";
    EXPECT_EQ(published_[0].first, "check.matched");
    EXPECT_EQ(published_[1].first, "check.done");
    EXPECT_EQ(published_[1].second["id"], match);
    EXPECT_EQ(published_[1].second["correction"], true);
}

TEST_P(ServiceTest, ACheckWhoseServerDiedIsSaidToBeUndone) {
    // As a killed process leaves it: taken, never answered, and nobody says any more that it is alive.
    ASSERT_TRUE(store_.write([&](store::Writer& writer) {
        return writer
            .run(
                "INSERT INTO check_later (id, asked_by, at, process, alive, answer) "
                "VALUES ('ck_lost', 'key:k1', $1, 'p-dead', $1, '')",
                {clock_.now()})
            .map([](std::int64_t) {});
    }));
    ASSERT_TRUE(service_->tick());
    EXPECT_FALSE(must(service_->later("ck_lost"))->done) << "it may still be alive";
    open();  // a tick of a new service looks at once
    clock_.go_on(std::chrono::seconds(61));
    ASSERT_TRUE(service_->tick());
    const auto later = must(service_->later("ck_lost"));
    ASSERT_TRUE(later->done);
    EXPECT_EQ(json::parse(later->answer)["decision"], "unreadable");
    EXPECT_EQ(json::parse(later->answer)["action"], "hold");
    EXPECT_EQ(published_.back().first, "check.done");
}

TEST_P(ServiceTest, ThePolicyIsSavedOnceSignedAndFollowedByOthers) {
    import("ours", "e4d909c290d0fb1ca068ffaddf22cbd0\n");
    const auto other = must(Service::open(parts()));
    Policy policy;
    policy.rules.push_back({.list = "ours", .action = Action::allow, .review = false});
    const Policy saved = must(service_->save_policy(policy, 0, "account:a1"));
    EXPECT_EQ(saved.version, 1);
    EXPECT_EQ(saved.by, "account:a1");
    const auto again = service_->save_policy(policy, 0, "account:a2");
    ASSERT_FALSE(again);
    EXPECT_EQ(again.error().code, ErrorCode::conflict);
    policy.rules.push_back({.list = "nobody's", .action = Action::block});
    const auto unknown = service_->save_policy(policy, 1, "account:a1");
    ASSERT_FALSE(unknown);
    EXPECT_THAT(unknown.error().message, HasSubstr("rule 2"));

    ASSERT_TRUE(other->tick());
    EXPECT_EQ(other->policy().version, 1);
    const std::vector<HashAsked> hashes{
        {"x", match::query_of(*match::Value::parse(match::Method::md5, "e4d909c290d0fb1ca068ffaddf22cbd0"))}};
    EXPECT_EQ(must(other->check(hashes, {.by = "key:k1"})).front().verdict.action, Action::allow);
    const auto log = must(audit::read(store_, {.what = "policy.saved"}, std::nullopt, 10));
    ASSERT_THAT(log.entries, SizeIs(1));
    EXPECT_EQ(log.entries[0].event.who, "account:a1");
}

TEST_P(ServiceTest, CountsWhatWasAsked) {
    import("ours", "e4d909c290d0fb1ca068ffaddf22cbd0\n");
    std::vector<HashAsked> hashes;
    for (const char* text : {"00000000000000000000000000000001", "00000000000000000000000000000002",
                             "e4d909c290d0fb1ca068ffaddf22cbd0"}) {
        hashes.push_back({text, match::query_of(*match::Value::parse(match::Method::md5, text))});
    }
    must(service_->check(hashes, {.by = "key:k1"}));
    service_->stop();
    const auto steps = must(
        service_->stats(clock_.now() + -std::chrono::hours(1), clock_.now() + std::chrono::hours(1), 60));
    ASSERT_THAT(steps, SizeIs(1));
    EXPECT_EQ(steps[0].none, 2);
    EXPECT_EQ(steps[0].exact, 1);
    EXPECT_EQ(steps[0].blocked, 1);
}

TEST_P(ServiceTest, TheCanarySingsWhileAllIsWell) {
    import_practice();
    const CanaryState well = service_->sing();
    EXPECT_TRUE(well.ok) << well.error;
    EXPECT_TRUE(published_.empty());
    EXPECT_EQ(told_, 0) << "it is nobody's check";
    EXPECT_TRUE(findings().empty());
    EXPECT_EQ(service_->canary().last_ok, well.at);
    EXPECT_THAT(must(service_->canary_history(10)), SizeIs(1));
}

TEST_P(ServiceTest, TheCanaryFallsSilentWhereItsPictureIsNotFound) {
    EXPECT_TRUE(service_->sing().ok);
    const auto page = must(lists_->entries(kCanaryList, {}, 10));
    ASSERT_THAT(page.entries, SizeIs(1));
    must(lists_->drop(kCanaryList, {&page.entries[0].value, 1}));
    const CanaryState silent = service_->sing();
    EXPECT_FALSE(silent.ok);
    EXPECT_THAT(silent.error, HasSubstr("not found"));
    EXPECT_FALSE(service_->sing().ok);
    ASSERT_THAT(published_, SizeIs(1)) << "once, not with every trial";
    EXPECT_EQ(published_[0].first, "canary.missed");
    must(lists_->add(kCanaryList, {&page.entries[0].value, 1}, "system"));
    EXPECT_TRUE(service_->sing().ok);
    EXPECT_EQ(published_.back().first, "canary.back");
}

TEST_P(ServiceTest, TheCanaryFallsSilentWhereAListDoesNotAnswer) {
    import("ours", "e4d909c290d0fb1ca068ffaddf22cbd0\n");
    const auto deaf =
        must(match::Matcher::open(lists_.get(), {.stored = {std::string(kCanaryList)}}, clock_));
    const auto service = must(Service::open({.store = store_,
                                             .lists = *lists_,
                                             .matcher = *deaf,
                                             .fingerprinter = fingerprinter_,
                                             .clock = clock_}));
    const CanaryState silent = service->sing();
    EXPECT_FALSE(silent.ok);
    EXPECT_THAT(silent.error, HasSubstr("ours"));
}

}  // namespace
}  // namespace rushlight::check
