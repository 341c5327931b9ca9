// account, key, audit and vault from the outside.

#include "app/testing/program.h"

#include <filesystem>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace rushlight::app::testing {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

class AuditCommand : public ::testing::Test {
  protected:
    Ran rushlight(std::vector<std::string> arguments, std::string input = {}) const {
        arguments.insert(arguments.end(), {"--data", folder_.path("var")});
        return run(Call{.arguments = std::move(arguments), .input = std::move(input)});
    }
    json line(std::vector<std::string> arguments, std::string input = {}) const {
        arguments.emplace_back("--json");
        const Ran ran = rushlight(std::move(arguments), std::move(input));
        EXPECT_EQ(ran.status, 0) << ran.err;
        return ran.lines().at(0);
    }
    std::string public_key() const {
        std::string key = read_file(folder_.path("var/keys/audit.pub"));
        key.pop_back();
        return key;
    }

    Folder folder_;
};

TEST_F(AuditCommand, PeopleAreMadeAtTheMachine) {
    const std::string file = folder_.write("password", "seven green lanterns\n");
    const json made = line({"account", "create", "Anna@example.org", "--role", "analyst", "--role", "admin",
                            "--password-file", file});
    EXPECT_EQ(made["email"], "Anna@example.org");
    EXPECT_EQ(made["roles"], (json{"analyst", "admin"}));
    EXPECT_EQ(made.size(), 3u);
    const Ran twice = rushlight({"account", "create", "anna@example.org", "--role", "viewer"});
    EXPECT_EQ(twice.status, 1);
    EXPECT_THAT(twice.err, HasSubstr("already"));
    EXPECT_EQ(rushlight({"account", "create", "ben@example.org", "--role", "king"}).status, 2);
    EXPECT_EQ(rushlight({"account", "create", "ben@example.org"}).status, 2);
    const Ran weak =
        rushlight({"account", "create", "ben@example.org", "--role", "viewer", "--password-file", "-"},
                  "password12345\n");
    EXPECT_EQ(weak.status, 1);
    EXPECT_THAT(weak.err, HasSubstr("tried first"));
    EXPECT_EQ(
        rushlight({"account", "create", "ben@example.org", "--role", "viewer", "--password-file", "/none"})
            .status,
        1);
    const json reset = line({"account", "reset", "ANNA@example.org"});
    EXPECT_EQ(reset["id"], made["id"]);
    EXPECT_EQ(reset["token"].get<std::string>().size(), 64u);
    EXPECT_EQ(rushlight({"account", "reset", "nobody@example.org"}).status, 1);
}

TEST_F(AuditCommand, KeysAreShownOnceListedAndRevoked) {
    const json made = line({"key", "create", "uploads", "--scope", "check", "--scope", "read"});
    EXPECT_EQ(made.size(), 2u);
    const std::string key = made["key"];
    EXPECT_TRUE(key.starts_with("rl_" + made["id"].get<std::string>() + "_"));
    const Ran listed = rushlight({"key", "list", "--json"});
    ASSERT_EQ(listed.lines().size(), 1u);
    EXPECT_EQ(listed.lines()[0]["scopes"], (json{"check", "read"}));
    EXPECT_FALSE(listed.lines()[0].contains("revoked"));
    EXPECT_THAT(listed.out, Not(HasSubstr(key.substr(20))));
    EXPECT_EQ(rushlight({"key", "revoke", made["id"]}).status, 0);
    EXPECT_TRUE(rushlight({"key", "list", "--json"}).lines()[0].contains("revoked"));
    EXPECT_EQ(rushlight({"key", "revoke", "0000000000000000"}).status, 1);
    EXPECT_EQ(rushlight({"key", "revoke", "what"}).status, 2);
    EXPECT_EQ(rushlight({"key", "create", "x", "--scope", "all"}).status, 2);
    EXPECT_EQ(rushlight({"key", "create", "x", "--scope", "check", "--expires", "soon"}).status, 2);
}

