// The plan: which site shows which scenes, on which pages, under which names. Made of the seed alone.
#pragma once

#include "practice/scenes.h"

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

namespace rushlight::practice {

struct PlannedPicture {
    const Scene* scene = nullptr;
    std::string path;  // "/pictures/evening-4711.jpg": says nothing of what it is
    std::string caption;
};
struct Album {
    std::string path;  // "/albums/1"
    std::string title;
    std::chrono::hours after{};  // of the world's time, until it appears
    std::vector<PlannedPicture> pictures;
};
struct SitePlan {
    std::string name;   // "harbour-photos.test"
    std::string title;  // "Harbour Photos"
    std::string about;
    std::vector<Album> albums;  // the first has a listed scene, a copy and an unknown one
};

// Each scene is shown by one site; a few of the listed ones by a second, as happens. The scenes must outlive
// the plan.
std::vector<SitePlan> plan_sites(const std::vector<Scene>& scenes, std::uint64_t seed);

}  // namespace rushlight::practice
