#include "practice/plan.h"

#include "practice/dice.h"

#include <algorithm>
#include <array>
#include <set>
#include <string_view>

namespace rushlight::practice {
namespace {

using namespace std::chrono_literals;

struct Known {
    std::string_view name, title, about;
};
constexpr std::array<Known, 3> kSites{{
    {"harbour-photos.test", "Harbour Photos", "A club that draws what comes in with the tide."},
    {"lantern-board.test", "Lantern Board", "Everybody may pin a picture here."},
    {"meadow-albums.test", "Meadow Albums", "Albums of people who draw out of doors."},
}};
// When each album appears. The first three are there from the start.
constexpr std::array<std::chrono::hours, 5> kAfter{0h, 0h, 0h, 24h, 72h};

constexpr std::array<std::string_view, 12> kWhen{"Early",  "Quiet", "Windy", "Slow",  "Bright",   "Late",
                                                 "Winter", "Rainy", "First", "Other", "Borrowed", "Last"};
constexpr std::array<std::string_view, 12> kWhat{"mornings", "walks",   "harbours", "fields",
                                                 "evenings", "roofs",   "windows",  "hedges",
                                                 "lamps",    "ferries", "gardens",  "bridges"};
constexpr std::array<std::string_view, 8> kCaptions{
    "from memory",         "second try",         "on grey paper", "with a new brush",
    "for the winter fair", "seen from the pier", "unfinished",    "a gift"};

template <class Words>
std::string_view one_of(const Words& words, Dice& dice) {
    return words[dice.below(words.size())];
}

std::string in_lower_case(std::string_view word) {
    std::string text(word);
    text[0] = static_cast<char>(text[0] - 'A' + 'a');
    return text;
}

using Pile = std::vector<const Scene*>;

// Deals each pile round the sites and within a site round its albums, so that all kinds come first.
std::vector<std::vector<Pile>> deal(const std::vector<Scene>& scenes, Dice& dice) {
    Pile listed, copies, unknown;
    for (const Scene& scene : scenes) {
        (scene.kind == "listed" ? listed : scene.kind == "copy" ? copies : unknown).push_back(&scene);
    }
    std::vector<std::vector<Pile>> albums(kSites.size(), std::vector<Pile>(kAfter.size()));
    for (Pile* pile : {&listed, &copies, &unknown}) {
        dice.shuffle(*pile);
        for (std::size_t i = 0; i < pile->size(); ++i) {
            albums[i % kSites.size()][i / kSites.size() % kAfter.size()].push_back((*pile)[i]);
        }
    }
    // What one site has is seen on the next one too.
    for (std::size_t site = 0; site < kSites.size() && site < listed.size(); ++site) {
        albums[(site + 1) % kSites.size()][1].push_back(listed[site]);
    }
    return albums;
}

std::string picture_path(const Scene& scene, Dice& dice, std::set<std::string>& taken) {
    const std::string ending = scene.file.substr(scene.file.rfind('.'));
    for (;;) {
        std::string path = "/pictures/" + in_lower_case(one_of(kWhen, dice)) + '-' +
                           std::to_string(1000 + dice.below(9000)) + ending;
        if (taken.insert(path).second) return path;
    }
}

}  // namespace

std::vector<SitePlan> plan_sites(const std::vector<Scene>& scenes, std::uint64_t seed) {
    Dice dealer(seed, "deal");
    const auto dealt = deal(scenes, dealer);
    std::vector<SitePlan> plans;
    for (std::size_t site = 0; site < kSites.size(); ++site) {
        const Known& known = kSites[site];
        Dice dice(seed, known.name);
        std::set<std::string> taken;
        SitePlan plan{.name = std::string(known.name),
                      .title = std::string(known.title),
                      .about = std::string(known.about),
                      .albums = {}};
        for (std::size_t i = 0; i < kAfter.size(); ++i) {
            Album album{.path = "/albums/" + std::to_string(i + 1),
                        .title = std::string(one_of(kWhen, dice)) + ' ' + std::string(one_of(kWhat, dice)),
                        .after = kAfter[i],
                        .pictures = {}};
            Pile pile = dealt[site][i];
            dice.shuffle(pile);
            for (const Scene* scene : pile) {
                album.pictures.push_back({.scene = scene,
                                          .path = picture_path(*scene, dice, taken),
                                          .caption = std::string(one_of(kCaptions, dice))});
            }
            if (!album.pictures.empty()) plan.albums.push_back(std::move(album));
        }
        plans.push_back(std::move(plan));
    }
    return plans;
}

}  // namespace rushlight::practice
