// Days on which something is missing, changed or dies: what the service says, and how it goes on.

#include "app/testing/served.h"

#include <algorithm>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <optional>
#include <sstream>
#include <thread>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace rushlight::app::testing {
namespace {

namespace fs = std::filesystem;
using http::testing::eventually;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

void import_practice(const Served& server, const Headers& as) {
    const std::string list = practice_list();
    ASSERT_EQ(server.ask("POST", "/api/v1/lists/practice/import", as, list).status, 200);
}

// What `serve` says where it refuses to start; nothing where it does start.
std::string refusal(const std::string& data, const std::map<std::string, std::string>& environment = {}) {
    Running running(Call{.arguments = {"serve", "--listen", "127.0.0.1:0", "--json", "--data", data},
                         .environment = environment});
    if (running.wait_for_lines(1)) return {};
    const Ran ran = running.wait();
    EXPECT_EQ(ran.status, 1);
    return ran.err;
}

TEST(BadDays, WithoutItsKeyFileTheServiceRefusesAndSaysWhatIsLost) {
    const Folder folder;
    const std::string data = folder.path("var");
    const std::string key = folder.path("var/keys/rushlight.key");
    {
        Served server(data);
        server.set_up();
        server.stop();
    }
    const std::string good = read_file(key);
    const auto put = [&](const std::string& content) {
        std::ofstream(key, std::ios::trunc) << content;
        fs::permissions(key, fs::perms::owner_read | fs::perms::owner_write);
    };

    fs::rename(key, folder.path("kept"));
    for (int i = 0; i < 2; ++i) {
        EXPECT_THAT(
            refusal(data),
            AllOf(HasSubstr("is missing"), HasSubstr("Put a copy of the right one there"),
                  HasSubstr("lost for good"), HasSubstr("signing keys"), HasSubstr("second factors")));
        EXPECT_FALSE(fs::exists(key)) << "a new key file took the place of a lost one";
    }

    std::string changed = good;
    char& digit = changed[changed.size() - 2];
    digit = digit == '0' ? '1' : '0';
    put(changed);
    EXPECT_THAT(refusal(data), AllOf(HasSubstr("is damaged"), HasSubstr("Put back a copy")));
    put("");
    EXPECT_THAT(refusal(data), HasSubstr("is damaged"));

    {
        Served other(folder.path("other"));
        other.stop();
    }
    put(read_file(folder.path("other/keys/rushlight.key")));
    EXPECT_THAT(refusal(data), AllOf(HasSubstr("is not the one"), HasSubstr("lost for good")));

    put(good);
    fs::permissions(key, fs::perms::group_read, fs::perm_options::add);
    EXPECT_THAT(refusal(data), AllOf(HasSubstr("can be read or changed by others"), HasSubstr("chmod 600")));

    put(good);
    const std::map<std::string, std::string> passphrase{
        {"RUSHLIGHT_KEYS_PASSPHRASE_FILE", folder.write("passphrase", "not needed\n")}};
    EXPECT_THAT(refusal(data, passphrase), HasSubstr("has none"));
    EXPECT_EQ(refusal(data), "") << "with its own key file it starts as ever";
}

TEST(BadDays, AWrongPassphraseIsSaidAndChangesNothing) {
    const Folder folder;
    const std::string data = folder.path("var");
    const auto with = [&](const std::string& words) {
        return std::map<std::string, std::string>{
            {"RUSHLIGHT_KEYS_PASSPHRASE_FILE", folder.write("passphrase", words + '\n')}};
    };
    EXPECT_EQ(refusal(data, with("a rush dipped in fat")), "");
    const std::string before = read_file(folder.path("var/keys/rushlight.key"));
    const std::string said = refusal(data, with("a wick dipped in wax"));
    EXPECT_THAT(said, HasSubstr("passphrase"));
    EXPECT_THAT(said, HasSubstr("is wrong"));
    EXPECT_THAT(said, Not(HasSubstr("wick"))) << "a passphrase in a message";
    EXPECT_THAT(refusal(data), HasSubstr("wants its passphrase"));
    EXPECT_EQ(read_file(folder.path("var/keys/rushlight.key")), before);
}

// All processes below this one.
std::vector<pid_t> descendants(pid_t of) {
    std::vector<pid_t> found;
    for (const auto& entry : fs::directory_iterator("/proc")) {
        const std::string name = entry.path().filename();
        if (name.find_first_not_of("0123456789") != std::string::npos) continue;
        const std::string stat = read_file(entry.path().string() + "/stat");
        const auto end = stat.rfind(')');
        if (end == std::string::npos) continue;
        std::istringstream rest(stat.substr(end + 2));
        char state = 0;
        pid_t parent = 0;
        rest >> state >> parent;
        if (parent != of || state == 'Z') continue;
        const pid_t pid = std::stoi(name);
        found.push_back(pid);
        for (const pid_t child : descendants(pid)) found.push_back(child);
    }
    return found;
}

double metric(const Served& server, const std::string& series) {
    const std::string text = server.ask("GET", "/metrics").text;
    const auto at = text.find('\n' + series + ' ');
    return at == std::string::npos ? -1 : std::stod(text.substr(at + series.size() + 2));
}

TEST(BadDays, AReaderThatIsKilledCostsOneAnswerAndNotTheNext) {
    const Folder folder;
    Served server(folder.path("var"));
    Headers admin = server.set_up();
    const Headers key = server.key(admin, {"check", "lists"});
    import_practice(server, key);
    Headers match = admin;
    match["If-Match"] = "\"0\"";
    const Answer saved = server.ask("PUT", "/api/v1/policy", match,
                                    json{{"rules", json::array()}, {"fallback", {{"unreadable", "hold"}}}});
    ASSERT_EQ(saved.status, 200) << saved.text;
    ASSERT_EQ(server.upload("/api/v1/check", key, scene()).body["decision"], "near");

    // Whoever gets the next file stands still with it in its hands, and is killed there.
    const std::string counter = "rushlight_sandbox_crashes_total{program=\"decode\"}";
    const double before = metric(server, counter);
    ASSERT_GE(before, 0);
    for (int attempt = 0; attempt < 20; ++attempt) {
        for (const pid_t child : descendants(server.pid())) ::kill(child, SIGSTOP);
        Answer answer;
        std::jthread asking([&] { answer = server.upload("/api/v1/check", key, scene()); });
        ASSERT_TRUE(eventually([&] { return metric(server, "rushlight_upload_bytes") > 0; }));
        for (const pid_t child : descendants(server.pid())) ::kill(child, SIGKILL);
        asking.join();
        ASSERT_EQ(answer.status, 200) << answer.text;
        if (answer.body["decision"] != "unreadable") continue;  // killed before it was given the file
        EXPECT_EQ(answer.body["reason"], "crashed") << answer.text;
        EXPECT_EQ(answer.body["action"], "hold") << "waved through because a reader died";
        EXPECT_EQ(answer.body["sha256"].get<std::string>().size(), 64u) << "the exact hashes need no reader";
        break;
    }
    // Numbers are gathered once a second.
    EXPECT_TRUE(eventually([&] { return metric(server, counter) > before; }))
        << "no reader was killed with a file in its hands";
    const Answer next = server.upload("/api/v1/check", key, scene());
    EXPECT_EQ(next.body["decision"], "near") << next.text;
    EXPECT_EQ(server.ask("GET", "/readyz").status, 200);
}

TEST(BadDays, AHeldFileThatIsGoneFromTheDiskIsSaid) {
    const Folder folder;
    Headers admin;
    std::string held;
    {
        Served server(folder.path("var"));
        admin = server.set_up();
        const Headers key = server.key(admin, {"check", "lists"});
        import_practice(server, key);
        ASSERT_EQ(server.upload("/api/v1/check", key, scene()).status, 200);
        const Answer holding = server.ask("GET", "/api/v1/holding", admin);
        held = holding.body["items"].at(0)["id"].get<std::string>();
        server.stop();
    }
    ASSERT_TRUE(fs::remove(folder.path("var/holding/" + held + ".sealed")));
    const Served again(folder.path("var"));
    const Answer said = again.ask("GET", "/api/v1/audit?what=held_file.lost", admin);
    EXPECT_THAT(said.text, HasSubstr(held));
    EXPECT_EQ(again.ask("DELETE", "/api/v1/holding/" + held, admin, json{{"reason", "case 1"}}).status, 409)
        << "what is lost cannot be destroyed";
}

}  // namespace
}  // namespace rushlight::app::testing
