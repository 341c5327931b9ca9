// The main job from the outside: `rushlight scan` as a person or a script runs it.

#include "app/testing/program.h"
#include "base/testing/rounds.h"
#include "store/testing/place.h"

#include <algorithm>
#include <csignal>
#include <filesystem>
#include <map>
#include <random>
#include <set>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

namespace rushlight::app::testing {
namespace {

namespace fs = std::filesystem;
using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::Not;

constexpr const char* kScene = "practice/set/photos";

// What a scan said, by item.
struct Scan {
    std::map<std::string, json> items;
    json summary;
    Ran ran;
};

Scan scan(const Folder& data, std::vector<std::string> arguments, Call call = {}) {
    call.arguments = {"scan", "--json", "--data", data.path("var")};
    call.arguments.insert(call.arguments.end(), arguments.begin(), arguments.end());
    Scan result{.items = {}, .summary = {}, .ran = run(call)};
    for (const json& line : result.ran.lines()) {
        if (line.contains("summary")) {
            result.summary = line["summary"];
        } else {
            EXPECT_TRUE(result.items.emplace(line["item"], line).second) << "twice: " << line["item"];
        }
    }
    return result;
}

std::string list_of(const Folder& folder, const std::string& text) { return folder.write("list.txt", text); }

// An MD5 that is in nobody's list of anything here.
constexpr const char* kStrange = "0123456789abcdef0123456789abcdef\n";

void copy_scenes(const Folder& folder, const std::string& into) {
    fs::create_directories(folder.path(into));
    for (const auto& entry : fs::directory_iterator(source_file(kScene))) {
        fs::copy_file(entry.path(), folder.path(into) / entry.path().filename());
    }
}

TEST(Scan, FindsWhatThePracticeSetHides) {
    const Folder folder;
    const std::string set = source_file("practice/set");
    const Scan first = scan(folder, {set, "--list", source_file("practice/list.jsonl")});
    ASSERT_EQ(first.ran.status, 0) << first.ran.err;
    EXPECT_EQ(first.summary["items"], first.items.size());
    EXPECT_GE(first.summary["exact"], 3);
    EXPECT_GE(first.summary["near"], 8);
    for (const auto& [name, item] : first.items) {
        if (!name.ends_with("/spheres-01.jpg")) continue;
        ASSERT_FALSE(item["matches"].empty()) << item;
        EXPECT_EQ(item["decision"], "near");
        EXPECT_EQ(item["matches"][0]["distance"], 0);
        EXPECT_EQ(item["matches"][0]["orientation"], "original");
    }
    // An archive's members carry their archive's name, a web archive's their address.
    const auto has_item = [&](const std::string& part) {
        return std::ranges::any_of(
            first.items, [&](const auto& item) { return item.first.find(part) != std::string::npos; });
    };
    EXPECT_TRUE(has_item("holiday.zip!"));
    EXPECT_TRUE(has_item("holiday.zip!../../outside.jpg"));
    EXPECT_TRUE(has_item("crawl.warc.gz!http"));
    EXPECT_FALSE(fs::exists(folder.path("outside.jpg")));
}

TEST(Scan, StartedAgainItSkipsWhatItHasAndStillTellsOfItsMatches) {
    const Folder folder;
    copy_scenes(folder, "pictures");
    const std::string list = source_file("practice/list.jsonl");
    const Scan first = scan(folder, {folder.path("pictures"), "--list", list});
    const Scan second = scan(folder, {folder.path("pictures"), "--list", list, "--fail-on-match"});
    EXPECT_EQ(second.ran.status, 3) << second.ran.err;
    EXPECT_EQ(second.summary["skipped"], first.summary["items"]);
    for (const auto& [name, item] : second.items) {
        EXPECT_EQ(item["decision"], "skipped");
        EXPECT_EQ(item["matches"], first.items.at(name)["matches"]);
    }
    const Scan again = scan(folder, {folder.path("pictures"), "--list", list, "--again"});
    EXPECT_EQ(again.summary["skipped"], 0);
    EXPECT_EQ(again.summary["near"], first.summary["near"]);
}

TEST(Scan, AnotherListIsAnotherQuestion) {
    const Folder folder;
    copy_scenes(folder, "pictures");
    const Scan nothing = scan(folder, {folder.path("pictures"), "--list", list_of(folder, kStrange)});
    EXPECT_EQ(nothing.summary["none"], nothing.summary["items"]);
    const std::string md5 = nothing.items.begin()->second["md5"];
    const Scan found = scan(folder, {folder.path("pictures"), "--list", list_of(folder, md5 + "\n")});
    EXPECT_EQ(found.summary["skipped"], 0);
    EXPECT_EQ(found.summary["exact"], 1);
    EXPECT_EQ(found.items.begin()->second["decision"], "exact");
}

TEST(Scan, ACopyElsewhereIsAnItemOfItsOwn) {
    const Folder folder;
    copy_scenes(folder, "pictures/a");
    copy_scenes(folder, "pictures/b");
    const Scan both = scan(folder, {folder.path("pictures"), "--list", source_file("practice/list.jsonl")});
    EXPECT_EQ(both.summary["skipped"], 0);
    for (const auto& [name, item] : both.items) {
        if (name.find("/a/") == std::string::npos) continue;
        std::string other = name;
        other.replace(other.find("/a/"), 3, "/b/");
        EXPECT_EQ(item["decision"], both.items.at(other)["decision"]);
        EXPECT_EQ(item["pdq"], both.items.at(other)["pdq"]);
    }
}

// Killed again and again, each time somewhere else, until it comes to its end: what it showed stays.
TEST(Scan, KilledInTheMiddleItGoesOn) {
    const Folder pictures;
    for (int i = 0; i < 20; ++i) copy_scenes(pictures, "pictures/" + std::to_string(i));
    const std::string list = source_file("practice/list.jsonl");
    for (Rounds rounds; rounds.next();) {
        std::mt19937_64 random(rounds.seed());
        const Folder folder;
        std::map<std::string, json> shown;
        for (int kill = 0; kill < 3 && shown.size() < 100; ++kill) {
            Running running({.arguments = {"scan", pictures.path("pictures"), "--list", list, "--json",
                                           "--data", folder.path("var")}});
            ASSERT_TRUE(running.wait_for_lines(shown.size() + 1 + random() % 20));
            running.signal(SIGKILL);
            std::string out = running.wait().out;
            out.resize(out.rfind('\n') + 1);  // the last line may have been cut
            for (const json& line : Ran{.status = 0, .out = out, .err = {}}.lines()) {
                if (line.contains("summary")) continue;  // the kill came too late
                const auto [at, is_new] = shown.emplace(line["item"], line);
                if (is_new) continue;
                EXPECT_EQ(line["decision"], "skipped") << "shown before a kill, and lost: " << at->first;
            }
        }
        const Scan rest = scan(folder, {pictures.path("pictures"), "--list", list});
        ASSERT_EQ(rest.ran.status, 0) << rest.ran.err;
        EXPECT_EQ(rest.items.size(), 160u);
        EXPECT_GE(rest.summary["skipped"].get<std::size_t>(), shown.size());
        for (const auto& [name, line] : shown) {
            EXPECT_EQ(rest.items.at(name)["decision"], "skipped")
                << "shown before a kill, and lost: " << name;
            EXPECT_EQ(rest.items.at(name)["matches"], line["matches"]);
        }
    }
}

TEST(Scan, ControlCStopsItCleanly) {
    const Folder folder;
    for (int i = 0; i < 20; ++i) copy_scenes(folder, "pictures/" + std::to_string(i));
    const std::vector<std::string> arguments{
        "scan",   folder.path("pictures"), "--list", source_file("practice/list.jsonl"), "--json",
        "--data", folder.path("var")};
    Running running({.arguments = arguments});
    ASSERT_TRUE(running.wait_for_lines(10));
    running.signal(SIGINT);
    const Ran stopped = running.wait();
    EXPECT_EQ(stopped.status, 1);
    const auto lines = stopped.lines();
    ASSERT_TRUE(lines.back().contains("summary"));
    EXPECT_EQ(lines.back()["summary"]["stopped"], true);
    EXPECT_EQ(lines.back()["summary"]["items"], lines.size() - 1);
    for (const json& line : lines) EXPECT_NE(line.value("reason", ""), "crashed");
    const Ran rest = run(arguments);
    EXPECT_EQ(rest.lines().back()["summary"]["items"], 160);
    EXPECT_GE(rest.lines().back()["summary"]["skipped"].get<std::size_t>(), lines.size() - 1);
}

TEST(Scan, TwoOnOneFolderGetAlong) {
    const Folder folder;
    for (int i = 0; i < 4; ++i) copy_scenes(folder, "pictures/" + std::to_string(i));
    const std::vector<std::string> arguments{
        "scan",   folder.path("pictures"), "--list", source_file("practice/list.jsonl"), "--json",
        "--data", folder.path("var")};
    Running one({.arguments = arguments});
    Running two({.arguments = arguments});
    const Ran beside = run({"list", "show", "--data", folder.path("var")});
    EXPECT_EQ(beside.status, 0) << beside.err;
    for (const Ran& ran : {one.wait(), two.wait()}) {
        EXPECT_EQ(ran.status, 0) << ran.err;
        EXPECT_EQ(ran.lines().back()["summary"]["items"], 32);
        EXPECT_EQ(ran.lines().back()["summary"]["unreadable"], 0);
    }
}

TEST(Scan, ReadsPathsFromAnotherProgram) {
    const Folder folder;
    copy_scenes(folder, "pictures");
    const std::string list = list_of(folder, kStrange);
    std::string with_newlines;
    std::string with_nuls;
    for (const auto& entry : fs::directory_iterator(folder.path("pictures"))) {
        with_newlines += entry.path().string() + '\n';
        with_nuls += entry.path().string() + '\0';
    }
    const Scan lines = scan(folder, {"-", "--list", list}, {.input = with_newlines});
    EXPECT_EQ(lines.summary["items"], 8) << lines.ran.err;
    const Scan nuls = scan(folder, {"-", "-0", "--list", list, "--again"}, {.input = with_nuls});
    EXPECT_EQ(nuls.summary["items"], 8) << nuls.ran.err;
    EXPECT_EQ(nuls.summary["unreadable"], 0);
}

TEST(Scan, NamesEveryThingThatIsNoReadableFile) {
    const Folder folder;
    const std::string list = list_of(folder, kStrange);
    folder.write("things/empty.jpg", "");
    folder.write("things/text.txt", "plain words");
    folder.write("things/new\nline.txt", "x");
    folder.write("things/latin-\xE9.txt", "x");
    folder.write("things/cut.jpg",
                 read_file(source_file(std::string(kScene) + "/spheres-01.jpg")).substr(0, 4000));
    fs::create_directory_symlink(folder.path("things"), folder.path("things/loop"));
    fs::create_symlink("nowhere", folder.path("things/dangling"));
    ASSERT_EQ(::mkfifo(folder.path("things/pipe").c_str(), 0600), 0);
    const Scan result = scan(folder, {folder.path("things"), "--list", list});
    ASSERT_EQ(result.ran.status, 0) << result.ran.err;
    const auto at = [&](const std::string& name) { return result.items.at(folder.path(name)); };
    EXPECT_EQ(at("things/empty.jpg")["reason"], "empty");
    EXPECT_EQ(at("things/empty.jpg")["decision"], "unreadable");
    EXPECT_EQ(at("things/text.txt")["decision"], "none");
    EXPECT_EQ(at("things/text.txt")["reason"], "not_media");
    EXPECT_EQ(at("things/cut.jpg")["reason"], "truncated");
    EXPECT_FALSE(at("things/cut.jpg")["sha256"].empty());
    EXPECT_EQ(at("things/new\nline.txt")["decision"], "none");
    EXPECT_EQ(at("things/latin-\xEF\xBF\xBD.txt")["decision"], "none");
    EXPECT_FALSE(at("things/latin-\xEF\xBF\xBD.txt")["item_b64"].empty());
    EXPECT_EQ(at("things/dangling")["reason"], "denied");
    EXPECT_EQ(at("things/pipe")["decision"], "skipped");
    EXPECT_EQ(result.items.size(), 7u);
}

// A script with a typing error must not go on as if all were well.
TEST(Scan, ATargetThatIsNotThereIsAFailureThoughTheOthersAreScanned) {
    const Folder folder;
    copy_scenes(folder, "pictures");
    const Scan result = scan(folder, {folder.path("pictuers"), folder.path("pictures"), "--fail-on-match",
                                      "--list", source_file("practice/list.jsonl")});
    EXPECT_EQ(result.ran.status, 1);
    EXPECT_THAT(result.ran.err, HasSubstr("pictuers"));
    EXPECT_EQ(result.items.at(folder.path("pictuers"))["reason"], "denied");
    EXPECT_EQ(result.items.size(), 9u);
    // A path that another program names may be gone by now: an item like any other.
    const Scan listed =
        scan(folder, {"-", "--list", list_of(folder, kStrange)}, {.input = folder.path("pictuers") + '\n'});
    EXPECT_EQ(listed.ran.status, 0) << listed.ran.err;
    EXPECT_EQ(listed.items.at(folder.path("pictuers"))["reason"], "denied");
}

TEST(Scan, TellsWhereItCannotReadPathsFromStandardInput) {
    const Folder folder;
    const std::string list = list_of(folder, kStrange);
    const Scan is_a_folder = scan(folder, {"-", "--list", list}, {.input_from = folder.path()});
    EXPECT_EQ(is_a_folder.ran.status, 1);
    EXPECT_THAT(is_a_folder.ran.err, HasSubstr("standard input"));
    const std::string endless(200'000, 'x');
    const Scan without_end = scan(folder, {"-", "--list", list}, {.input = endless});
    EXPECT_EQ(without_end.ran.status, 1);
    EXPECT_THAT(without_end.ran.err, HasSubstr("-0"));
}

TEST(Scan, SaysWhereNothingCanBeFound) {
    const Folder folder;
    copy_scenes(folder, "pictures");
    const std::string pictures = folder.path("pictures");
    EXPECT_THAT(scan(folder, {pictures}).ran.err, HasSubstr("no list"));
    const auto rushlight = [&](std::vector<std::string> arguments) {
        arguments.insert(arguments.end(), {"--data", folder.path("var")});
        return run(std::move(arguments));
    };
    const std::string list = folder.write("good-and-bad.txt", std::string(kStrange) + "neither\n");
    ASSERT_EQ(rushlight({"list", "create", "old", "--expires", "2001-01-01T00:00:00Z"}).status, 0);
    ASSERT_EQ(rushlight({"list", "import", "old", list}).status, 0);
    EXPECT_THAT(scan(folder, {pictures}).ran.err, HasSubstr("expired"));
    EXPECT_THAT(scan(folder, {pictures}).ran.err, HasSubstr("nothing can be found"));
    ASSERT_EQ(rushlight({"list", "create", "harmless", "--kind", "negative"}).status, 0);
    ASSERT_EQ(rushlight({"list", "import", "harmless", list}).status, 0);
    EXPECT_THAT(scan(folder, {pictures}).ran.err, HasSubstr("nothing can be found"));
    ASSERT_EQ(rushlight({"list", "import", "ours", list}).status, 0);
    EXPECT_THAT(scan(folder, {pictures}).ran.err, Not(HasSubstr("nothing can be found")));
}

TEST(Scan, NamesTheBadLinesOfAListFile) {
    const Folder folder;
    copy_scenes(folder, "pictures");
    const Scan result = scan(
        folder, {folder.path("pictures"), "--list", list_of(folder, std::string(kStrange) + "not a hash\n")});
    EXPECT_EQ(result.ran.status, 0);
    EXPECT_THAT(result.ran.err, HasSubstr("1 bad line"));
    EXPECT_THAT(result.ran.err, HasSubstr("line 2"));
}

// The answer may be another one, so that nothing may be skipped.
TEST(Scan, AListReadInAnotherWayIsAnotherQuestion) {
    const Folder folder;
    copy_scenes(folder, "pictures");
    const std::string haystack = source_file("match/testdata/pdq-haystack.txt");
    const std::string pictures = folder.path("pictures");
    EXPECT_EQ(scan(folder, {pictures, "--list", haystack, "--method", "sha256"}).summary["skipped"], 0);
    EXPECT_EQ(scan(folder, {pictures, "--list", haystack, "--method", "pdq"}).summary["skipped"], 0);
    EXPECT_EQ(scan(folder, {pictures, "--list", haystack, "--method", "pdq"}).summary["skipped"], 8);
}

TEST(Scan, ResultsThatNobodyGetsAreAFailure) {
    const Folder folder;
    copy_scenes(folder, "pictures");
    const std::string list = source_file("practice/list.jsonl");
    const Ran full = run(Call{.arguments = {"scan", folder.path("pictures"), "--list", list, "--json",
                                            "--data", folder.path("var")},
                              .output_to = "/dev/full"});
    EXPECT_EQ(full.status, 1);
    EXPECT_THAT(full.err, HasSubstr("standard output"));
    const Scan again = scan(folder, {folder.path("pictures"), "--list", list});
    EXPECT_EQ(again.summary["items"], 8);
    EXPECT_EQ(again.summary["exact"].get<int>() + again.summary["near"].get<int>() +
                  again.summary["skipped_matches"].get<int>(),
              8);
}

TEST(Scan, KeepsItsResultsOnPostgresqlToo) {
    const store::testing::Place place(store::testing::Kind::postgres);
    const Folder folder;
    copy_scenes(folder, "pictures");
    ASSERT_EQ(run({"list", "import", "practice", source_file("practice/list.jsonl"), "--store", place.where(),
                   "--data", folder.path("var")})
                  .status,
              0);
    const Scan first = scan(folder, {folder.path("pictures"), "--store", place.where()});
    ASSERT_EQ(first.ran.status, 0) << first.ran.err;
    EXPECT_EQ(first.summary["near"], 6);
    const Scan second = scan(folder, {folder.path("pictures"), "--store", place.where()});
    EXPECT_EQ(second.summary["skipped"], 8);
    EXPECT_EQ(second.summary["skipped_matches"], 8);
    EXPECT_FALSE(fs::exists(folder.path("var/rushlight.db")));
}

TEST(Scan, ABrokenArchiveWithinAnArchiveIsCheckedAndSaidToBeBroken) {
    std::string zip = read_file(source_file("practice/set/archives/holiday.zip"));
    // The checksum of older.zip, in its own header and in the directory (APPNOTE.TXT, 4.3.7 and 4.3.12).
    const std::size_t header = zip.find("older.zip");
    const std::size_t directory = zip.rfind("older.zip");
    ASSERT_NE(header, directory);
    zip[header - 16] ^= 1;
    zip[directory - 30] ^= 1;
    const Folder folder;
    const std::string outer = folder.write("outer.zip", zip);
    const Scan result = scan(folder, {outer, "--list", source_file("practice/list.jsonl")});
    ASSERT_EQ(result.ran.status, 0) << result.ran.err;
    const json& inner = result.items.at(outer + "!older.zip");
    EXPECT_EQ(inner["decision"], "unreadable");
    EXPECT_EQ(inner.value("reason", ""), "corrupt");
    EXPECT_EQ(result.items.at(outer + "!older.zip!older/spheres.jpg")["decision"], "near");
}

TEST(Scan, AnswersWithItsExitStatus) {
    const Folder folder;
    const std::string scene = source_file(std::string(kScene) + "/spheres-01.jpg");
    EXPECT_EQ(
        scan(folder, {scene, "--list", source_file("practice/list.jsonl"), "--fail-on-match"}).ran.status, 3);
    EXPECT_EQ(scan(folder, {scene, "--list", list_of(folder, kStrange), "--fail-on-match"}).ran.status, 0);
    EXPECT_EQ(run({"scan"}).status, 2);
    EXPECT_EQ(run({"scan", scene, "--wrong"}).status, 2);
    const Ran missing = run({"scan", scene, "--list", "nobodys", "--data", folder.path("var")});
    EXPECT_EQ(missing.status, 1);
    EXPECT_THAT(missing.err, HasSubstr("nobodys"));
    EXPECT_EQ(std::ranges::count(missing.err, '\n'), 1);
}

// A disk of so many bytes, gone with the test.
class SmallDisk {
  public:
    SmallDisk(std::string path, const char* size) : path_(std::move(path)) {
        fs::create_directories(path_);
        mounted_ = ::mount("none", path_.c_str(), "tmpfs", 0, size) == 0;
    }
    ~SmallDisk() {
        if (mounted_) ::umount2(path_.c_str(), MNT_DETACH);
    }
    SmallDisk(const SmallDisk&) = delete;
    SmallDisk& operator=(const SmallDisk&) = delete;

    bool mounted() const { return mounted_; }
    void grow(const char* size) const { ::mount("none", path_.c_str(), "tmpfs", MS_REMOUNT, size); }

  private:
    std::string path_;
    bool mounted_ = false;
};

TEST(Scan, AFullDiskLosesNothingThatWasShown) {
    if (::geteuid() != 0) GTEST_SKIP() << "the kernel lets only root mount a small disk";
    const Folder folder;
    for (int i = 0; i < 120; ++i) copy_scenes(folder, "pictures/" + std::to_string(i));
    const SmallDisk disk(folder.path("small"), "size=700k");
    if (!disk.mounted()) GTEST_SKIP() << "this kernel lets nobody mount a disk here";
    const std::vector<std::string> arguments{"scan", folder.path("pictures"), "--list",
                                             list_of(folder, kStrange), "--json"};
    Call call{.arguments = arguments};
    call.environment["RUSHLIGHT_DATA"] = folder.path("small/var");
    const Ran full = run(call);
    EXPECT_EQ(full.status, 1);
    EXPECT_THAT(full.err, HasSubstr("full"));
    const auto shown = full.lines();
    ASSERT_LT(shown.size(), 960u);
    ASSERT_GT(shown.size(), 0u);
    disk.grow("size=50m");
    std::set<std::string> skipped;
    const Ran rest = run(call);
    EXPECT_EQ(rest.status, 0) << rest.err;
    for (const json& line : rest.lines()) {
        if (line.value("decision", "") == "skipped") skipped.insert(line["item"]);
    }
    for (const json& line : shown) EXPECT_THAT(skipped, Contains(line["item"].get<std::string>()));
}

}  // namespace
}  // namespace rushlight::app::testing