TEST_F(AuditCommand, TheLogIsProvedHereAndElsewhere) {
    EXPECT_EQ(
        line({"audit", "verify"}),
        (json{{"entries", 0}, {"ok", true}, {"first_bad", nullptr}, {"checkpoints", 0}, {"covered", 0}}));
    for (const char* name : {"one", "two", "three", "four"})
        (void)line({"key", "create", name, "--scope", "check"});
    const Ran exported = rushlight({"audit", "export"});
    ASSERT_EQ(exported.status, 0) << exported.err;
    EXPECT_THAT(exported.out, HasSubstr("key.created"));
    EXPECT_THAT(exported.out, Not(HasSubstr("three"))) << "names stay in their table";
    const std::string file = folder_.write("export.jsonl", exported.out);
    const std::string pub = public_key();
    EXPECT_EQ(line({"audit", "verify"})["entries"], 4);
    EXPECT_EQ(line({"audit", "verify", "--key", pub})["covered"], 4);
    EXPECT_EQ(line({"audit", "verify", file, "--key", pub})["ok"], true);
    EXPECT_EQ(line({"audit", "verify", file, "--key", folder_.path("var/keys/audit.pub")})["ok"], true);
    EXPECT_EQ(line({"audit", "verify", "-"}, exported.out)["ok"], true);
    EXPECT_EQ(rushlight({"audit", "verify", file, "--key", std::string(64, '0')}).status, 3);
    EXPECT_EQ(rushlight({"audit", "verify", "/none"}).status, 1);
    EXPECT_EQ(rushlight({"audit", "verify", file, "--key", "nonsense"}).status, 1);

    std::string changed = exported.out;
    changed[changed.find("local:", changed.find("\"n\":3"))] = 'L';
    const Ran broken = rushlight({"audit", "verify", folder_.write("changed.jsonl", changed), "--json"});
    EXPECT_EQ(broken.status, 3);
    EXPECT_EQ(broken.lines().at(0)["first_bad"], 3);
    EXPECT_EQ(broken.lines().at(0)["ok"], false);
    const Ran cut = rushlight({"audit", "verify", "-"}, exported.out.substr(0, exported.out.size() / 2));
    EXPECT_EQ(cut.status, 3);
    EXPECT_THAT(cut.out, HasSubstr("BROKEN"));
    EXPECT_EQ(rushlight({"audit", "export", "--from", "99"}).status, 1);
    EXPECT_EQ(rushlight({"audit", "export", "--from", "0"}).status, 2);
    const Ran rest = rushlight({"audit", "export", "--from", "3"});
    EXPECT_EQ(line({"audit", "verify", "-"}, rest.out)["entries"], 2);
}

TEST_F(AuditCommand, ALostKeyFileIsSaidAndCanBeGivenUp) {
    (void)line({"account", "create", "anna@example.org", "--role", "admin"});
    const std::string file = folder_.path("var/keys/rushlight.key");
    std::filesystem::permissions(file, std::filesystem::perms::others_read,
                                 std::filesystem::perm_options::add);
    const Ran open = rushlight({"audit", "export"});
    EXPECT_EQ(open.status, 1);
    EXPECT_THAT(open.err, HasSubstr("chmod 600"));
    std::filesystem::remove(file);
    const Ran missing = rushlight({"audit", "export"});
    EXPECT_EQ(missing.status, 1);
    EXPECT_THAT(missing.err, HasSubstr("lost for good"));
    EXPECT_EQ(rushlight({"vault", "new-key"}).status, 1);
    EXPECT_EQ(rushlight({"vault", "new-key", "--accept-loss"}).status, 0);
    EXPECT_EQ(rushlight({"audit", "export"}).status, 0);
    EXPECT_EQ(rushlight({"account", "reset", "anna@example.org"}).status, 0);
}

TEST_F(AuditCommand, APassphraseComesFromAFile) {
    const std::string passphrase = folder_.write("passphrase", "seven green lanterns\n");
    const Call call{.arguments = {"audit", "export", "--data", folder_.path("var")},
                    .environment = {{"RUSHLIGHT_KEYS_PASSPHRASE_FILE", passphrase}}};
    const Ran made = run(call);
    EXPECT_EQ(made.status, 0) << made.err;
    EXPECT_THAT(read_file(folder_.path("var/keys/rushlight.key")), HasSubstr("argon2id"));
    EXPECT_EQ(run(call).status, 0);
    const Ran without = rushlight({"audit", "export"});
    EXPECT_EQ(without.status, 1);
    EXPECT_THAT(without.err, HasSubstr("passphrase"));
}

}  // namespace
}  // namespace rushlight::app::testing
