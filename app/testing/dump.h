// What a data folder holds, so that a test can say that nothing was written: a line for each table with the
// number of its rows and a digest of all they hold, and one for each file beside the database.
#pragma once

#include <map>
#include <string>

namespace rushlight::app::testing {

// By table or file. Left out by name is what changes by itself, or because somebody asks at all; dump.cpp
// says why for each.
std::map<std::string, std::string> dump(const std::string& data);

// What differs, for people; empty where nothing does.
std::string difference(const std::map<std::string, std::string>& before,
                       const std::map<std::string, std::string>& after);

}  // namespace rushlight::app::testing
