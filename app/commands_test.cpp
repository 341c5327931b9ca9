// hash, match, list and the small commands, from the outside.

#include "app/testing/program.h"

#include <csignal>
#include <filesystem>
#include <fstream>
#include <map>
#include <random>
#include <set>
#include <sstream>
#include <thread>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

namespace rushlight::app::testing {
namespace {

using ::testing::HasSubstr;

std::vector<std::vector<std::string>> read_csv(const std::string& path) {
    std::vector<std::vector<std::string>> rows;
    std::istringstream in(read_file(path));
    for (std::string line; std::getline(in, line);) {
        if (line.ends_with('\r')) line.pop_back();
        std::vector<std::string> cells;
        std::istringstream row(line);
        for (std::string cell; std::getline(row, cell, ',');) cells.push_back(cell);
        rows.push_back(std::move(cells));
    }
    return rows;
}

TEST(Link, IsShownAsBrowsersReadIt) {
    const Ran ran = run({"link", "--json", "http:\\\\user@0x7f.1:080/a/../b?q#f"});
    ASSERT_EQ(ran.status, 0) << ran.err;
    const std::map<std::string, std::string> parts = ran.lines().at(0);
    EXPECT_EQ(parts, (std::map<std::string, std::string>{{"href", "http://user@127.0.0.1/b?q#f"},
                                                         {"protocol", "http:"},
                                                         {"username", "user"},
                                                         {"password", ""},
                                                         {"host", "127.0.0.1"},
                                                         {"port", ""},
                                                         {"pathname", "/b"},
                                                         {"search", "?q"},
                                                         {"hash", "#f"}}));
    const auto href = [](std::vector<std::string> arguments) {
        arguments.insert(arguments.begin(), {"link", "--json"});
        const Ran answer = run(arguments);
        EXPECT_EQ(answer.status, 0) << answer.err;
        return answer.lines().at(0).value("href", "error: " + answer.lines().at(0).value("error", ""));
    };
    EXPECT_EQ(href({"..", "--base", "https://a.example/b/c/d"}), "https://a.example/b/");
    EXPECT_EQ(href({"", "--base", "https://a.example/b/c#d"}), "https://a.example/b/c");
    EXPECT_EQ(href({"[a,b]", "--base", "https://a.example/"}), "https://a.example/[a,b]");
    EXPECT_EQ(href({"--base", "https://a.example/", "--", "--x"}), "https://a.example/--x");
    EXPECT_EQ(href({"/x"}), "error: the link has no scheme, such as https:");
    EXPECT_EQ(href({"/x", "--base", "/y"}),
              "error: the base is no link: the link has no scheme, such as https:");
}

TEST(Match, GivesExactlyThePairsOfBruteForce) {
    const std::string haystack_file = source_file("match/testdata/pdq-haystack.txt");
    std::vector<std::string> haystack;
    std::istringstream lines(read_file(haystack_file));
    for (std::string line; std::getline(lines, line);) haystack.push_back(line);
    const std::string needles = read_file(source_file("match/testdata/pdq-needles.txt"));
    using Found = std::map<std::string, int>;
    std::vector<Found> expected(100);
    for (const auto& row : read_csv(source_file("match/testdata/pdq-matches-31.csv"))) {
        if (row[0] == "needle") continue;
        expected.at(std::stoul(row[0]))[haystack.at(std::stoul(row[1]))] = std::stoi(row[2]);
    }
    const Ran ran =
        run(Call{.arguments = {"match", "--list", haystack_file, "--json", "-"}, .input = needles});
    ASSERT_EQ(ran.status, 0) << ran.err;
    const auto answers = ran.lines();
    ASSERT_EQ(answers.size(), 100u);
    for (std::size_t i = 0; i < answers.size(); ++i) {
        Found found;
        for (const json& match : answers[i]["matches"]) {
            EXPECT_TRUE(found.emplace(match["entry"], match["distance"]).second) << "one entry twice";
        }
        EXPECT_EQ(found, expected[i]) << "needle " << i;
    }
}

TEST(Match, RefusesThresholdsThatMeanNothing) {
    const std::string haystack = source_file("match/testdata/pdq-haystack.txt");
    const std::string hash = read_file(haystack).substr(0, 64);
    EXPECT_EQ(run({"match", "--list", haystack, "--threshold", "64", hash}).status, 2);
    EXPECT_EQ(run({"match", "--list", haystack, "--threshold", "-1", hash}).status, 2);
    const Ran at_zero = run({"match", "--list", haystack, "--threshold", "0", "--json", hash});
    ASSERT_EQ(at_zero.status, 0) << at_zero.err;
    EXPECT_EQ(at_zero.lines()[0]["matches"].size(), 1u);
}

TEST(Match, ABadHashErrsAlone) {
    const std::string haystack = source_file("match/testdata/pdq-haystack.txt");
    const std::string hash = read_file(haystack).substr(0, 64);
    const Ran ran =
        run(Call{.arguments = {"match", "--list", haystack, "--json"}, .input = "xyz\n" + hash + "\n"});
    ASSERT_EQ(ran.status, 0) << ran.err;
    ASSERT_EQ(ran.lines().size(), 2u);
    EXPECT_TRUE(ran.lines()[0].contains("error"));
    const Ran words =
        run(Call{.arguments = {"match", "--list", haystack}, .input = std::string(1 << 20, 'x') + "\n"});
    EXPECT_LT(words.out.size(), 500u);
    EXPECT_EQ(words.out.find("not a hash: not a hash"), std::string::npos);
    EXPECT_EQ(ran.lines()[1]["matches"][0]["distance"], 0);
}

TEST(Match, AListOfOneHashMatchesToo) {
    const Folder folder;
    const std::string hash = read_file(source_file("match/testdata/pdq-haystack.txt")).substr(0, 64);
    const std::string list = folder.write("one.txt", hash + "\n");
    const Ran ran = run({"match", "--list", list, "--json", hash});
    ASSERT_EQ(ran.status, 0) << ran.err;
    EXPECT_EQ(ran.lines()[0]["matches"][0]["entry"], hash);
    const Ran explained = run({"match", "--list", list, "--json", "--explain", "--threshold", "63", hash});
    ASSERT_EQ(explained.status, 0) << explained.err;
    EXPECT_TRUE(explained.lines()[0].contains("explain"));
}

class ListCommand : public ::testing::Test {
  protected:
    Ran rushlight(std::vector<std::string> arguments, std::string input = {}) const {
        arguments.insert(arguments.end(), {"--data", folder_.path("var")});
        return run(Call{.arguments = std::move(arguments), .input = std::move(input)});
    }
    Folder folder_;
};

TEST_F(ListCommand, KeepsGoodLinesAndNamesBadOnes) {
    const std::string file =
        folder_.write("list.txt",
                      "d41d8cd98f00b204e9800998ecf8427e\nnonsense\n\n"
                      "D41D8CD98F00B204E9800998ECF8427E\nda39a3ee5e6b4b0d3255bfef95601890afd80709\n");
    const Ran imported = rushlight({"list", "import", "ours", file, "--json"});
    ASSERT_EQ(imported.status, 0) << imported.err;
    const json report = imported.lines().at(0);
    EXPECT_EQ(report["list"], "ours");
    EXPECT_EQ(report["format"], "text");
    EXPECT_EQ(report["read"], 3);
    EXPECT_EQ(report["added"], 2);
    EXPECT_EQ(report["duplicate"], 1);
    ASSERT_EQ(report["bad"].size(), 1u);
    EXPECT_EQ(report["bad"][0]["line"], 2);
    EXPECT_FALSE(report["bad"][0]["reason"].get<std::string>().empty());
    const Ran shown = rushlight({"list", "show", "ours", "--json"});
    EXPECT_EQ(shown.lines().at(0)["entries"], 2);
}

TEST_F(ListCommand, RefusesAListWhoseKindCannotBeTold) {
    const std::string hash = read_file(source_file("match/testdata/pdq-haystack.txt")).substr(0, 64);
    const std::string file = folder_.write("one.txt", hash + "\n");
    const Ran refused = rushlight({"list", "import", "ours", file});
    EXPECT_NE(refused.status, 0);
    EXPECT_THAT(refused.err, HasSubstr("--method"));
    EXPECT_EQ(rushlight({"list", "import", "ours", file, "--method", "pdq"}).status, 0);
}

TEST_F(ListCommand, TakesAHashWithWhateverSpaceCameAlongWithIt) {
    const std::string hash = read_file(source_file("match/testdata/pdq-haystack.txt")).substr(0, 64);
    ASSERT_EQ(rushlight({"list", "create", "ours"}).status, 0);
    for (const char* end : {"", "\r", " ", "\n", "\t"}) {
        const Ran refused = rushlight({"list", "add", "ours", hash + end});
        EXPECT_EQ(refused.status, 2) << "64 digits that nobody explains";
        EXPECT_THAT(refused.err, HasSubstr("--method"));
    }
    ASSERT_EQ(rushlight({"list", "add", "ours", " " + hash + "\r", "--method", "pdq"}).status, 0);
    EXPECT_EQ(rushlight({"list", "set", "ours", hash + "\r", "--state", "quarantined"}).status, 0);
    EXPECT_EQ(rushlight({"list", "drop", "ours", hash + "\n"}).status, 0);
    EXPECT_EQ(rushlight({"list", "show", "ours", "--json"}).lines().at(0)["entries"], 0);
}

std::uintmax_t bytes_in(const std::string& folder) {
    std::uintmax_t bytes = 0;
    std::error_code gone;  // files come and go meanwhile
    for (const auto& file : std::filesystem::recursive_directory_iterator(folder, gone)) {
        const auto size = file.file_size(gone);
        if (!gone) bytes += size;
    }
    return bytes;
}

TEST_F(ListCommand, AKilledFirstImportLeavesNothingToBeSeen) {
    std::string many;
    for (int i = 0; i < 400'000; ++i) {
        std::string digits = std::to_string(i);
        many += std::string(32 - digits.size(), 'a') + digits + "\n";
    }
    const std::string file = folder_.write("many.txt", many);
    ASSERT_EQ(rushlight({"list", "show"}).status, 0);  // the store is made
    const std::string var = folder_.path("var");
    const auto before = bytes_in(var);
    {
        Running import(Call{.arguments = {"list", "import", "ours", file, "--data", var}});
        // Once the store grows it is being staged, and far from its end.
        const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(60);
        while (bytes_in(var) < before + (1 << 20) && std::chrono::steady_clock::now() < deadline) {
            std::this_thread::yield();
        }
        EXPECT_EQ(rushlight({"list", "show", "--json"}).out, "") << "seen before its entries are";
        import.signal(SIGKILL);
        ASSERT_EQ(import.wait().status, 128 + SIGKILL) << "it was done before it could be killed";
    }
    EXPECT_EQ(rushlight({"list", "show", "--json"}).out, "");
    const Ran again = rushlight({"list", "import", "ours", file, "--json"});
    ASSERT_EQ(again.status, 0) << again.err;
    EXPECT_EQ(again.lines().at(0)["added"], 400'000);
    const Ran shown = rushlight({"list", "show", "--json"});
    ASSERT_EQ(shown.lines().size(), 1u);
    EXPECT_EQ(shown.lines()[0]["entries"], 400'000);
}

TEST_F(ListCommand, SaysWhatIsKeptAndNeverMatched) {
    const std::string file = folder_.write(
        "list.txt", "photodna " + std::string(192, 'A') + "\nmd5 " + std::string(32, 'a') + "\n");
    EXPECT_THAT(rushlight({"list", "import", "ours", file}).out, HasSubstr("1 PhotoDNA value is kept"));
    EXPECT_EQ(rushlight({"list", "import", "other", file, "--json"}).lines().at(0)["photodna"], 1);
    EXPECT_THAT(rushlight({"list", "add", "ours", std::string(192, 'B')}).out, HasSubstr("never matched"));
    const Ran old = rushlight({"list", "create", "old", "--expires", "2020-01-01T00:00:00Z"});
    EXPECT_THAT(old.out, HasSubstr("it is not searched any more"));
    EXPECT_THAT(rushlight({"list", "show"}).out, HasSubstr("0, expired"));
}

// What `<(some program)` gives a command: it can be read once, and has no size.
TEST_F(ListCommand, ReadsListsFromPipes) {
    const std::string haystack = read_file(source_file("match/testdata/pdq-haystack.txt"));
    const std::string pipe = folder_.path("list.fifo");
    ASSERT_EQ(::mkfifo(pipe.c_str(), 0600), 0);
    const auto with_pipe = [&](const std::vector<std::string>& arguments) {
        std::jthread writer([&] { std::ofstream(pipe) << haystack; });
        return rushlight(arguments);
    };
    const Ran imported = with_pipe({"list", "import", "ours", pipe, "--json"});
    ASSERT_EQ(imported.status, 0) << imported.err;
    EXPECT_EQ(imported.lines().at(0)["added"], 1350);
    const std::string hash = haystack.substr(0, 64);
    EXPECT_GE(with_pipe({"match", "--list", pipe, hash, "--json"}).lines().at(0)["matches"].size(), 1u);
    folder_.write("things/note.txt", "nothing to see");
    const std::vector<std::string> scan{"scan", folder_.path("things"), "--list", pipe, "--json"};
    for (const int skipped : {0, 1}) {
        const Ran ran = with_pipe(scan);
        ASSERT_EQ(ran.status, 0) << ran.err;
        EXPECT_EQ(ran.lines().back()["summary"]["skipped"], skipped) << "the same list is the same question";
    }
}

TEST_F(ListCommand, ExportsWhatImportReadsBack) {
    const std::string haystack = source_file("match/testdata/pdq-haystack.txt");
    ASSERT_EQ(rushlight({"list", "import", "ours", haystack}).status, 0);
    const std::string first = read_file(haystack).substr(0, 64);
    ASSERT_EQ(rushlight({"list", "set", "ours", first, "--state", "quarantined", "--note",
                         "too broad, \"it\" says"})
                  .status,
              0);
    const Ran exported = rushlight({"list", "export", "ours"});
    ASSERT_EQ(exported.status, 0) << exported.err;
    const Ran back = rushlight({"list", "import", "copy", "-", "--json"}, exported.out);
    ASSERT_EQ(back.status, 0) << back.err;
    const auto entries = [&](const std::string& name) {
        std::set<std::string> all;
        for (json line : rushlight({"list", "entries", name, "--json"}).lines()) {
            all.insert(line["value"].get<std::string>() + line["state"].get<std::string>() +
                       line.value("note", ""));
        }
        return all;
    };
    EXPECT_EQ(entries("copy"), entries("ours"));
    const Ran lines = rushlight({"list", "export", "ours", "--format", "jsonl"});
    EXPECT_EQ(lines.lines().size(), 1350u);
    EXPECT_EQ(lines.out, rushlight({"list", "export", "ours", "--json"}).out);
    ASSERT_EQ(rushlight({"list", "import", "lines", "-", "--json"}, lines.out).status, 0);
    EXPECT_EQ(entries("lines"), entries("ours"));
    EXPECT_EQ(rushlight({"list", "export", "ours", "--format", "xml"}).status, 2);
    EXPECT_GT(entries("copy").size(), 1300u);
}

TEST_F(ListCommand, StatesAndNegativesDecideWhatAMatchMeans) {
    const std::string hash = read_file(source_file("match/testdata/pdq-haystack.txt")).substr(0, 64);
    ASSERT_EQ(rushlight({"list", "create", "ours", "--category", "csam", "--threshold", "pdq=20"}).status, 0);
    ASSERT_EQ(rushlight({"list", "add", "ours", hash, "--method", "pdq"}).status, 0);
    const auto matches = [&] {
        return rushlight({"match", "--list", "ours", "--json", hash}).lines().at(0)["matches"].size();
    };
    EXPECT_EQ(matches(), 1u);
    ASSERT_EQ(rushlight({"list", "set", "ours", hash, "--state", "disabled"}).status, 0);
    EXPECT_EQ(matches(), 0u);
    ASSERT_EQ(rushlight({"list", "set", "ours", hash, "--state", "active"}).status, 0);
    ASSERT_EQ(rushlight({"list", "create", "harmless", "--kind", "negative"}).status, 0);
    ASSERT_EQ(rushlight({"list", "add", "harmless", hash, "--method", "pdq"}).status, 0);
    const Ran suppressed =
        rushlight({"match", "--list", "ours", "--list", "harmless", "--json", "--explain", hash});
    EXPECT_EQ(suppressed.lines().at(0)["suppressed"].size(), 1u);
    ASSERT_EQ(rushlight({"list", "drop", "ours", hash}).status, 0);
    EXPECT_EQ(matches(), 0u);
    ASSERT_EQ(rushlight({"list", "remove", "harmless"}).status, 0);
    EXPECT_EQ(rushlight({"list", "show", "harmless"}).status, 1);
}

TEST(Commands, HelpShowsAnExample) {
    for (const char* command : {"scan", "hash", "match", "list", "audit", "account", "key", "vault", "config",
                                "doctor", "completion"}) {
        const Ran help = run({command, "--help"});
        EXPECT_EQ(help.status, 0);
        EXPECT_THAT(help.out, HasSubstr("Example")) << command;
    }
    EXPECT_EQ(run(std::vector<std::string>{}).status, 2);
    EXPECT_EQ(run({"no-such-command"}).status, 2);
}

TEST(Hash, TellsWhatIsNotThereAndWhatIsAFolder) {
    const Folder folder;
    folder.write("text.txt", "words");
    const Ran ran = run({"hash", folder.path("nobody.jpg"), folder.path("text.txt"), "--json"});
    EXPECT_EQ(ran.status, 1);
    EXPECT_THAT(ran.err, HasSubstr("nobody.jpg"));
    ASSERT_EQ(ran.lines().size(), 2u);
    EXPECT_EQ(ran.lines()[0]["error"]["code"], "denied");
    const Ran table = run({"hash", folder.path("nobody.jpg")});
    EXPECT_EQ(table.out.find("octet-stream"), std::string::npos) << "nobody knows its type";
    EXPECT_THAT(run({"hash", folder.path()}).out, HasSubstr("rushlight scan"));
}

TEST(Match, AFileWithoutADotIsHintedAt) {
    const Folder folder;
    folder.write("nodotname", "d41d8cd98f00b204e9800998ecf8427e\n");
    const Ran ran = run(Call{.arguments = {"match", "--data", folder.path("var"), "--list", "nodotname",
                                           "d41d8cd98f00b204e9800998ecf8427e"},
                             .folder = folder.path()});
    EXPECT_EQ(ran.status, 1);
    EXPECT_THAT(ran.err, HasSubstr("./nodotname"));
}

TEST_F(ListCommand, ADamagedStoreIsNeverSearchedInSilence) {
    std::string hashes;
    std::mt19937_64 random(7);
    for (int i = 0; i < 20'000; ++i) {
        for (int digit = 0; digit < 32; ++digit) hashes += "0123456789abcdef"[random() % 16];
        hashes += '\n';
    }
    ASSERT_EQ(rushlight({"list", "import", "many", folder_.write("many.txt", hashes)}).status, 0);
    const auto store_of = [&](const Ran& doctor) {
        for (const json& line : doctor.lines()) {
            if (line["check"] == "store") return line;
        }
        return json();
    };
    ASSERT_EQ(store_of(rushlight({"doctor", "--json"}))["ok"], true);
    const std::string file = folder_.path("var/rushlight.db");
    {
        std::fstream db(file, std::ios::in | std::ios::out | std::ios::binary);
        db.seekp(static_cast<std::streamoff>(std::filesystem::file_size(file) / 2));
        db << std::string(256, 'Q');
    }
    const Ran matched = rushlight({"match", "--list", "many", hashes.substr(0, 32)});
    EXPECT_EQ(matched.status, 1);
    EXPECT_THAT(matched.err, HasSubstr("damaged"));
    EXPECT_EQ(matched.out, "");
    EXPECT_EQ(rushlight({"list", "entries", "many"}).status, 1);
    EXPECT_EQ(rushlight({"list", "export", "many"}).status, 1);
    const Ran doctor = rushlight({"doctor", "--json"});
    EXPECT_EQ(doctor.status, 3);
    EXPECT_THAT(store_of(doctor)["found"].get<std::string>(), HasSubstr("damaged"));
    EXPECT_THAT(store_of(doctor)["do"].get<std::string>(), HasSubstr("backup"));
}

TEST(Commands, SettingsMistakesAreNamedWithTheirLine) {
    const Folder folder;
    folder.write("rushlight.toml", "[scan]\nworkers = -1\n");
    const Ran checked = run({"config", "check", "--data", folder.path()});
    EXPECT_EQ(checked.status, 3);
    EXPECT_THAT(checked.out, HasSubstr("rushlight.toml:2"));
    EXPECT_EQ(run({"scan", folder.path(), "--data", folder.path()}).status, 1);
}

TEST(Commands, CompletionKnowsEveryCommand) {
    for (const char* shell : {"bash", "zsh", "fish"}) {
        const Ran script = run({"completion", shell});
        EXPECT_EQ(script.status, 0);
        EXPECT_THAT(script.out, HasSubstr("import")) << shell;
    }
    EXPECT_EQ(run({"completion", "csh"}).status, 2);
    EXPECT_EQ(run({"list", "create", "x", "--threshold", "pdq=64"}).status, 2);
    EXPECT_EQ(run({"list", "create", "a/b"}).status, 2);
}

}  // namespace
}  // namespace rushlight::app::testing
