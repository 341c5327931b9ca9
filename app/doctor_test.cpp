// `rushlight doctor`: each thing that a machine may lack is taken away on purpose, and has to be noticed.

#include "app/testing/served.h"
#include "net/testing/dns_server.h"

#include <array>
#include <chrono>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <sstream>

#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <linux/magic.h>
#include <sys/socket.h>
#include <sys/statfs.h>
#include <unistd.h>

namespace rushlight::app::testing {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

bool in_memory(const std::string& folder) {
    struct statfs where{};
    return ::statfs(folder.c_str(), &where) == 0 && where.f_type == TMPFS_MAGIC;
}

struct Diagnosis {
    Ran ran;
    json of(const std::string& check) const {
        for (const json& line : ran.lines()) {
            if (line["check"] == check) return line;
        }
        return {};
    }
    bool well(const std::string& check) const { return of(check).value("ok", false); }
    std::string found(const std::string& check) const { return of(check).value("found", std::string()); }
    std::string todo(const std::string& check) const { return of(check).value("do", std::string()); }
};

class Doctor : public ::testing::Test {
  protected:
    Diagnosis ask(const std::map<std::string, std::string>& environment = {},
                  std::vector<std::string> more = {}) const {
        std::vector<std::string> words{"doctor", "--json", "--data", folder_.path("var")};
        words.insert(words.end(), more.begin(), more.end());
        auto all = environment;
        all.emplace("RUSHLIGHT_SERVE_LISTEN", "127.0.0.1:0");
        return {run(Call{.arguments = words, .environment = all})};
    }
    // The lines of a doctor that a shell starts otherwise.
    static Diagnosis ask_shell(const std::string& command) {
        Diagnosis diagnosis;
        FILE* pipe = ::popen(command.c_str(), "r");
        if (pipe == nullptr) return diagnosis;
        std::array<char, 4096> piece{};
        while (std::fgets(piece.data(), static_cast<int>(piece.size()), pipe) != nullptr)
            diagnosis.ran.out += piece.data();
        diagnosis.ran.status = ::pclose(pipe) >> 8;
        return diagnosis;
    }

