// What a person may rely on when a fingerprint is matched against lists.
#include "match/matcher.h"

#include "base/testing/rounds.h"
#include "match/plain_model.h"
#include "match/test_room.h"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <thread>

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/wait.h>

namespace rushlight::match {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using testing::made_up;
using testing::md5;
using testing::Room;
using ::testing::SizeIs;

Pdq flipped(Pdq hash, int bits, std::uint64_t seed) {
    std::mt19937_64 random(seed);
    std::set<int> places;
    while (static_cast<int>(places.size()) < bits) places.insert(static_cast<int>(random() % 256));
    for (const int at : places)
        hash.value[static_cast<std::size_t>(at / 8)] ^= static_cast<std::byte>(1 << at % 8);
    return hash;
}

class Lines {
  public:
    explicit Lines(const std::string& text) : in_(text) {}
    bool next(std::string& line) { return static_cast<bool>(std::getline(in_, line)); }

  private:
    std::istringstream in_;
};

std::unique_ptr<Matcher> open(Lists* lists, const Sources& sources, const Clock& clock = system_clock()) {
    auto matcher = Matcher::open(lists, sources, clock);
    if (!matcher) throw std::runtime_error(matcher.error().message);
    return std::move(*matcher);
}
Sources all_stored() {
    Sources sources;
    sources.all_stored = true;
    return sources;
}
Sources file(const std::string& path) {
    Sources sources;
    sources.files = {path};
    return sources;
}
Answer ask(const Matcher& matcher, const Query& query) {
    auto answer = matcher.match(query);
    EXPECT_TRUE(answer) << answer.error().message;
    return answer.value_or(Answer{});
}
Query near(const Pdq& pdq, std::optional<int> quality = std::nullopt) {
    Query query;
    query.pdq = pdq;
    query.quality = quality;
    return query;
}

TEST(Matcher, FindsThePublishedPairsExactly) {
    const auto matcher = open(nullptr, file(RUSHLIGHT_SOURCE_DIR "/match/testdata/pdq-haystack.txt"));
    std::vector<std::string> haystack;
    std::string line;
    for (Lines lines(testing::read_testdata("pdq-haystack.txt")); lines.next(line);) haystack.push_back(line);
    std::multiset<std::tuple<int, std::string, int>> expected;
    int pairs = 0;
    Lines csv(testing::read_testdata("pdq-matches-31.csv"));
    csv.next(line);
    while (csv.next(line)) {
        int needle = 0;
        std::size_t at = 0;
        int d = 0;
        ASSERT_EQ(std::sscanf(line.c_str(), "%d,%zu,%d", &needle, &at, &d), 3);
        expected.insert({needle, haystack.at(at), d});
        ++pairs;
    }
    EXPECT_EQ(pairs, 250);
    std::multiset<std::tuple<int, std::string, int>> found;
    Lines needles(testing::read_testdata("pdq-needles.txt"));
    for (int i = 0; needles.next(line); ++i) {
        const auto answer = ask(*matcher, near(*Pdq::parse(line)));
        for (const auto& match : answer.matches) found.insert({i, match.entry, match.distance});
        EXPECT_EQ(answer.decision, answer.matches.empty() ? Decision::none : Decision::near);
    }
    EXPECT_EQ(found, expected);
}

// Random lists, entries and queries of every kind, held against the plain rules.
class Worlds {
  public:
    explicit Worlds(std::uint64_t seed) : random_(seed) {
        for (int i = 0; i < 4; ++i)
            centres_.push_back(made_up<Pdq>(seed * 100 + static_cast<std::uint64_t>(i)));
        for (int i = 0; i < 6; ++i) {
            List list;
            list.name = "list" + std::to_string(i);
            list.kind = i % 3 == 2 ? ListKind::negative : ListKind::known;
            list.thresholds = {below(64), below(64), 1 + below(100)};
            if (i == 5) list.expires = Time{1};
            lists.push_back(list);
        }
    }

