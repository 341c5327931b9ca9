// The holding area as a person meets it, and its bad days.

#include "vault/holding.h"

#include "audit/verify.h"
#include "store/testing/place.h"
#include "vault/test_folder.h"

#include <random>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

namespace rushlight::vault {
namespace {

using ::testing::HasSubstr;
constexpr Time kNoon{1'800'000'000'000'000};
using std::chrono::hours;

class Holding : public ::testing::TestWithParam<store::testing::Kind> {
  protected:
    HoldingOptions options() const { return {.data = folder_.path(), .on = true}; }
    HoldingArea area(const HoldingOptions& asked, Time now = kNoon) {
        auto opened = HoldingArea::open(store_, sealer_, asked, now);
        if (!opened) throw std::runtime_error(opened.error().message);
        return std::move(*opened);
    }
    HeldFile put(HoldingArea& area, std::string_view content, Time now = kNoon) {
        auto held = area.put({.why = "match", .ref = "check-1"}, bytes_of(content), "system", now);
        EXPECT_TRUE(held) << held.error().message;
        return held.value_or(HeldFile{});
    }
    struct Got {
        std::string content;
        std::optional<Error> error;
    };
    Got get(HoldingArea& area, const HeldId& id, std::string_view reason = "review of case 12") {
        auto outgoing = area.open_file(id, "account:a1", reason, kNoon);
        if (!outgoing) return {"", outgoing.error()};
        Got got;
        for (;;) {
            const auto piece = outgoing->next();
            if (!piece) {
                got.error = piece.error();
                return got;
            }
            if (piece->empty()) return got;
            got.content += text_of(*piece);
        }
    }
    std::vector<std::string> files() const {
        std::vector<std::string> names;
        for (const auto& entry : std::filesystem::directory_iterator(folder_.path("holding")))
            if (entry.path().filename() != "place") names.push_back(entry.path().filename().string());
        return names;
    }
    std::string path_of(const HeldId& id) const { return folder_.path("holding/" + id.hex() + ".sealed"); }
    // The audit log's verbs, the newest first.
    std::vector<std::string> log() {
        std::vector<std::string> verbs;
        const auto page = audit::read(store_, {}, std::nullopt, 1000);
        EXPECT_TRUE(page);
        for (const auto& entry : page->entries) verbs.push_back(entry.event.what);
        return verbs;
    }

    TestFolder folder_;
    store::testing::Place place_{GetParam()};
    store::Store store_ = store::testing::open(place_, {audit::schema(), schema()});
    Sealer sealer_ = Sealer::open(store_, {.data = folder_.path(), .now = kNoon}).value();
};
INSTANTIATE_TEST_SUITE_P(, Holding, store::testing::both(), store::testing::name_of);

TEST_P(Holding, IsOffUntilSomebodySwitchesItOn) {
    auto closed = area({.data = folder_.path()});
    const auto refused = closed.put({.why = "match"}, bytes_of("x"), "system", kNoon);
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, ErrorCode::denied);
    EXPECT_TRUE(files().empty());
    EXPECT_TRUE(log().empty());
}

TEST_P(Holding, KeepsGivesBackAndDestroysAndSaysSo) {
    auto open = area(options());
    std::string content = "harmless bytes of a test";
    content.append(200'000, 'x');
    const HeldFile held = put(open, content);
    EXPECT_EQ(held.bytes, content.size());
    EXPECT_EQ(held.expires, kNoon + hours(72));
    EXPECT_EQ(read_file(path_of(held.id)).find("harmless"), std::string::npos);
    struct stat info{};
    ASSERT_EQ(::stat(path_of(held.id).c_str(), &info), 0);
    EXPECT_EQ(info.st_mode & 07777, 0600u);
    EXPECT_EQ(get(open, held.id).content, content);
    EXPECT_EQ(open.usage()->bytes, content.size());
    ASSERT_TRUE(open.destroy(held.id, "account:a1", "decided: not illegal", kNoon));
    EXPECT_TRUE(files().empty());
    EXPECT_EQ(get(open, held.id).error->code, ErrorCode::not_found);
    EXPECT_THAT(get(open, held.id).error->message, HasSubstr("decided: not illegal"));
    EXPECT_EQ(open.destroy(held.id, "account:a1", "again", kNoon).error().code, ErrorCode::conflict);
    EXPECT_EQ(open.find(held.id)->destroyed_by, "account:a1");
    EXPECT_EQ(open.usage()->files, 0);
    EXPECT_EQ(log(), (std::vector<std::string>{"held_file.destroyed", "held_file.opened", "held_file.kept"}));
    EXPECT_TRUE(audit::verify(store_, {})->ok);
}

TEST_P(Holding, OpensForAReasonOnly) {
    auto open = area(options());
    const HeldFile held = put(open, "content");
    EXPECT_EQ(get(open, held.id, "").error->code, ErrorCode::invalid);
    EXPECT_EQ(get(open, held.id, std::string(501, 'x')).error->code, ErrorCode::invalid);
    EXPECT_EQ(get(open, held.id, "\xff").error->code, ErrorCode::invalid);
    EXPECT_EQ(log().size(), 1u);
    EXPECT_EQ(get(open, held.id, "warrant 7").content, "content");
    const auto page = audit::read(store_, {.what = "held_file.opened"}, std::nullopt, 10);
    EXPECT_EQ(page->entries.at(0).event.detail, "{\"reason\":\"warrant 7\"}");
    EXPECT_EQ(page->entries.at(0).event.who, "account:a1");
    EXPECT_EQ(get(open, HeldId{}).error->code, ErrorCode::not_found);
}

TEST_P(Holding, WhatIsDueIsDestroyedByTheLedger) {
    auto open = area(options());
    const HeldFile early = put(open, "early");
    const HeldFile late = put(open, "late", kNoon + hours(1));
    EXPECT_EQ(*open.expire(kNoon + hours(72) + std::chrono::microseconds(-1)), 0);
    EXPECT_EQ(*open.expire(kNoon + hours(72)), 1);
    EXPECT_TRUE(get(open, early.id).error);
    EXPECT_EQ(get(open, late.id).content, "late");
    // Switched off meanwhile: what is there is still destroyed in time.
    auto off = area({.data = folder_.path()});
    EXPECT_EQ(*off.expire(kNoon + hours(1000)), 1);
    EXPECT_TRUE(files().empty());
    EXPECT_EQ(log().front(), "held_file.destroyed");
}

TEST_P(Holding, TheQuotaHoldsAndSaysWhatToDo) {
    auto asked = options();
    asked.quota = 1000;
    auto open = area(asked);
    const HeldFile held = put(open, std::string(600, 'a'));
    const auto refused = open.put({.why = "match"}, bytes_of(std::string(401, 'b')), "system", kNoon);
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, ErrorCode::limit);
    EXPECT_THAT(refused.error().message, HasSubstr("quota"));
    EXPECT_EQ(files().size(), 1u) << "nothing is left of what was refused";
    // Files that stream in at the same time count together.
    auto one = open.begin({.why = "match"});
    auto two = open.begin({.why = "match"});
    ASSERT_TRUE(one && two);
    EXPECT_TRUE(one->write(bytes_of(std::string(300, 'c'))));
    EXPECT_FALSE(two->write(bytes_of(std::string(200, 'd'))));
    two = fail(ErrorCode::cancelled, "given up");
    EXPECT_TRUE(one->write(bytes_of(std::string(100, 'c'))));
    ASSERT_TRUE(open.destroy(held.id, "account:a1", "decided", kNoon));
    EXPECT_TRUE(open.put({.why = "match"}, bytes_of(std::string(600, 'b')), "system", kNoon));
}

TEST_P(Holding, AChangedFileIsSaidAndNotShown) {
    auto open = area(options());
    const std::string content(300'000, 'q');
    const HeldFile held = put(open, content);
    const std::string whole = read_file(path_of(held.id));
    std::mt19937 random(5);
    for (int i = 0; i < 60; ++i) {
        std::string changed = whole;
        const std::size_t at = i < 40 ? static_cast<std::size_t>(i) * 2 : random() % whole.size();
        changed[at] = static_cast<char>(changed[at] ^ 4);
        write_file(path_of(held.id), changed);
        const Got got = get(open, held.id);
        ASSERT_TRUE(got.error) << at;
        EXPECT_EQ(got.error->code, ErrorCode::corrupt);
        EXPECT_THAT(got.error->message, HasSubstr(held.id.hex()));
        EXPECT_TRUE(content.starts_with(got.content));
    }
    write_file(path_of(held.id), whole.substr(0, whole.size() / 2));
    EXPECT_EQ(get(open, held.id).error->code, ErrorCode::corrupt);
    // Another file in its place: each has a key of its own.
    const HeldFile other = put(open, content);
    write_file(path_of(held.id), read_file(path_of(other.id)));
    EXPECT_THAT(get(open, held.id).error->message, HasSubstr("another key"));
}

TEST_P(Holding, AfterACrashFolderAndLedgerAgreeAgain) {
    HeldId kept;
    HeldId lost;
    HeldId left;
    {
        auto open = area(options());
        kept = put(open, "kept").id;
        lost = put(open, "lost").id;
        left = put(open, "left").id;
        const std::string bytes = read_file(path_of(left));
        ASSERT_TRUE(open.destroy(left, "account:a1", "decided", kNoon));
        write_file(path_of(left), bytes);  // as if the machine had stopped before it was removed
        std::filesystem::remove(path_of(lost));
        // A child that is killed in the middle of one file and between the file and the ledger of another.
        const pid_t child = ::fork();
        if (child == 0) {
            auto unfinished = open.begin({.why = "match"});
            auto finished = open.begin({.why = "match"});
            if (!unfinished || !finished || !unfinished->write(bytes_of("half"))) ::_exit(1);
            if (!finished->write(bytes_of("whole")) || !finished->finish()) ::_exit(1);
            ::raise(SIGKILL);
        }
        int status = 0;
        ASSERT_EQ(::waitpid(child, &status, 0), child);
        ASSERT_TRUE(WIFSIGNALED(status));
        EXPECT_EQ(files().size(), 4u);
    }
    auto open = area(options());
    EXPECT_EQ(files(), std::vector<std::string>{kept.hex() + ".sealed"});
    EXPECT_EQ(open.swept().stray_files, 3);
    EXPECT_EQ(open.swept().lost_files, 1);
    EXPECT_EQ(open.swept().words.size(), 4u);
    EXPECT_EQ(get(open, kept).content, "kept");
    EXPECT_THAT(get(open, lost).error->message, HasSubstr("lost"));
    EXPECT_EQ(log().at(1), "held_file.lost");
    EXPECT_EQ(open.sweep(kNoon)->words.size(), 0u);
}

TEST_P(Holding, ASweepLeavesAloneWhatIsStillBeingWritten) {
    auto open = area(options());
    auto incoming = open.begin({.why = "match"});
    ASSERT_TRUE(incoming);
    ASSERT_TRUE(incoming->write(bytes_of("first half, ")));
    EXPECT_EQ(open.sweep(kNoon)->stray_files, 0);
    ASSERT_TRUE(incoming->write(bytes_of("second half")));
    auto sealed = incoming->finish();
    ASSERT_TRUE(sealed) << sealed.error().message;
    EXPECT_EQ(open.sweep(kNoon)->stray_files, 0);
    ASSERT_TRUE(store_.write([&](store::Writer& writer) -> Status {
        return open.enter(writer, *sealed, "system", kNoon).map([](const HeldFile&) {});
    }));
    const HeldId id = sealed->id();
    EXPECT_EQ(open.sweep(kNoon)->stray_files, 0);
    EXPECT_EQ(get(open, id).content, "first half, second half");
    // One that the caller's transaction did not take goes.
    {
        auto another = open.begin({.why = "match"});
        ASSERT_TRUE(another && another->finish());
    }
    EXPECT_EQ(open.sweep(kNoon)->stray_files, 1);
    EXPECT_EQ(files().size(), 1u);
}

TEST_P(Holding, WithoutTheKeyTheFilesAreSaidToBeLost) {
    HeldId id;
    {
        auto open = area(options());
        id = put(open, "content").id;
    }
    std::filesystem::remove(folder_.path("keys/rushlight.key"));
    const auto refused = Sealer::open(store_, {.data = folder_.path(), .now = kNoon});
    ASSERT_FALSE(refused);
    EXPECT_THAT(refused.error().message, HasSubstr("1 files of the holding area"));
    auto fresh = Sealer::open(store_, {.data = folder_.path(), .accept_loss = true, .now = kNoon});
    ASSERT_TRUE(fresh) << fresh.error().message;
    auto open = HoldingArea::open(store_, *fresh, options(), kNoon);
    ASSERT_TRUE(open);
    const Got got = get(*open, id);
    ASSERT_TRUE(got.error);
    EXPECT_THAT(got.error->message, HasSubstr("which"));
    EXPECT_EQ(*open->expire(kNoon + hours(100)), 1) << "it can still be destroyed";
}

TEST_P(Holding, AFileOfAnotherMachineIsOpenedThere) {
    if (GetParam() == store::testing::Kind::sqlite) return;  // one folder, one machine
    auto here = area(options());
    const HeldFile held = put(here, "content");
    const TestFolder elsewhere;
    std::filesystem::copy(folder_.path("keys"), elsewhere.path("keys"));
    auto sealer = Sealer::open(store_, {.data = elsewhere.path(), .now = kNoon});
    ASSERT_TRUE(sealer) << sealer.error().message;
    auto there = HoldingArea::open(store_, *sealer, {.data = elsewhere.path(), .on = true}, kNoon);
    ASSERT_TRUE(there);
    EXPECT_EQ(there->swept().lost_files, 0);
    EXPECT_EQ(get(*there, held.id).error->code, ErrorCode::unavailable);
    EXPECT_EQ(get(here, held.id).content, "content");
    // Destroyed there, it is gone here: its key is, and the next sweep takes the file.
    ASSERT_TRUE(there->destroy(held.id, "account:a1", "decided", kNoon));
    EXPECT_TRUE(get(here, held.id).error);
    EXPECT_EQ(here.sweep(kNoon)->stray_files, 1);
    EXPECT_TRUE(files().empty());
}

TEST_P(Holding, AFullDiskIsSaidAndNothingHalfIsKept) {
    if (::geteuid() != 0) GTEST_SKIP() << "the kernel lets only root mount a small disk";
    const TestFolder small;
    if (::mount("none", small.path().c_str(), "tmpfs", 0, "size=600k") != 0)
        GTEST_SKIP() << "this kernel lets nobody mount a disk here";
    struct Unmount {
        std::string path;
        ~Unmount() { ::umount2(path.c_str(), MNT_DETACH); }
    } unmount{small.path()};
    HoldingOptions asked = options();
    asked.data = small.path();
    auto open = area(asked);
    const HeldFile first = put(open, std::string(200'000, 'a'));
    const auto full = open.put({.why = "match"}, bytes_of(std::string(600'000, 'b')), "system", kNoon);
    ASSERT_FALSE(full);
    EXPECT_EQ(full.error().code, ErrorCode::io);
    EXPECT_THAT(full.error().message, HasSubstr("space"));
    EXPECT_EQ(open.usage()->files, 1);
    EXPECT_EQ(std::distance(std::filesystem::directory_iterator(small.path("holding")), {}), 2)
        << "place and one file";
    EXPECT_EQ(get(open, first.id).content.size(), 200'000u);
    ASSERT_TRUE(open.destroy(first.id, "account:a1", "decided", kNoon)) << "destroying needs no room";
    EXPECT_TRUE(open.put({.why = "match"}, bytes_of(std::string(300'000, 'b')), "system", kNoon));
}

}  // namespace
}  // namespace rushlight::vault
