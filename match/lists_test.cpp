// Hash lists in the store, the same on both databases.
#include "match/lists.h"

#include "base/text.h"
#include "match/formats/read_case.h"
#include "match/list_store.h"
#include "match/lists_state.h"
#include "match/test_room.h"

#include <algorithm>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace rushlight::match {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using testing::md5;
using testing::Room;
using testing::sha1;
using testing::sha256;
using ::testing::SizeIs;

class ListsTest : public ::testing::TestWithParam<store::testing::Kind> {
  protected:
    Room room{GetParam()};

    ImportReport import(std::string_view name, std::string_view content, ImportOptions options = {}) {
        auto report = room.import(name, content, options);
        EXPECT_TRUE(report) << report.error().message;
        return report.value_or(ImportReport{});
    }
    std::string export_list(std::string_view name, formats::Format format = formats::Format::csv) {
        std::string out;
        auto status = room.lists->export_to(name, format, [&](std::string_view part) -> Status {
            out += part;
            return {};
        });
        EXPECT_TRUE(status) << status.error().message;
        return out;
    }
    Counts counts(std::string_view name) {
        auto list = room.lists->find(name);
        EXPECT_TRUE(list) << list.error().message;
        return list ? list->entries : Counts{};
    }
};
INSTANTIATE_TEST_SUITE_P(, ListsTest, store::testing::both(), store::testing::name_of);

TEST_P(ListsTest, NothingChangesWhereWhatGoesAlongFails) {
    const auto no = [](store::Writer&, const auto&) { return Status(fail(ErrorCode::io, "no room")); };
    const std::vector<Value> values{md5(1), md5(2)};
    const std::vector<Value> more{md5(3)};
    ImportOptions refused;
    refused.along = no;
    ListSettings fresh;
    fresh.name = "new";
    EXPECT_FALSE(room.lists->create(fresh, "ann", no));
    EXPECT_FALSE(room.lists->find("new"));
    EXPECT_FALSE(room.import("new", md5(1).text() + "\n", refused));
    EXPECT_FALSE(room.lists->find("new"));

    fresh.name = "ours";
    ASSERT_TRUE(room.lists->create(fresh, "ann"));
    ASSERT_TRUE(room.lists->add("ours", values, "ann"));
    const std::string before = export_list("ours");
    const auto settings = [](ListSettings& changed) -> Status {
        changed.source = "somebody";
        return {};
    };
    EXPECT_FALSE(room.lists->change("ours", settings, no));
    EXPECT_FALSE(room.lists->add("ours", more, "ann", {}, EntryState::active, no));
    EXPECT_FALSE(room.lists->drop("ours", values, no));
    EXPECT_FALSE(room.lists->set("ours", values[0], EntryState::disabled, std::nullopt, "ann", no));
    EXPECT_FALSE(room.import("ours", md5(3).text() + "\n", refused));
    EXPECT_FALSE(room.lists->remove("ours", no));
    EXPECT_EQ(export_list("ours"), before);
    EXPECT_EQ(counts("ours"), (Counts{2, 0, 0}));
    EXPECT_EQ(room.lists->find("ours")->source, "");
}

TEST_P(ListsTest, WhatGoesAlongIsToldWhatCameOfTheChange) {
    const std::vector<Value> values{md5(1), md5(2)};
    std::vector<std::string> told;
    const auto tell = [&](std::string what, std::uint64_t number) {
        told.push_back(std::move(what) + ' ' + std::to_string(number));
        return Status();
    };
    ImportOptions options;
    options.along = [&](store::Writer&, const ImportReport& report) {
        return tell("imported into " + report.list, report.added);
    };
    ASSERT_TRUE(room.import("ours", md5(1).text() + "\n", options));
    const auto added = [&](store::Writer&, const Added& made) { return tell("added", made.added); };
    ASSERT_TRUE(room.lists->add("ours", values, "ann", {}, EntryState::active, added));
    const auto dropped = [&](store::Writer&, const Dropped& gone) { return tell("dropped", gone.dropped); };
    ASSERT_TRUE(room.lists->drop("ours", values, dropped));
    ASSERT_TRUE(room.lists->drop("ours", values, dropped));
    ASSERT_TRUE(room.lists->remove("ours", [&](store::Writer&, const List& list) {
        return tell("removed " + list.name, list.entries.total());
    }));
    EXPECT_THAT(told,
                ElementsAre("imported into ours 1", "added 1", "dropped 2", "dropped 0", "removed ours 0"));
}