    int below(int n) { return static_cast<int>(random_() % static_cast<unsigned>(n)); }
    Pdq hash() {
        return flipped(centres_[random_() % centres_.size()], below(3) == 0 ? 0 : below(40), random_());
    }
    std::vector<VideoFrame> frames() {
        std::vector<VideoFrame> frames;
        for (int i = 1 + below(5); i > 0; --i) frames.push_back({hash(), below(4) == 0 ? 49 : 50, double(i)});
        if (below(3) == 0) frames.push_back(frames.front());
        return frames;
    }
    Value value() {
        switch (below(6)) {
            case 0:
                return md5(below(4));
            case 1:
                return testing::sha1(below(4));
            case 2:
                return testing::sha256(below(4));
            case 3:
                return Value::of(frames());
            default:
                return Value::of(hash());
        }
    }
    Query query() {
        Query query;
        if (below(3) == 0) query.md5 = Md5::from(md5(below(5)).bytes);
        if (below(3) == 0) query.sha1 = Sha1::from(testing::sha1(below(5)).bytes);
        if (below(3) == 0) query.sha256 = Sha256::from(testing::sha256(below(5)).bytes);
        if (below(4) != 0) query.pdq = hash();
        if (below(2) == 0) query.quality = 40 + below(30);
        if (below(2) == 0) {
            query.dihedral.emplace();
            for (auto& one : *query.dihedral) one = hash();
        }
        if (below(2) == 0) query.frames = frames();
        if (below(3) == 0) query.threshold = below(64);
        query.explain = below(2) == 0;
        return query;
    }
    EntryState state() { return static_cast<EntryState>(below(5) < 3 ? 0 : below(3)); }

    std::vector<List> lists;

