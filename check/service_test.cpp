#include "check/service.h"

#include "audit/audit.h"
#include "store/testing/place.h"

#include <algorithm>
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
using ::testing::SizeIs;

// A clock that stands until it is set.
class HandClock : public Clock {
  public:
    Time now() const override { return {micros_.load()}; }
    void go_on(std::chrono::microseconds by) { micros_ += by.count(); }

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
