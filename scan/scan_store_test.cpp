#include "scan/scan_store.h"

#include "scan/scan.h"
#include "store/testing/place.h"

#include <gtest/gtest.h>

namespace rushlight::scan {
namespace {

constexpr Time kNow{1'700'000'000'000'000};

Sha256 sha256(char fill) {
    Sha256 hash;
    hash.value.fill(static_cast<std::byte>(fill));
    return hash;
}

class ScanStoreTest : public ::testing::TestWithParam<store::testing::Kind> {
  protected:
    store::testing::Place place_{GetParam()};
    store::Store store_ = store::testing::open(place_, {schema()});
    ScanStore scans_{store_};
};
INSTANTIATE_TEST_SUITE_P(Both, ScanStoreTest, store::testing::both(), store::testing::name_of);

TEST_P(ScanStoreTest, AnItemIsAnsweredOnlyForTheSameBytesNameAndQuestion) {
    const auto run = scans_.begin("pictures", sha256('q'), kNow);
    ASSERT_TRUE(run) << run.error().message;
    media::Fingerprint fingerprint;
    fingerprint.pdq = Pdq::from(sha256('p').value);
    fingerprint.quality = 97;
    fingerprint.frames.push_back({.frame = 15, .seconds = 1.0, .pdq = *fingerprint.pdq, .quality = 88});
    const std::string name = "/pictures/\xFF\n.jpg";  // names are bytes
    const Record record{
        .name = name, .content = sha256('c'), .decision = "none", .line = "{}", .fingerprint = &fingerprint};
    ASSERT_TRUE(scans_.save(*run, {&record, 1}, kNow));

    const auto same = scans_.find(sha256('c'), name, sha256('q'));
    ASSERT_TRUE(same) << same.error().message;
    EXPECT_TRUE(same->answered);
    ASSERT_TRUE(same->fingerprint);
    EXPECT_EQ(same->fingerprint->pdq, fingerprint.pdq);
    EXPECT_EQ(same->fingerprint->quality, 97);
    ASSERT_EQ(same->fingerprint->frames.size(), 1u);
    EXPECT_EQ(same->fingerprint->frames[0].frame, 15u);

    EXPECT_FALSE(scans_.find(sha256('c'), "/elsewhere.jpg", sha256('q'))->answered);
    EXPECT_TRUE(scans_.find(sha256('c'), "/elsewhere.jpg", sha256('q'))->fingerprint);
    EXPECT_FALSE(scans_.find(sha256('c'), name, sha256('r'))->answered);
    EXPECT_FALSE(scans_.find(sha256('d'), name, sha256('q'))->fingerprint);
}

TEST_P(ScanStoreTest, WhatMayComeOutOtherwiseNextTimeIsNotKept) {
    const auto run = scans_.begin("pictures", sha256('q'), kNow);
    ASSERT_TRUE(run);
    const Record record{.name = "/a", .decision = "unreadable", .line = "{}"};
    ASSERT_TRUE(scans_.save(*run, {&record, 1}, kNow));
    EXPECT_FALSE(scans_.find(sha256('c'), "/a", sha256('q'))->answered);
    EXPECT_TRUE(scans_.end(*run, "done", R"({"items":1})", kNow));
    const auto all = runs(store_, std::nullopt, 10);
    ASSERT_TRUE(all) << all.error().message;
    ASSERT_EQ(all->size(), 1u);
    EXPECT_EQ(all->front().state, "done");
    EXPECT_EQ(all->front().summary, R"({"items":1})");
    const auto items = items_of(store_, *run, "unreadable", 0, 10);
    ASSERT_TRUE(items) << items.error().message;
    EXPECT_EQ(items->lines, std::vector<std::string>{"{}"});
    EXPECT_FALSE(items->more);
    EXPECT_TRUE(items_of(store_, *run, "exact", 0, 10)->lines.empty());
}

}  // namespace
}  // namespace rushlight::scan