    Folder folder_;
};

TEST_F(Doctor, TriesEverythingThatANewcomersMachineCanLack) {
    const Diagnosis diagnosis = ask();
    std::vector<std::string> checks;
    bool all_well = true;
    for (const json& line : diagnosis.ran.lines()) {
        const std::string check = line["check"];
        checks.push_back(check);
        std::vector<std::string> keys;
        for (const auto& [key, value] : line.items()) keys.push_back(key);
        EXPECT_THAT(keys, ::testing::ElementsAre("check", "do", "found", "ok")) << check;
        EXPECT_THAT(line["found"].get<std::string>(), Not(IsEmpty())) << check;
        EXPECT_EQ(line["ok"].get<bool>(), line["do"].get<std::string>().empty()) << line;
        all_well = all_well && line["ok"].get<bool>();
        // A build without Node has no console; a test's folder may lie in memory.
        const bool may_lack = check == "console" || (check == "fsync" && in_memory(folder_.path()));
        EXPECT_TRUE(line["ok"].get<bool>() || may_lack) << line;
    }
    EXPECT_THAT(checks,
                ::testing::ElementsAre("sandbox", "programs", "formats", "archives", "console", "memory",
                                       "descriptors", "core_dumps", "locale", "disk", "fsync", "store",
                                       "clock", "key_file", "holding", "port", "dns"));
    EXPECT_EQ(diagnosis.ran.status, all_well ? 0 : 3);
    EXPECT_FALSE(fs::exists(folder_.path("var/keys/rushlight.key"))) << "looking makes nothing to lose";
    const Ran for_people = run({"doctor", "--data", folder_.path("var")});
    EXPECT_THAT(for_people.out, HasSubstr("well   formats"));
}

TEST_F(Doctor, NoticesADataFolderThatIsNone) {
    folder_.write("var", "a file");
    const Diagnosis diagnosis = ask();
    EXPECT_EQ(diagnosis.ran.status, 3);
    EXPECT_FALSE(diagnosis.well("disk"));
    EXPECT_FALSE(diagnosis.well("store"));
    EXPECT_THAT(diagnosis.todo("disk"), HasSubstr("--data"));
}

TEST_F(Doctor, NoticesDataThatLiesInMemory) {
    if (!in_memory("/dev/shm")) GTEST_SKIP() << "this kernel has no /dev/shm in memory";
    const std::string place = "/dev/shm/rushlight-doctor-" + std::to_string(::getpid());
    const Diagnosis diagnosis{run({"doctor", "--json", "--data", place})};
    fs::remove_all(place);
    EXPECT_FALSE(diagnosis.well("fsync"));
    EXPECT_THAT(diagnosis.found("fsync"), HasSubstr("in memory"));
}

TEST_F(Doctor, NoticesMissingAndBrokenPrograms) {
    const std::string bin = folder_.path("bin");
    fs::create_directories(bin + "/libexec/rushlight");
    fs::copy(std::string(RUSHLIGHT_BINARY_DIR) + "/rushlight", bin);
    const std::string command = bin + "/rushlight doctor --json --data " + folder_.path("var") + " 2>&1";
    const std::string built = std::string(RUSHLIGHT_BINARY_DIR) + "/libexec/rushlight/";
    fs::copy(built + "decode", bin + "/libexec/rushlight");
    const Diagnosis missing = ask_shell(command);
    EXPECT_EQ(missing.ran.status, 3);
    EXPECT_FALSE(missing.well("programs"));
    EXPECT_THAT(missing.found("programs"), HasSubstr("decode-all"));
    EXPECT_FALSE(missing.well("formats"));
    EXPECT_THAT(missing.todo("formats"), HasSubstr("--build"));
    // One without the heavy decoders, as where its libraries were taken away.
    fs::copy(built + "decode", bin + "/libexec/rushlight/decode-all");
    const Diagnosis weak = ask_shell(command);
    EXPECT_TRUE(weak.well("programs"));
    EXPECT_TRUE(weak.well("archives"));
    EXPECT_FALSE(weak.well("formats"));
    EXPECT_THAT(weak.found("formats"), HasSubstr("read: JPEG"));
    EXPECT_THAT(weak.found("formats"), HasSubstr("HEIC ("));
}

TEST_F(Doctor, NoticesFewDescriptors) {
    const Diagnosis diagnosis = ask_shell("ulimit -n 512; " + std::string(RUSHLIGHT_BINARY_DIR) +
                                          "/rushlight doctor --json --data " + folder_.path("var"));
    EXPECT_FALSE(diagnosis.well("descriptors"));
    EXPECT_THAT(diagnosis.found("descriptors"), HasSubstr("512"));
    EXPECT_THAT(diagnosis.todo("descriptors"), HasSubstr("LimitNOFILE"));
}

TEST_F(Doctor, NoticesALocaleWhoseLettersAreOthers) {
    EXPECT_FALSE(ask({{"LANG", "xx_XX.ISO-8859-1"}}).well("locale"));
    EXPECT_TRUE(ask({{"LANG", "C.UTF-8"}}).well("locale"));
    EXPECT_TRUE(ask({{"LANG", ""}}).well("locale"));
}

TEST_F(Doctor, NoticesAClockThatWasSetBack) {
    ASSERT_TRUE(ask().well("clock"));
    fs::last_write_time(folder_.path("var/rushlight.db"),
                        fs::file_time_type::clock::now() + std::chrono::hours(2));
    const Diagnosis diagnosis = ask();
    EXPECT_FALSE(diagnosis.well("clock"));
    EXPECT_THAT(diagnosis.todo("clock"), HasSubstr("timesyncd"));
}

TEST_F(Doctor, NoticesWhatIsWrongWithTheKeyFile) {
    {
        Served server(folder_.path("var"));
        server.set_up();
    }
    const std::string key = folder_.path("var/keys/rushlight.key");
    EXPECT_TRUE(ask().well("key_file"));
    EXPECT_THAT(ask().found("key_file"), HasSubstr("opens what is sealed"));
    fs::permissions(key, fs::perms::owner_read | fs::perms::group_read | fs::perms::others_read);
    EXPECT_FALSE(ask().well("key_file"));
    EXPECT_THAT(ask().todo("key_file"), HasSubstr("chmod 600"));
    fs::permissions(key, fs::perms::owner_read | fs::perms::owner_write);
    const std::string content = read_file(key);
    fs::remove(key);
    const Diagnosis gone = ask();
    EXPECT_FALSE(gone.well("key_file"));
    EXPECT_THAT(gone.todo("key_file"), HasSubstr("backup"));
    EXPECT_FALSE(fs::exists(key)) << "a new one would hide that the old one is gone";
    std::ofstream(key, std::ios::binary) << content.substr(0, content.size() / 2);
    fs::permissions(key, fs::perms::owner_read | fs::perms::owner_write);
    EXPECT_FALSE(ask().well("key_file")) << "cut in half";
}

TEST_F(Doctor, NoticesAHoldingAreaThatTheDiskHasNoRoomFor) {
    {
        Served server(folder_.path("var"));
        const Headers admin = server.set_up();
        const Answer set = server.ask("PATCH", "/api/v1/settings", admin,
                                      json{{"holding", {{"on", true}, {"quota_mb", 1 << 24}}}});
        ASSERT_EQ(set.status, 200) << set.text;
    }
    const Diagnosis diagnosis = ask();
    EXPECT_FALSE(diagnosis.well("holding"));
    EXPECT_THAT(diagnosis.found("holding"), HasSubstr("room for"));
}

TEST_F(Doctor, TellsItsOwnServerFromAnotherProgramOnThePort) {
    const Served server(folder_.path("var"));
    const std::string taken = "127.0.0.1:" + std::to_string(server.port());
    const Diagnosis ours = ask({{"RUSHLIGHT_SERVE_LISTEN", taken}});
    EXPECT_TRUE(ours.well("port")) << ours.found("port");
    EXPECT_THAT(ours.found("port"), HasSubstr("is ready"));

    const int other = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    ASSERT_EQ(::bind(other, reinterpret_cast<sockaddr*>(&address), size), 0);
    ASSERT_EQ(::getsockname(other, reinterpret_cast<sockaddr*>(&address), &size), 0);
    ASSERT_EQ(::listen(other, 0), 0);
    const Diagnosis theirs =
        ask({{"RUSHLIGHT_SERVE_LISTEN", "127.0.0.1:" + std::to_string(ntohs(address.sin_port))}});
    ::close(other);
    EXPECT_FALSE(theirs.well("port"));
    EXPECT_THAT(theirs.found("port"), HasSubstr("another program"));
    EXPECT_THAT(theirs.todo("port"), HasSubstr("--listen"));
}

TEST_F(Doctor, AsksNameServersOnlyWhereTheSettingsNameThem) {
    EXPECT_THAT(ask().found("dns"), HasSubstr("not asked"));
    const net::testing::DnsServer dns;
    EXPECT_TRUE(ask({{"RUSHLIGHT_NET_DNS", dns.setting()}}).well("dns"));
    EXPECT_FALSE(ask({{"RUSHLIGHT_NET_DNS", "127.0.0.1:1"}}).well("dns"));
}

TEST_F(Doctor, SaysHowPostgresqlWantsItsPasswordFile) {
    const std::string passwords = folder_.write("pgpass", "*:*:*:*:x\n");
    fs::permissions(passwords, fs::perms::owner_read | fs::perms::others_read);
    const std::vector<std::string> elsewhere{"--store", "postgresql://nobody@127.0.0.1:1/nothing"};
    const Diagnosis open = ask({{"PGPASSFILE", passwords}}, elsewhere);
    EXPECT_EQ(open.ran.status, 3);
    EXPECT_FALSE(open.well("store"));
    EXPECT_THAT(open.todo("store"), HasSubstr("chmod 600"));
    EXPECT_THAT(ask({{"PGPASSFILE", "/nowhere"}}, elsewhere).todo("store"), HasSubstr("not there"));
    EXPECT_THAT(ask({}, elsewhere).todo("store"), HasSubstr("PGPASSFILE"));
}

}  // namespace
}  // namespace rushlight::app::testing
