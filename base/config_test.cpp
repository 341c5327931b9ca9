#include "base/config.h"

#include <filesystem>
#include <fstream>
#include <map>

#include <gtest/gtest.h>

namespace rushlight {
namespace {

class ConfigTest : public testing::Test {
  protected:
    ConfigTest() { std::filesystem::create_directories(folder_); }
    ~ConfigTest() override { std::filesystem::remove_all(folder_); }

    void write(const std::string& text) { std::ofstream(folder_ + "/rushlight.toml") << text; }
    Environment environment() const {
        return [this](const std::string& name) -> std::optional<std::string> {
            const auto it = variables_.find(name);
            return it == variables_.end() ? std::nullopt : std::optional(it->second);
        };
    }

    std::string folder_ = testing::TempDir() + "config_test_" + std::to_string(::getpid());
    std::map<std::string, std::string> variables_{{"RUSHLIGHT_DATA", folder_}};
};

TEST_F(ConfigTest, EnvironmentGoesOverFileGoesOverDefault) {
    write("[scan]\nworkers = 3\n[sandbox]\nseconds = 7\n");
    variables_["RUSHLIGHT_SCAN_WORKERS"] = "5";
    const auto config = load_config({}, environment());
    ASSERT_TRUE(config);
    EXPECT_EQ(config->scan.workers, 5);
    EXPECT_EQ(config->sandbox.seconds, 7);
    EXPECT_EQ(config->sandbox.memory_mb, 2048);
    EXPECT_EQ(load_config({.data = folder_ + "/none"}, environment())->sandbox.seconds, 10);
}

TEST_F(ConfigTest, EveryMistakeIsNamedWithItsLine) {
    write("[scan]\nworkers = \"many\"\nwrokers = 2\n\n[sandbox]\nseconds = 0\nallow_weak = 1\n");
    const auto findings = check_config({}, environment());
    ASSERT_EQ(findings.size(), 4u);
    EXPECT_EQ(findings[0].where, folder_ + "/rushlight.toml:2");
    EXPECT_EQ(findings[0].message, "scan.workers has to be a whole number from 0 to 256");
    EXPECT_EQ(findings[1].message, "there is no setting 'scan.wrokers'");
    EXPECT_EQ(findings[2].where, folder_ + "/rushlight.toml:6");
    EXPECT_EQ(findings[3].message, "sandbox.allow_weak has to be true or false");
    EXPECT_EQ(load_config({}, environment()).error().code, ErrorCode::invalid);
}

TEST_F(ConfigTest, BrokenTomlAndBadVariablesAreNamed) {
    write("[scan\nworkers = 1\n");
    variables_["RUSHLIGHT_ARCHIVE_DEPTH"] = "deep";
    const auto findings = check_config({}, environment());
    ASSERT_EQ(findings.size(), 2u);
    EXPECT_EQ(findings[0].where, folder_ + "/rushlight.toml:1");
    EXPECT_EQ(findings[1].where, "RUSHLIGHT_ARCHIVE_DEPTH");
}

TEST(Variables, ThatNoSettingHasAreNamed) {
    const auto found = unknown_variables({"HOME", "RUSHLIGHT_SCAN_WORKERS", "RUSHLIGHT_SCAN_WORKERZ",
                                          "RUSHLIGHT_DATA", "RUSHLIGHT_SOAK", "RUSHLIGHTS"});
    ASSERT_EQ(found.size(), 1u);
    EXPECT_EQ(found[0].where, "RUSHLIGHT_SCAN_WORKERZ");
}

}  // namespace
}  // namespace rushlight
