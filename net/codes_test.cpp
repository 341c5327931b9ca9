// The codes are a promise: each stands in docs/net.md, and none there is made up.
#include "net/net.h"

#include <fstream>
#include <set>

#include <gtest/gtest.h>

namespace rushlight::net {
namespace {

TEST(Codes, AreThoseOfTheDocument) {
    std::ifstream file(RUSHLIGHT_SOURCE_DIR "/docs/net.md");
    std::set<std::string> documented;
    bool in_table = false;
    for (std::string line; std::getline(file, line);) {
        if (line.starts_with("## ")) in_table = line == "## What can go wrong";
        if (in_table && line.starts_with("| `")) documented.insert(line.substr(3, line.find('`', 3) - 3));
    }
    std::set<std::string> ours;
    for (int code = 0; code <= static_cast<int>(FailureCode::unavailable); ++code) {
        ours.emplace(to_string(static_cast<FailureCode>(code)));
    }
    EXPECT_EQ(ours, documented);
}

}  // namespace
}  // namespace rushlight::net
