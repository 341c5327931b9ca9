#include "scan/walk.h"

#include <filesystem>
#include <fstream>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

namespace rushlight::scan {
namespace {

namespace fs = std::filesystem;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

class WalkTest : public ::testing::Test {
  protected:
    WalkTest() {
        std::string pattern = ::testing::TempDir() + "walk-XXXXXX";
        root_ = ::mkdtemp(pattern.data());
    }
    ~WalkTest() override { fs::remove_all(root_); }

    void touch(const std::string& name) const {
        fs::create_directories((root_ / name).parent_path());
        std::ofstream(root_ / name) << "x";
    }
    std::vector<Found> walk(const std::vector<std::string>& targets = {""}) const {
        std::vector<Found> found;
        Walk walk;
        for (const std::string& target : targets) {
            walk.visit((root_ / target).string(), [&](Found f) {
                f.path = fs::path(f.path).lexically_relative(root_);
                found.push_back(std::move(f));
                return true;
            });
        }
        return found;
    }
    std::vector<std::string> files(const std::vector<std::string>& targets = {""}) const {
        std::vector<std::string> names;
        for (const Found& f : walk(targets)) {
            if (f.what == Found::What::file) names.push_back(f.path);
        }
        return names;
    }

    fs::path root_;
};

TEST_F(WalkTest, GoesThroughFoldersInTheOrderOfTheirNames) {
    for (const char* name : {"b/2", "a", "b/1", "c/d/e"}) touch(name);
    EXPECT_THAT(files(), ElementsAre("a", "b/1", "b/2", "c/d/e"));
}

TEST_F(WalkTest, EntersAFolderOnceHoweverManyWaysLeadThere) {
    touch("a/one");
    fs::create_directory_symlink(root_, root_ / "a/up");
    fs::create_directory_symlink(root_ / "a", root_ / "b");
    EXPECT_THAT(files(), ElementsAre("a/one"));
    EXPECT_THAT(files({"a", "b", "a"}), ElementsAre("a/one"));
}

TEST_F(WalkTest, FollowsALinkToAFile) {
    touch("a");
    fs::create_symlink("a", root_ / "b");
    EXPECT_THAT(files(), ElementsAre("a", "b"));
}

TEST_F(WalkTest, NamesWhatIsNoFile) {
    ASSERT_EQ(::mkfifo((root_ / "pipe").c_str(), 0600), 0);
    fs::create_symlink("nowhere", root_ / "zombie");
    const auto found = walk();
    ASSERT_EQ(found.size(), 2u);
    EXPECT_EQ(found[0].what, Found::What::special);
    EXPECT_THAT(found[0].message, HasSubstr("pipe"));
    EXPECT_EQ(found[1].what, Found::What::unreadable);
    EXPECT_THAT(found[1].message, HasSubstr("No such file"));
}

TEST_F(WalkTest, StopsWhenAsked) {
    for (const char* name : {"a", "b", "c"}) touch(name);
    int seen = 0;
    Walk walk;
    EXPECT_FALSE(walk.visit(root_.string(), [&](const Found&) { return ++seen < 2; }));
    EXPECT_EQ(seen, 2);
}

TEST_F(WalkTest, EndsInFoldersDeeperThanAnybodyMakes) {
    // Made by hand: the whole path would be longer than the system takes at once.
    const fs::path before = fs::current_path();
    fs::current_path(root_);
    for (int i = 0; i < 300; ++i) {
        fs::create_directory("deep");
        fs::current_path("deep");
    }
    fs::current_path(before);
    const auto found = walk();
    ASSERT_EQ(found.size(), 1u);
    EXPECT_EQ(found[0].what, Found::What::unreadable);
    EXPECT_THAT(found[0].message, HasSubstr("256"));
}

}  // namespace
}  // namespace rushlight::scan