  private:
    std::mt19937_64 random_;
    std::vector<Pdq> centres_;
};

class StoredMatcher : public ::testing::TestWithParam<store::testing::Kind> {
  protected:
    Room room{GetParam()};
};
INSTANTIATE_TEST_SUITE_P(, StoredMatcher, store::testing::both(), store::testing::name_of);

void follow_the_plain_rules(Room& room, std::uint64_t seed) {
    Worlds worlds(seed);
    for (const auto& list : worlds.lists) {
        auto made = room.lists->create(list, "tester");
        ASSERT_TRUE(made) << made.error().message;
    }
    const auto matcher = open(room.lists.get(), all_stored(), room.clock);
    std::vector<testing::ModelEntry> model;
    const auto place_of = [&](const List& list, const Value& value) {
        return std::ranges::find_if(
            model, [&](const auto& entry) { return entry.list.name == list.name && entry.value == value; });
    };
    for (int step = 0; step < 150; ++step) {
        const List& list = worlds.lists[static_cast<std::size_t>(worlds.below(6))];
        if (worlds.below(4) != 0 || model.empty()) {
            const Value value = worlds.value();
            const EntryState state = worlds.state();
            auto added = room.lists->add(list.name, {&value, 1}, "tester", "", state);
            ASSERT_TRUE(added) << added.error().message;
            const bool there = place_of(list, value) != model.end();
            EXPECT_EQ(added->duplicate, there ? 1U : 0U);
            if (!there) model.push_back({list, value, state});
        } else {
            auto& entry = model[static_cast<std::size_t>(worlds.below(static_cast<int>(model.size())))];
            if (worlds.below(2) == 0) {
                entry.state = worlds.state();
                ASSERT_TRUE(room.lists->set(entry.list.name, entry.value, entry.state, {}, "tester"));
            } else {
                ASSERT_EQ(room.lists->drop(entry.list.name, {&entry.value, 1})->dropped, 1U);
                model.erase(place_of(entry.list, entry.value));
            }
        }
        for (int i = 0; i < 4; ++i) {
            const Query query = worlds.query();
            ASSERT_EQ(testing::summary_of(ask(*matcher, query)),
                      testing::plain_answer(query, model, room.clock.now()))
                << "step " << step;
        }
    }
    // Built anew it is the same.
    const auto again = open(room.lists.get(), all_stored(), room.clock);
    for (int i = 0; i < 50; ++i) {
        const Query query = worlds.query();
        EXPECT_EQ(testing::summary_of(ask(*again, query)),
                  testing::plain_answer(query, model, room.clock.now()));
    }
}

TEST_P(StoredMatcher, FollowsThePlainRulesThroughEveryChange) {
    for (Rounds rounds(1, GetParam() == store::testing::Kind::sqlite ? 7 : 8); rounds.next();) {
        Room fresh{GetParam()};
        follow_the_plain_rules(fresh, rounds.seed());
    }
}

TEST_P(StoredMatcher, SeesImportsRemovalsAndOtherProcessesChanges) {
    room.make("a");
    const auto matcher = open(room.lists.get(), all_stored(), room.clock);
    ASSERT_TRUE(room.import("a", md5(1).text() + "\n" + md5(2).text() + "\n", {}));
    EXPECT_EQ(ask(*matcher, query_of(md5(2))).decision, Decision::exact);
    room.make("b");
    ASSERT_TRUE(room.lists->add("b", std::vector{md5(2)}, "ann"));
    EXPECT_THAT(ask(*matcher, query_of(md5(2))).matches, SizeIs(2));
    ASSERT_TRUE(room.lists->remove("a"));
    EXPECT_THAT(ask(*matcher, query_of(md5(2))).matches, SizeIs(1));
    EXPECT_EQ(ask(*matcher, query_of(md5(1))).decision, Decision::none);
    // Another Lists of the same store does not tell this matcher: it follows by itself, within a second.
    const auto other = std::move(*Lists::open(room.store, room.data, room.clock));
    ASSERT_TRUE(other->add("b", std::vector{md5(3)}, "bob"));
    const auto deadline = Steady::now() + std::chrono::seconds(5);
    const auto began = Steady::now();
    while (ask(*matcher, query_of(md5(3))).decision == Decision::none && Steady::now() < deadline) {
        std::this_thread::yield();
    }
    EXPECT_EQ(ask(*matcher, query_of(md5(3))).decision, Decision::exact);
    EXPECT_LT(Steady::now() - began, std::chrono::seconds(1)) << "list changes are matchable within a second";
}

TEST_P(StoredMatcher, GoesByAListsNewThresholdAtOnce) {
    room.make("a");
    const auto matcher = open(room.lists.get(), all_stored(), room.clock);
    const std::string zeros(64, '0');
    ASSERT_TRUE(room.lists->add("a", std::vector{*Value::parse(Method::pdq, zeros)}, "ann"));
    const Query near = query_of(*Value::parse(Method::pdq, "ff" + zeros.substr(2)));  // 8 bits away
    EXPECT_EQ(ask(*matcher, near).decision, Decision::near);
    const auto set = [&](int pdq) {
        return room.lists->change("a", [pdq](ListSettings& settings) -> Status {
            settings.thresholds.pdq = pdq;
            return {};
        });
    };
    ASSERT_TRUE(set(7));
    EXPECT_EQ(ask(*matcher, near).decision, Decision::none);
    ASSERT_TRUE(set(8));
    EXPECT_EQ(ask(*matcher, near).decision, Decision::near);
}

TEST_P(StoredMatcher, NamedListsOnlyAndExpiryAreHeld) {
    room.make("a");
    room.make("b");
    ListSettings brief;
    brief.name = "brief";
    brief.expires = room.clock.time + std::chrono::hours(1);
    ASSERT_TRUE(room.lists->create(brief, "ann"));
    for (const char* name : {"a", "b", "brief"})
        ASSERT_TRUE(room.lists->add(name, std::vector{md5(1)}, "ann"));
    Sources sources;
    sources.stored = {"a", "brief"};
    const auto matcher = open(room.lists.get(), sources, room.clock);
    const auto names = [&] {
        std::vector<std::string> found;
        for (const auto& match : ask(*matcher, query_of(md5(1))).matches) found.push_back(match.list);
        return found;
    };
    EXPECT_THAT(names(), ElementsAre("a", "brief"));
    room.clock.time = room.clock.time + std::chrono::hours(2);
    EXPECT_THAT(names(), ElementsAre("a"));
    EXPECT_EQ(Matcher::open(room.lists.get(), sources, room.clock).error().code, ErrorCode::invalid);
    sources.stored = {"nowhere"};
    EXPECT_EQ(Matcher::open(room.lists.get(), sources, room.clock).error().code, ErrorCode::not_found);
}

TEST(Matcher, ANegativeEntryTakesBackWhatIsNoCloserAndNeverAnExactMatch) {
    Room room(store::testing::Kind::sqlite);
    room.make("known");
    room.make("harmless", ListKind::negative);
    const Pdq centre = made_up<Pdq>(1);
    const auto add = [&](const char* list, const Value& value, EntryState state = EntryState::active) {
        ASSERT_TRUE(room.lists->add(list, {&value, 1}, "ann", "", state));
    };
    add("known", Value::of(flipped(centre, 4, 1)));
    add("known", Value::of(flipped(centre, 9, 2)));
    add("known", md5(1));
    add("harmless", Value::of(flipped(centre, 6, 3)));
    const auto matcher = open(room.lists.get(), all_stored());
    Query query = near(centre);
    query.md5 = Md5::from(md5(1).bytes);
    auto answer = ask(*matcher, query);
    EXPECT_EQ(answer.decision, Decision::exact);
    ASSERT_THAT(answer.matches, SizeIs(2));
    EXPECT_EQ(answer.matches[0].method, Method::md5);
    EXPECT_EQ(answer.matches[1].distance, 4) << "closer than the negative entry";
    ASSERT_THAT(answer.suppressed, SizeIs(1));
    EXPECT_EQ(answer.suppressed[0].match.distance, 9);
    EXPECT_EQ(answer.suppressed[0].by.distance, 6);
    EXPECT_EQ(answer.suppressed[0].by.list, "harmless");
    EXPECT_THAT(answer.suppressed[0].why, HasSubstr("distance 6"));
    // The file itself being known as harmless takes back every near match.
    add("harmless", testing::sha256(1));
    query.sha256 = Sha256::from(testing::sha256(1).bytes);
    answer = ask(*matcher, query);
    EXPECT_THAT(answer.suppressed, SizeIs(2));
    EXPECT_EQ(answer.decision, Decision::exact) << "the MD5 is still on a known list";
}

TEST(Matcher, QuarantinedEntriesAreReportedAndNeverDecide) {
    Room room(store::testing::Kind::sqlite);
    room.make("a");
    ASSERT_TRUE(room.lists->add("a", std::vector{md5(1)}, "ann", "", EntryState::quarantined));
    const auto matcher = open(room.lists.get(), all_stored());
    const auto answer = ask(*matcher, query_of(md5(1)));
    EXPECT_EQ(answer.decision, Decision::none);
    ASSERT_THAT(answer.matches, SizeIs(1));
    EXPECT_EQ(answer.matches[0].state, EntryState::quarantined);
}

TEST(Matcher, ExplainsWhatItDid) {
    testing::Folder folder;
    const std::string path = folder.path() + "/list.csv";
    std::ofstream(path) << "pdq\n" << made_up<Pdq>(1).hex() << "\n" << made_up<Pdq>(2).hex() << "\nbroken\n";
    const auto matcher = open(nullptr, file(path));
    ASSERT_THAT(matcher->files(), SizeIs(1));
    EXPECT_EQ(matcher->files()[0].bad_lines, 1U);
    Query query = near(made_up<Pdq>(1), 49);
    query.explain = true;
    auto answer = ask(*matcher, query);
    EXPECT_EQ(answer.reason, Reason::low_quality);
    EXPECT_THAT(answer.matches, IsEmpty());
    ASSERT_TRUE(answer.explanation);
    EXPECT_THAT(answer.explanation->remarks, ElementsAre(HasSubstr("quality of 49")));
    query.quality = 50;
    query.threshold = 40;
    answer = ask(*matcher, query);
    ASSERT_THAT(answer.matches, SizeIs(1));
    EXPECT_EQ(answer.matches[0].list, path);
    EXPECT_EQ(answer.matches[0].threshold, 40);
    ASSERT_THAT(answer.explanation->searches, SizeIs(1));
    EXPECT_EQ(answer.explanation->searches[0].distance, 40);
    EXPECT_EQ(answer.explanation->searches[0].entries, 2U);
    EXPECT_TRUE(answer.explanation->searches[0].scanned) << "above what the index covers";
    ASSERT_THAT(answer.explanation->lists, SizeIs(1));
    EXPECT_EQ(answer.explanation->lists[0].thresholds.pdq, 40);
    query.threshold = 64;
    EXPECT_EQ(matcher->match(query).error().code, ErrorCode::invalid);
    query.threshold = -1;
    EXPECT_EQ(matcher->match(query).error().code, ErrorCode::invalid);
}

// A pipe can be read once only; and what a list file says does not hang on the order of its lines.
TEST(Matcher, AListFromAPipeIsReadOnceAndKnownByWhatItHolds) {
    testing::Folder folder;
    const std::string pipe = folder.path() + "/list.fifo";
    ASSERT_EQ(::mkfifo(pipe.c_str(), 0600), 0);
    const auto content_of = [&](const std::string& text) {
        std::jthread writer([&] { std::ofstream(pipe) << text; });
        const auto matcher = open(nullptr, file(pipe));
        EXPECT_EQ(ask(*matcher, query_of(md5(2))).decision, Decision::exact) << text;
        return matcher->lists().at(0).content;
    };
    const std::string one = md5(1).text() + "\n";
    const std::string two = md5(2).text() + "\n";
    const auto content = content_of(one + two);
    ASSERT_TRUE(content);
    EXPECT_EQ(content_of("# in another order\n" + two + one + two), content);
    EXPECT_NE(content_of(two), content);
    EXPECT_NE(content_of("md5,state\n" + one.substr(0, 32) + ",quarantined\n" + two), content);
    std::string many;
    for (int i = 0; i < 5'000; ++i) many += md5(i).text() + "\n";
    const auto large = content_of(many);
    EXPECT_NE(content_of(many + md5(5'000).text()), large);
    EXPECT_EQ(content_of(many), large);
}

TEST(Matcher, AFileOfFewBareDigitsNeedsAMethodOrAFallback) {
    testing::Folder folder;
    const std::string path = folder.path() + "/list.txt";
    std::ofstream(path) << made_up<Pdq>(1).hex() << "\n";
    EXPECT_THAT(Matcher::open(nullptr, file(path)).error().message, HasSubstr("--method"));
    Sources sources = file(path);
    sources.file_undecided = Method::pdq;
    EXPECT_EQ(ask(*open(nullptr, sources), near(made_up<Pdq>(1))).decision, Decision::near);
    EXPECT_EQ(Matcher::open(nullptr, file(folder.path() + "/none.txt")).error().code, ErrorCode::not_found);
}

TEST(Matcher, PhotoDnaIsKeptAndNeverMatched) {
    Room room(store::testing::Kind::sqlite);
    room.make("a");
    const Value value = *Value::parse(Method::photodna, std::string(192, 'Q'));
    ASSERT_EQ(room.lists->add("a", {&value, 1}, "ann")->added, 1U);
    const auto matcher = open(room.lists.get(), all_stored());
    Query query = query_of(value);
    query.explain = true;
    const auto answer = ask(*matcher, query);
    EXPECT_EQ(answer.decision, Decision::none);
    EXPECT_THAT(answer.explanation->remarks, ElementsAre(HasSubstr("PhotoDNA")));
    EXPECT_EQ(room.import("b", value.text() + "\n" + md5(1).text() + "\n", {})->photodna, 1U);
}

// A store large enough for a snapshot.
struct LargeRoom : Room {
    LargeRoom() : Room(store::testing::Kind::sqlite) {
        std::string all = "pdq\n";
        for (int i = 0; i < 55'000; ++i) all += made_up<Pdq>(static_cast<std::uint64_t>(i)).hex() + "\n";
        EXPECT_EQ(import("pictures", all, {})->added, 55'000U);
        EXPECT_TRUE(import("files", md5(1).text(), {}));
        const Value video =
            Value::of(std::vector<VideoFrame>{{made_up<Pdq>(1), 90, 0}, {made_up<Pdq>(2), 90, 1}});
        EXPECT_EQ(lists->add("files", {&video, 1}, "ann")->added, 1U);
    }
    void finds_everything(const Matcher& matcher) const {
        EXPECT_EQ(ask(matcher, query_of(md5(1))).decision, Decision::exact);
        EXPECT_EQ(ask(matcher, near(made_up<Pdq>(54'321))).decision, Decision::near);
        Query query;
        query.frames = {{made_up<Pdq>(1), 90, 0}};
        const auto answer = ask(matcher, query);
        ASSERT_THAT(answer.matches, SizeIs(1));
        EXPECT_EQ(answer.matches[0].shares->query, 100);
        EXPECT_EQ(answer.matches[0].shares->listed, 50);
    }
    std::vector<std::string> files_of_the_index() const {
        std::vector<std::string> files;
        for (const auto& entry : std::filesystem::directory_iterator(data + "/index"))
            files.push_back(entry.path());
        return files;
    }
};

TEST(Snapshot, IsUsedFollowedAndRebuiltWhereItIsTorn) {
    LargeRoom room;
    EXPECT_EQ(open(room.lists.get(), all_stored())->origin(), "store");
    {
        const auto matcher = open(room.lists.get(), all_stored());
        EXPECT_EQ(matcher->origin(), "snapshot");
        room.finds_everything(*matcher);
    }
    // Older than the store: the log leads on from it.
    ASSERT_TRUE(room.lists->add("files", std::vector{md5(2)}, "ann"));
    ASSERT_TRUE(room.lists->drop("pictures", std::vector{Value::of(made_up<Pdq>(7))}));
    {
        const auto matcher = open(room.lists.get(), all_stored());
        EXPECT_EQ(matcher->origin(), "snapshot");
        EXPECT_EQ(ask(*matcher, query_of(md5(2))).decision, Decision::exact);
        EXPECT_EQ(ask(*matcher, near(made_up<Pdq>(7))).decision, Decision::none);
        room.finds_everything(*matcher);
        // What is changed in memory stays there: the file is another process's too.
        ASSERT_TRUE(room.lists->drop("files", std::vector{md5(1)}));
        EXPECT_EQ(ask(*matcher, query_of(md5(1))).decision, Decision::none);
        ASSERT_TRUE(room.lists->add("files", std::vector{md5(1)}, "ann"));
    }
    // Each file in turn cut, changed in one bit, and gone.
    for (const auto& path : room.files_of_the_index()) {
        for (int way = 0; way < 3; ++way) {
            SCOPED_TRACE(path + " way " + std::to_string(way));
            if (!std::filesystem::exists(path)) continue;  // the snapshot has another stamp by now
            const auto size = std::filesystem::file_size(path);
            if (way == 0) std::filesystem::resize_file(path, size / 2);
            if (way == 1) {
                std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
                file.seekg(static_cast<std::streamoff>(size * 2 / 3));
                const char c = static_cast<char>(file.get() ^ 1);
                file.seekp(static_cast<std::streamoff>(size * 2 / 3));
                file.put(c);
            }
            if (way == 2) std::filesystem::remove(path);
            const auto matcher = open(room.lists.get(), all_stored());
            room.finds_everything(*matcher);
        }
    }
}

TEST(Snapshot, OfAnotherStoreOrAnotherPastIsNotUsed) {
    LargeRoom room;
    {
        const auto matcher = open(room.lists.get(), all_stored());
    }
    // A restored backup whose log went another way: the same number of changes, another last one.
    ASSERT_TRUE(room.store.write([&](store::Writer& writer) -> Status {
        return writer.run("UPDATE hash_change SET nonce = nonce + 1").map([](auto) {});
    }));
    const auto matcher = open(room.lists.get(), all_stored());
    EXPECT_EQ(matcher->origin(), "store");
    room.finds_everything(*matcher);
}

TEST(Matcher, AnswersWhileListsChange) {
    Room room(store::testing::Kind::sqlite);
    room.make("a");
    std::vector<Value> always;
    for (int i = 0; i < 50; ++i) always.push_back(Value::of(made_up<Pdq>(static_cast<std::uint64_t>(i))));
    ASSERT_TRUE(room.lists->add("a", always, "ann"));
    ASSERT_TRUE(room.lists->add("a", std::vector{md5(0)}, "ann"));
    const auto matcher = open(room.lists.get(), all_stored());
    std::atomic<bool> stop{false};
    std::atomic<int> missed{0};
    std::vector<std::thread> askers;
    for (int t = 0; t < 2; ++t) {
        askers.emplace_back([&] {
            for (std::uint64_t i = 0; !stop; ++i) {
                // The one whose state flips is never missed either.
                const auto answer = matcher->match(near(made_up<Pdq>(i % 50)));
                const auto exact = matcher->match(query_of(md5(0)));
                if (!answer || answer->matches.size() != 1 || !exact || exact->matches.size() != 1) ++missed;
            }
        });
    }
    for (int i = 1; i < 60; ++i) {
        ASSERT_TRUE(room.lists->add(
            "a", std::vector{md5(i), Value::of(made_up<Pdq>(1000 + static_cast<unsigned>(i)))}, "ann"));
        ASSERT_TRUE(room.lists->set("a", always[static_cast<std::size_t>(i % 50)],
                                    i % 2 == 0 ? EntryState::active : EntryState::quarantined, {}, "ann"));
        ASSERT_TRUE(room.lists->set("a", md5(0), i % 2 == 0 ? EntryState::active : EntryState::quarantined,
                                    {}, "ann"));
        ASSERT_TRUE(room.lists->drop("a", std::vector{md5(i)}));
    }
    stop = true;
    for (auto& asker : askers) asker.join();
    EXPECT_EQ(missed, 0);
}

TEST(Processes, AKilledImportInAnotherProcessLeavesNothingAndItsListCanBeImportedInto) {
    Room room(store::testing::Kind::sqlite);
    room.make("a");
    // Endless values through a pipe, until the reader has staged some and is killed.
    std::string all;
    for (int i = 0; i < 600'000; ++i) all += to_hex(made_up<Md5>(static_cast<std::uint64_t>(i)).value) + "\n";
    const std::string path = room.data + "/list.txt";
    std::ofstream(path) << all;
    const pid_t child = ::fork();
    ASSERT_GE(child, 0);
    if (child == 0) {
        // A store of its own: connections do not survive a fork.
        auto store = store::Store::open({.where = room.place.where(), .schemas = {schema()}});
        if (!store) ::_exit(1);
        auto lists = Lists::open(*store, room.data);
        const Fd fd(::open(path.c_str(), O_RDONLY));
        if (lists) (void)(*lists)->import("a", fd.get(), {});
        ::_exit(0);
    }
    while (room.rows("hash_entry") == 0 && ::waitpid(child, nullptr, WNOHANG) == 0) std::this_thread::yield();
    ::kill(child, SIGKILL);
    ::waitpid(child, nullptr, 0);
    const auto entries = room.lists->find("a")->entries.total();
    ASSERT_EQ(entries, 0U) << "killed before it published";
    EXPECT_GT(room.rows("hash_entry"), 0);
    EXPECT_THAT(room.lists->entries("a", "", 10)->entries, IsEmpty());
    const auto matcher = open(room.lists.get(), all_stored());
    EXPECT_EQ(ask(*matcher, query_of(md5(1))).decision, Decision::none);
    const auto report = room.import("a", md5(1).text() + "\n" + md5(2).text(), {});
    ASSERT_TRUE(report) << report.error().message;
    EXPECT_EQ(report->added, 2U);
    EXPECT_EQ(room.rows("hash_entry"), 2);
    EXPECT_EQ(ask(*matcher, query_of(md5(1))).decision, Decision::exact);
}

}  // namespace
}  // namespace rushlight::match
