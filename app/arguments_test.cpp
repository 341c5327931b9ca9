// What people type, and what shells hand on: odd names, closed and full outputs.

#include "app/testing/program.h"

#include <array>
#include <cstdio>
#include <memory>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace rushlight::app::testing {
namespace {

using ::testing::HasSubstr;

// A shell's own words, for what only a shell can do.
std::string shell(const std::string& command) {
    const std::string script = "PATH=" RUSHLIGHT_BINARY_DIR ":$PATH; " + command;
    struct Close {
        void operator()(std::FILE* pipe) const { ::pclose(pipe); }
    };
    const std::unique_ptr<std::FILE, Close> pipe(::popen(("bash -c '" + script + "' 2>&1").c_str(), "r"));
    std::string out;
    std::array<char, 4096> buffer{};
    while (const std::size_t n = std::fread(buffer.data(), 1, buffer.size(), pipe.get()))
        out.append(buffer.data(), n);
    return out;
}

TEST(Arguments, NamesAreTakenAsTyped) {
    const Folder folder;
    const std::string list = folder.write("list.txt", "d41d8cd98f00b204e9800998ecf8427e\n");
    for (const std::string name :
         {"[2021]", "[a,b]", "list", "hash", "{a,b}", "a,b", "\x1f[x]", "-v", "ein Bild"}) {
        folder.write(name, "plain words of " + name);
        const std::vector<std::string> target =
            name.starts_with('-') ? std::vector<std::string>{"--", name} : std::vector<std::string>{name};
        std::vector<std::string> arguments{"scan", "--json", "--list", list};
        arguments.insert(arguments.end(), target.begin(), target.end());
        const Ran scanned = run(Call{.arguments = arguments, .folder = folder.path()});
        ASSERT_EQ(scanned.status, 0) << name << scanned.err;
        EXPECT_EQ(scanned.lines().at(0)["item"], name);
        EXPECT_EQ(scanned.lines().at(0)["decision"], "none") << name;
        arguments = {"hash", "--json"};
        arguments.insert(arguments.end(), target.begin(), target.end());
        const Ran hashed = run(Call{.arguments = arguments, .folder = folder.path()});
        ASSERT_EQ(hashed.lines().size(), 1u) << name << hashed.err;
        EXPECT_EQ(hashed.lines().at(0)["path"], name);
    }
    folder.write("[old]", "");
    EXPECT_EQ(run({"list", "create", "[old]", "--note=[a]", "--data", folder.path("var")}).status, 2);
    EXPECT_EQ(run({"list", "create", "[old]", "--source", "[a,b]", "--data", folder.path("var")}).status, 0);
    const Ran shown = run({"list", "show", "[old]", "--json", "--data", folder.path("var")});
    ASSERT_EQ(shown.status, 0) << shown.err;
    EXPECT_EQ(shown.lines().at(0)["source"], "[a,b]");
}

TEST(Arguments, SaysItsVersionEitherWay) {
    const Ran flag = run({"--version"});
    EXPECT_EQ(flag.status, 0);
    EXPECT_THAT(flag.out, HasSubstr("rushlight "));
    EXPECT_EQ(flag.out, run({"version"}).out);
    EXPECT_EQ("rushlight " + run({"version", "--json"}).lines().at(0)["version"].get<std::string>() + "\n",
              flag.out);
}

TEST(Arguments, AFullOrClosedOutputIsAFailure) {
    const Ran full = run(Call{.arguments = {"version"}, .output_to = "/dev/full"});
    EXPECT_EQ(full.status, 1);
    EXPECT_THAT(full.err, HasSubstr("standard output"));
    EXPECT_EQ(run(Call{.arguments = {"scan", "--help"}, .output_to = "/dev/full"}).status, 1);
    const Folder folder;
    const std::string closed =
        shell("rushlight list create ours --data " + folder.path("var") + " >&-; echo status $?");
    EXPECT_THAT(closed, HasSubstr("status 1"));
    EXPECT_THAT(closed, HasSubstr("standard output"));
}

TEST(Arguments, CompletionKeepsNamesWithSpacesWhole) {
    const Folder folder;
    folder.write("ein Bild.jpg", "");
    const std::string completed = shell(
        "cd " + folder.path() +
        "; source <(rushlight completion bash); COMP_WORDS=(rushlight scan ein); COMP_CWORD=2; _rushlight; "
        "printf \"%s|\" \"${COMPREPLY[@]}\"");
    EXPECT_EQ(completed, "ein Bild.jpg|");
}

TEST(Arguments, TheStoreIsNamedByAnAddress) {
    const Folder folder;
    const Ran wrong = run({"config", "check", "--store", "mysql://x/y", "--data", folder.path()});
    EXPECT_EQ(wrong.status, 3);
    EXPECT_THAT(wrong.out, HasSubstr("postgresql://"));
    folder.write("rushlight.toml", "[store]\nurl = \"postgresql://me:hush@host/db\"\n");
    const Ran secret = run({"config", "check", "--data", folder.path()});
    EXPECT_EQ(secret.status, 3);
    EXPECT_THAT(secret.out, HasSubstr("rushlight.toml:2"));
    EXPECT_THAT(secret.out, HasSubstr("PGPASSFILE"));
    EXPECT_THAT(secret.out, ::testing::Not(HasSubstr("hush")));
    EXPECT_EQ(
        run({"config", "check", "--store", "postgresql://me@host/db", "--data", folder.path("new")}).status,
        0);
}

}  // namespace
}  // namespace rushlight::app::testing