TEST_P(ListsTest, AListKeepsWhatItWasMadeWith) {
    ListSettings settings;
    settings.name = "harmless art";
    settings.kind = ListKind::negative;
    settings.source = "a museum";
    settings.thresholds = {20, 25, 60};
    settings.expires = Time{1'900'000'000'000'000};
    const auto made = room.lists->create(settings, "ann");
    ASSERT_TRUE(made) << made.error().message;
    const auto list = room.lists->find("harmless art");
    ASSERT_TRUE(list);
    EXPECT_EQ(list->kind, ListKind::negative);
    EXPECT_EQ(list->category, "harmless");
    EXPECT_EQ(list->source, "a museum");
    EXPECT_EQ(list->thresholds, settings.thresholds);
    EXPECT_EQ(list->expires, settings.expires);
    EXPECT_EQ(list->created_by, "ann");
    EXPECT_EQ(list->entries, Counts{});
    EXPECT_EQ(room.lists->create(settings, "ann").error().code, ErrorCode::conflict);
    EXPECT_EQ(room.lists->find("other").error().code, ErrorCode::not_found);
}

TEST_P(ListsTest, AddingDroppingAndSettingAreCounted) {
    room.make("a");
    const std::vector<Value> values = {md5(1), md5(2), md5(1)};
    auto added = room.lists->add("a", values, "ann", "why");
    ASSERT_TRUE(added) << added.error().message;
    EXPECT_EQ(added->added, 2U);
    EXPECT_EQ(added->duplicate, 1U);
    ASSERT_TRUE(room.lists->set("a", md5(2), EntryState::quarantined, "doubtful", "bob"));
    EXPECT_EQ(counts("a"), (Counts{1, 1, 0}));
    const auto entry = room.lists->entry("a", md5(2));
    ASSERT_TRUE(entry && *entry);
    EXPECT_EQ((*entry)->state, EntryState::quarantined);
    EXPECT_EQ((*entry)->note, "doubtful");
    EXPECT_EQ((*entry)->who, "bob");
    EXPECT_EQ((*room.lists->entry("a", md5(1)))->note, "why");
    EXPECT_EQ(room.lists->set("a", md5(9), EntryState::active, {}, "bob").error().code, ErrorCode::not_found);
    auto dropped = room.lists->drop("a", std::vector{md5(2), md5(9)});
    ASSERT_TRUE(dropped);
    EXPECT_EQ(dropped->dropped, 1U);
    EXPECT_EQ(dropped->missing, 1U);
    EXPECT_EQ(counts("a"), (Counts{1, 0, 0}));
    EXPECT_EQ(room.lists->add("none", values, "ann").error().code, ErrorCode::not_found);
}

TEST_P(ListsTest, PagesGiveEachEntryOnce) {
    room.make("a");
    std::vector<Value> values;
    for (int i = 0; i < 25; ++i) values.push_back(md5(i));
    ASSERT_TRUE(room.lists->add("a", values, "ann"));
    std::vector<std::string> seen;
    std::string cursor;
    int pages = 0;
    do {
        auto page = room.lists->entries("a", cursor, 10);
        ASSERT_TRUE(page) << page.error().message;
        EXPECT_LE(page->entries.size(), 10U);
        for (const auto& entry : page->entries) seen.push_back(entry.value.text());
        cursor = page->next.value_or("");
        ++pages;
    } while (!cursor.empty() && pages < 10);
    std::vector<std::string> expected;
    for (const auto& value : values) expected.push_back(value.text());
    std::ranges::sort(expected);
    EXPECT_EQ(seen, expected);
    EXPECT_EQ(room.lists->entries("a", "nonsense", 10).error().code, ErrorCode::invalid);
}

// Every entry that a plain look at all of them would pick, once and in order, whatever the page's size.
TEST_P(ListsTest, AFilterFindsWhatALookAtEveryEntryWould) {
    room.make("a");
    std::vector<Value> values;
    for (int i = 0; i < 60; ++i) {
        values.push_back(md5(i));
        values.push_back(sha1(i));
        values.push_back(sha256(i));
    }
    for (const char* digits : {"00", "0f", "ff"}) {
        std::string text(64, digits[1]);
        text[0] = digits[0];
        for (const Method method : {Method::pdq, Method::sha256})
            values.push_back(*Value::parse(method, text));
        values.push_back(*Value::parse(Method::md5, text.substr(0, 32)));
    }
    ASSERT_TRUE(room.lists->add("a", values, "ann"));
    for (std::size_t i = 0; i < values.size(); i += 7)
        ASSERT_TRUE(room.lists->set("a", values[i], EntryState::quarantined, std::nullopt, "ann"));
    const auto all = room.lists->entries("a", "", 1000);
    ASSERT_TRUE(all);
    const std::string whole = values.front().text();
    for (const std::string prefix : {"", "0", "00", "0F", "f", "ff", "a", "7b", "012345", whole.c_str()}) {
        for (const auto state : {std::optional<EntryState>{}, std::optional(EntryState::quarantined),
                                 std::optional(EntryState::disabled)}) {
            std::vector<std::string> expected;
            for (const auto& entry : all->entries) {
                if ((!state || entry.state == *state) && entry.value.text().starts_with(lower(prefix)))
                    expected.push_back(entry.value.text());
            }
            for (const std::size_t limit : {1U, 3U, 1000U}) {
                std::vector<std::string> found;
                std::string cursor;
                do {
                    const auto page = room.lists->entries("a", cursor, limit, {state, prefix});
                    ASSERT_TRUE(page) << page.error().message;
                    EXPECT_LE(page->entries.size(), limit);
                    for (const auto& entry : page->entries) found.push_back(entry.value.text());
                    cursor = page->next.value_or("");
                } while (!cursor.empty() && found.size() <= expected.size());
                EXPECT_EQ(found, expected) << prefix << ' ' << limit;
            }
        }
    }
    EXPECT_EQ(room.lists->entries("a", "", 10, {{}, "xyz"}).error().code, ErrorCode::invalid);
    EXPECT_EQ(room.lists->entries("a", "", 10, {{}, std::string(65, 'a')}).error().code, ErrorCode::invalid);
}

TEST_P(ListsTest, AListsSettingsAreChanged) {
    room.make("a");
    const auto changed = room.lists->change("a", [](ListSettings& settings) -> Status {
        settings.thresholds.pdq = 12;
        settings.source = " a hotline ";
        settings.kind = ListKind::negative;
        settings.name = "b";
        return {};
    });
    ASSERT_TRUE(changed) << changed.error().message;
    const auto list = room.lists->find("a");
    ASSERT_TRUE(list);
    EXPECT_EQ(list->thresholds.pdq, 12);
    EXPECT_EQ(list->source, "a hotline");
    EXPECT_EQ(list->kind, ListKind::known);
    const auto wide = room.lists->change("a", [](ListSettings& settings) -> Status {
        settings.thresholds.pdq = 64;
        return {};
    });
    EXPECT_EQ(wide.error().code, ErrorCode::invalid);
    EXPECT_EQ(room.lists->find("a")->thresholds.pdq, 12);
    EXPECT_EQ(room.lists->change("none", [](ListSettings&) -> Status { return {}; }).error().code,
              ErrorCode::not_found);
}

TEST_P(ListsTest, ARemovedListIsGoneAndItsNameFree) {
    room.make("a");
    ASSERT_TRUE(room.lists->add("a", std::vector{md5(1)}, "ann"));
    ASSERT_TRUE(room.lists->remove("a"));
    EXPECT_THAT(*room.lists->all(), IsEmpty());
    EXPECT_EQ(room.lists->remove("a").error().code, ErrorCode::not_found);
    room.make("a");
    EXPECT_EQ(counts("a"), Counts{});
    EXPECT_THAT(room.lists->entries("a", "", 10)->entries, IsEmpty());
}

TEST_P(ListsTest, AnImportReportsWhatItDid) {
    const auto report =
        import("fresh", md5(1).text() + "\n" + md5(2).text() + "\nnonsense\n" + md5(1).text() + "\n");
    EXPECT_EQ(report.list, "fresh");
    EXPECT_EQ(report.format, "text");
    EXPECT_EQ(report.read, 3U);
    EXPECT_EQ(report.added, 2U);
    EXPECT_EQ(report.duplicate, 1U);
    ASSERT_EQ(report.bad.size(), 1U);
    EXPECT_EQ(report.bad[0].line, 3U);
    EXPECT_THAT(report.bad[0].reason, HasSubstr("not a hash"));
    const auto again = import("fresh", md5(2).text() + "\n" + md5(3).text() + "\n");
    EXPECT_EQ(again.added, 1U);
    EXPECT_EQ(again.duplicate, 1U);
    EXPECT_EQ(counts("fresh"), (Counts{3, 0, 0}));
}

TEST_P(ListsTest, AnImportIntoALongListFindsEveryDuplicate) {
    // Dense, sparse, and mixed: the keys already there are asked for in pages that grow and shrink.
    std::string all;
    for (int i = 0; i < 30'000; ++i) all += md5(i).text() + "\n";
    EXPECT_EQ(import("a", all).added, 30'000U);
    EXPECT_EQ(import("a", all).duplicate, 30'000U);
    std::string some;
    std::uint64_t fresh = 0;
    for (int i = 0; i < 300; ++i) {
        some += md5(i * 199).text() + "\n";
        fresh += i * 199 >= 30'000 ? 1 : 0;
    }
    const auto report = import("a", some);
    EXPECT_EQ(report.added, fresh);
    EXPECT_EQ(report.duplicate, 300 - fresh);
    EXPECT_EQ(counts("a").active, 30'000 + fresh);
}

TEST_P(ListsTest, ExportAndImportAgree) {
    const std::string video =
        "[\"" + std::string(64, 'a') + ",90,0\",\"" + std::string(64, 'b') + ",80,1.5\"]";
    room.make("a");
    ASSERT_TRUE(room.lists->add("a",
                                std::vector{md5(1), *Value::parse(Method::vpdq, video),
                                            *Value::parse(Method::photodna, std::string(192, 'Q')),
                                            *Value::parse(Method::pdq, std::string(64, 'c'))},
                                "ann", " a, \"note\"\r\nof two lines\n"));
    ASSERT_TRUE(room.lists->set("a", md5(1), EntryState::disabled, {}, "ann"));
    for (const auto format : {formats::Format::csv, formats::Format::jsonl}) {
        const std::string name(to_string(format));
        import(name, export_list("a", format));
        EXPECT_EQ(counts(name), counts("a"));
        const auto before = *room.lists->entries("a", "", 100);
        const auto after = *room.lists->entries(name, "", 100);
        ASSERT_EQ(after.entries.size(), 4U);
        for (std::size_t i = 0; i < 4; ++i) {
            EXPECT_EQ(after.entries[i].value, before.entries[i].value);
            EXPECT_EQ(after.entries[i].state, before.entries[i].state);
            EXPECT_EQ(after.entries[i].note, "a, \"note\"\nof two lines");
        }
    }
}

TEST_P(ListsTest, SixtyFourDigitsAreToldApartOrRefused) {
    EXPECT_EQ(import("pdq", testing::read_testdata("pdq-haystack.txt")).bad_lines, 0U);
    EXPECT_EQ(room.lists->entries("pdq", "", 1)->entries.at(0).value.method, Method::pdq);
    // Also where each is followed by a file's name, as in what md5sum and its kin print.
    std::string named;
    std::istringstream lines(testing::read_testdata("pdq-haystack.txt"));
    for (std::string line; std::getline(lines, line);) named += line + "  picture.jpg\n";
    EXPECT_EQ(import("named", named).format, "md5sum");
    EXPECT_EQ(room.lists->entries("named", "", 1)->entries.at(0).value.method, Method::pdq);
    std::string flips;
    for (int i = 0; i < 100; ++i) flips += testing::sha256(i).text() + "\n";
    import("sha", flips);
    EXPECT_EQ(room.lists->entries("sha", "", 1)->entries.at(0).value.method, Method::sha256);
    const std::string few = testing::sha256(1).text() + "\n" + testing::sha256(2).text() + "\n";
    const auto refused = room.import("few", few, {});
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, ErrorCode::invalid);
    EXPECT_THAT(refused.error().message, HasSubstr("--method"));
    EXPECT_EQ(room.lists->find("few").error().code, ErrorCode::not_found) << "nothing has changed";
    ImportOptions options;
    options.method = Method::pdq;
    import("few", few, options);
    EXPECT_EQ(room.lists->entries("few", "", 1)->entries.at(0).value.method, Method::pdq);
}

TEST_P(ListsTest, AFileThatIsNoListChangesNothing) {
    EXPECT_THAT(room.import("a", "hello\nworld\n", {}).error().message, HasSubstr("format"));
    ImportOptions options;
    options.format = formats::Format::threatexchange;
    EXPECT_THAT(room.import("a", "hello\nworld\n", options).error().message, HasSubstr("line 1"));
    EXPECT_THAT(*room.lists->all(), IsEmpty());
    EXPECT_EQ(room.import("a/b", "", {}).error().code, ErrorCode::invalid);
}

TEST_P(ListsTest, ACancelledImportLeavesNothing) {
    std::string all;
    for (int i = 0; i < 70'000; ++i) all += md5(i).text() + "\n";
    using Step = ImportProgress::Step;
    for (const Step at : {Step::reading, Step::storing}) {
        ImportOptions options;
        options.progress = [&](const ImportProgress& progress) {
            // Of a file it is known how much there is to come.
            EXPECT_TRUE(progress.total && *progress.total >= progress.done && *progress.total <= 70'100)
                << progress.done;
            return progress.step != at;
        };
        EXPECT_EQ(room.import("a", all, options).error().code, ErrorCode::cancelled);
        EXPECT_THAT(*room.lists->all(), IsEmpty());
        EXPECT_EQ(room.rows("hash_entry"), 0);
    }
}

// What a killed import leaves: a row that says it runs, in a process that does not exist, and staged entries.
TEST_P(ListsTest, AKilledImportIsInvisibleAndCleanedUp) {
    room.make("a");
    const auto list = room.lists->find("a")->id;
    const auto stage = [&](std::string_view owner, int first) {
        ImportId import = 0;
        auto status = room.store.write([&](store::Writer& writer) -> Status {
            auto id = list_store::begin_import(writer, list, owner, "ann", "text", room.clock.now());
            import = id.value_or(0);
            return id ? Status{} : Status(pass(id.error()));
        });
        EXPECT_TRUE(status) << status.error().message;
        auto bulk = room.store.bulk_load("hash_entry", list_store::entry_columns());
        for (int i = first; i < first + 100; ++i) {
            const list_store::NewEntry entry{key_of(md5(i)), {}, EntryState::active, {}, {}};
            const auto row = list_store::staged_row(list, import, entry);
            EXPECT_TRUE(bulk->add(store::Params(std::span<const store::Value>(row))));
        }
        EXPECT_TRUE(bulk->finish());
        return import;
    };
    const std::string self = this_process();
    const auto import = stage(self, 0);  // alive: it is us
    EXPECT_THAT(room.lists->entries("a", "", 100)->entries, IsEmpty());
    EXPECT_EQ(room.import("a", md5(1).text(), {}).error().code, ErrorCode::conflict);
    // One of its entries is added by hand meanwhile: that one counts, and stays.
    ASSERT_EQ(room.lists->add("a", std::vector{md5(5)}, "ann")->added, 1U);
    EXPECT_EQ(counts("a").total(), 1U);
    // Now it is dead: our number, with another start.
    ASSERT_TRUE(room.store.write([&](store::Writer& writer) -> Status {
        return writer.run("UPDATE hash_import SET owner = $1 WHERE id = $2", {self + "1", import})
            .map([](auto) {});
    }));
    auto reopened = Lists::open(room.store, room.data, room.clock);
    ASSERT_TRUE(reopened);
    EXPECT_EQ(room.rows("hash_entry"), 1);
    EXPECT_EQ(room.rows("hash_import"), 0);
    // And at the next import, where another machine has been silent for too long.
    stage("elsewhere 12 34", 50);
    EXPECT_EQ(room.import("a", md5(1).text(), {}).error().code, ErrorCode::conflict);
    room.clock.time = room.clock.time + std::chrono::minutes(5);
    EXPECT_EQ(room.import("a", md5(1).text() + "\n" + md5(5).text(), {})->added, 1U);
    EXPECT_EQ(counts("a").total(), 2U);
    EXPECT_EQ(room.rows("hash_entry"), 2);
}

// A first import's list appears with its entries, or not at all.
TEST_P(ListsTest, AListIsSeenOnlyWithItsImport) {
    std::string all;
    for (int i = 0; i < 70'000; ++i) all += md5(i).text() + "\n";
    EXPECT_EQ(import("a", all).added, 70'000U);
    EXPECT_EQ(counts("a").active, 70'000U);
    EXPECT_EQ(import("empty", "# nothing yet\n").added, 0U);
    EXPECT_EQ(counts("empty").total(), 0U);
    // It can be removed like any other, and its entries go.
    ASSERT_TRUE(room.lists->remove("a"));
    EXPECT_EQ(room.rows("hash_entry"), 0);
    EXPECT_THAT(*room.lists->all(), SizeIs(1));
}

// Two first imports at once: each makes a list that is not seen; the one that is published later is refused.
TEST_P(ListsTest, AListMadeMeanwhileIsNotTakenOver) {
    ListSettings settings;
    settings.name = "a";
    std::int64_t hidden = 0;
    ASSERT_TRUE(room.store.write([&](store::Writer& writer) -> Status {
        auto id = list_store::insert_hidden(writer, settings, "ann", room.clock.now());
        hidden = id.value_or(0);
        return id ? Status{} : Status(pass(id.error()));
    }));
    EXPECT_THAT(*room.lists->all(), IsEmpty()) << "not seen";
    EXPECT_EQ(import("a", md5(1).text()).added, 1U);
    const auto revealed = room.store.write(
        [&](store::Writer& writer) { return list_store::reveal(writer, hidden, "a", room.clock.now()); });
    ASSERT_FALSE(revealed);
    EXPECT_EQ(revealed.error().code, ErrorCode::conflict);
    EXPECT_EQ(counts("a").active, 1U);
}

TEST(ListNames, AreNeverTakenForFilesOrOptions) {
    for (const char* good : {"a", "harmless art", "ncmec-2024_v2", "\xC3\xA4rger", "A:B"}) {
        EXPECT_TRUE(check_list_name(good)) << good;
    }
    for (const char* bad : {"", "a/b", "list.txt", "-x", " a", "a ", "a\nb", "\xFF", "a\x1b[2J"}) {
        EXPECT_FALSE(check_list_name(bad)) << bad;
    }
    EXPECT_TRUE(check_list_name(std::string(100, 'x')));
    EXPECT_FALSE(check_list_name(std::string(101, 'x')));
}

TEST(Thresholds, AreReadStrictly) {
    Thresholds t;
    EXPECT_TRUE(set_threshold(t, "pdq=0"));
    EXPECT_TRUE(set_threshold(t, "VPDQ = 63"));
    EXPECT_TRUE(set_threshold(t, "vpdq_share=100"));
    EXPECT_EQ(t, (Thresholds{0, 63, 100}));
    for (const char* bad :
         {"pdq=64", "pdq=-1", "pdq", "pdq=", "md5=0", "vpdq_share=0", "vpdq_share=101", "x=1", ""}) {
        EXPECT_FALSE(set_threshold(t, bad)) << bad;
    }
}

}  // namespace
}  // namespace rushlight::match
