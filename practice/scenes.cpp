#include "practice/scenes.h"

#include "base/content.h"
#include "base/text.h"

#include <algorithm>
#include <array>
#include <string_view>
#include <utility>

namespace rushlight::practice {
namespace {

constexpr std::string_view kHeading = "file,kind,decision";
constexpr std::size_t kMostScene = std::size_t{16} << 20;

bool is_one_of(std::string_view word, const auto& words) {
    return std::ranges::find(words, word) != words.end();
}

std::string_view type_of(std::string_view file) {
    constexpr std::array<std::pair<std::string_view, std::string_view>, 7> kTypes{{{".jpg", "image/jpeg"},
                                                                                   {".png", "image/png"},
                                                                                   {".gif", "image/gif"},
                                                                                   {".webp", "image/webp"},
                                                                                   {".tiff", "image/tiff"},
                                                                                   {".bmp", "image/bmp"},
                                                                                   {".mp4", "video/mp4"}}};
    const auto it =
        std::ranges::find_if(kTypes, [&](const auto& type) { return file.ends_with(type.first); });
    return it == kTypes.end() ? "" : it->second;
}

Result<std::string> read(const std::string& path) {
    const auto content = Content::open(path);
    if (!content) return pass(content.error());
    if (content->size() > kMostScene) return fail(ErrorCode::limit, path + " is larger than a scene may be");
    std::string bytes(content->size(), '\0');
    const auto got = content->read_at(0, std::as_writable_bytes(std::span(bytes)));
    if (!got) return pass(got.error());
    bytes.resize(*got);
    return bytes;
}

}  // namespace

Result<std::vector<Scene>> load_scenes(const std::string& folder) {
    constexpr std::array<std::string_view, 5> kKinds{"listed", "copy", "unknown", "quarantined", "harmless"};
    constexpr std::array<std::string_view, 3> kDecisions{"exact", "near", "none"};
    const std::string path = folder + "/scenes.csv";
    const auto text = read(path);
    if (!text) return pass(text.error());
    std::vector<Scene> scenes;
    std::size_t number = 0;
    for (const std::string_view raw : split(*text, '\n')) {
        const std::string_view line = trim(raw);
        ++number;
        if (line.empty() || (number == 1 && line == kHeading)) continue;
        const auto cells = split(line, ',');
        if (cells.size() != 3 || type_of(cells[0]).empty() || !is_one_of(cells[1], kKinds) ||
            !is_one_of(cells[2], kDecisions)) {
            return fail(ErrorCode::invalid, path + ", line " + std::to_string(number) + ": has to be " +
                                                std::string(kHeading) + ", with a picture or clip");
        }
        auto bytes = read(folder + "/set/" + std::string(cells[0]));
        if (!bytes) return pass(bytes.error());
        scenes.push_back({.file = std::string(cells[0]),
                          .type = std::string(type_of(cells[0])),
                          .kind = std::string(cells[1]),
                          .decision = std::string(cells[2]),
                          .bytes = std::make_shared<const std::string>(std::move(*bytes))});
    }
    if (scenes.empty()) return fail(ErrorCode::invalid, path + " names no scene");
    return scenes;
}

}  // namespace rushlight::practice
