// The scenes: drawn pictures that the sites show, each with what it is and what a check should say of it.
// scenes.csv names them; practice/README.md says where they come from.
#pragma once

#include "base/result.h"

#include <memory>
#include <string>
#include <vector>

namespace rushlight::practice {

struct Scene {
    std::string file;      // "copies/poster-02~half.jpg"
    std::string type;      // "image/jpeg", by its name
    std::string kind;      // listed, copy, unknown, quarantined, harmless
    std::string decision;  // exact, near, none
    std::shared_ptr<const std::string> bytes;
};

// In the file's order. `folder` has scenes.csv and set/.
Result<std::vector<Scene>> load_scenes(const std::string& folder);

}  // namespace rushlight::practice
