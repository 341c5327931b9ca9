// Conformance: what the sandboxed children say about each file of media/testdata against the values that the
// reference implementation gives for that very file. RUSHLIGHT_MEDIA_DATA may name another folder of the same
// layout (images/ and images.csv, video/ and video.csv), for instance a larger set.

#include "media/fingerprint.h"

#include <cstdlib>
#include <fstream>
#include <map>
#include <memory>
#include <sstream>
#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace rushlight::media {
namespace {

std::string data_folder() {
    const char* const other = std::getenv("RUSHLIGHT_MEDIA_DATA");
    return other != nullptr ? other : RUSHLIGHT_SOURCE_DIR "/media/testdata";
}

std::vector<std::vector<std::string>> rows_of(const std::string& name) {
    std::vector<std::vector<std::string>> rows;
    std::ifstream file(data_folder() + "/" + name);
    std::string line;
    std::getline(file, line);  // the header
    while (std::getline(file, line)) {
        std::vector<std::string> fields;
        std::string::size_type at = 0;
        for (auto comma = line.find(','); comma != std::string::npos; comma = line.find(',', at)) {
            fields.push_back(line.substr(at, comma - at));
            at = comma + 1;
        }
        fields.push_back(line.substr(at));
        rows.push_back(std::move(fields));
    }
    return rows;
}

sandbox::Pool pool_of(const std::string& program) {
    sandbox::Options options;
    options.program = std::string(RUSHLIGHT_BINARY_DIR "/libexec/rushlight/") + program;
    options.limits.time = std::chrono::seconds(60);
    options.allow_weak = true;  // it is the values that are tried here
    auto pool = sandbox::Pool::create(options);
    if (!pool) throw std::runtime_error(pool.error().message);
    return std::move(*pool);
}

class Conformance : public testing::Test {
  protected:
    static void SetUpTestSuite() {
        light_ = std::make_unique<sandbox::Pool>(pool_of("decode"));
        all_ = std::make_unique<sandbox::Pool>(pool_of("decode-all"));
    }
    static void TearDownTestSuite() {
        light_.reset();
        all_.reset();
    }
    static Fingerprint of(const std::string& name) {
        const auto content = Content::open(data_folder() + "/" + name);
        if (!content) throw std::runtime_error(name + ": " + content.error().message);
        return Fingerprinter(*light_, *all_).fingerprint(*content, "test", {.exact = true, .dihedral = true});
    }

    static inline std::unique_ptr<sandbox::Pool> light_, all_;
};

// How far a file of this name may lie from the reference's value.
struct Bound {
    int distance;
    bool lossy;  // counts towards the mean
};
Bound bound_of(const std::string& name) {
    if (name.ends_with("~rgba16.png")) return {2, false};
    for (const char* lossless : {".png", ".gif", ".tiff", ".bmp"}) {
        if (name.ends_with(lossless)) return {0, false};
    }
    return {10, true};
}

std::vector<Pdq> pdqs_of(const std::string& text) {
    std::vector<Pdq> hashes;
    std::istringstream words(text);
    for (std::string word; words >> word;) hashes.push_back(Pdq::parse(word).value());
    return hashes;
}

TEST_F(Conformance, Pictures) {
    const auto rows = rows_of("images.csv");
    ASSERT_GT(rows.size(), 90u);
    int lossy = 0;
    int sum = 0;
    int worst = 0;
    for (const auto& row : rows) {
        ASSERT_EQ(row.size(), 7u);
        const std::string& name = row[0];
        SCOPED_TRACE(name);
        const Fingerprint print = of("images/" + name);
        ASSERT_FALSE(print.problem) << print.problem->message;
        ASSERT_TRUE(print.exact && print.pdq && print.quality && print.dihedral && print.width &&
                    print.height);
        EXPECT_EQ(print.exact->sha256.hex(), row[3]);
        EXPECT_EQ(std::to_string(*print.width), row[1]);
        EXPECT_EQ(std::to_string(*print.height), row[2]);
        EXPECT_TRUE(print.frames.empty());
        if (row[4].empty()) continue;  // the next test

        const auto [most, counts] = bound_of(name);
        const int away = distance(*print.pdq, Pdq::parse(row[4]).value());
        const int quality = std::stoi(row[5]);
        EXPECT_LE(std::abs(*print.quality - quality), counts ? 5 : 0);
        if (quality < 80) continue;
        EXPECT_LE(away, most);
        if (counts) {
            ++lossy;
            sum += away;
            worst = std::max(worst, away);
        }
        const auto others = pdqs_of(row[6]);
        ASSERT_EQ(others.size(), print.dihedral->size());
        for (std::size_t i = 0; i < others.size(); ++i) {
            EXPECT_LE(distance((*print.dihedral)[i], others[i]), most) << "dihedral " << i;
        }
    }
    ASSERT_GT(lossy, 0);
    EXPECT_LE(static_cast<double>(sum) / lossy, 2.0);
    RecordProperty("lossy_pictures", lossy);
    RecordProperty("worst_distance", worst);
    RecordProperty("sum_of_distances", sum);
}

TEST_F(Conformance, InkLiesNearItsTwinOfLight) {
    std::map<std::string, Pdq> known;
    for (const auto& row : rows_of("images.csv")) {
        if (!row[4].empty()) known[row[0]] = Pdq::parse(row[4]).value();
    }
    int compared = 0;
    for (const auto& row : rows_of("images.csv")) {
        const auto mark = row[0].find("~cmyk");
        if (mark == std::string::npos) continue;
        const auto twin = known.find(row[0].substr(0, mark) + ".jpg");
        ASSERT_NE(twin, known.end()) << row[0];
        const Fingerprint print = of("images/" + row[0]);
        ASSERT_TRUE(print.pdq) << row[0];
        EXPECT_LE(distance(*print.pdq, twin->second), 10) << row[0];
        ++compared;
    }
    EXPECT_GT(compared, 0);
}

// A turned copy of a picture is found by the one of the eight hashes that turns it back.
TEST_F(Conformance, ATurnedCopyIsOneOfTheSevenOthers) {
    for (const std::string scene : {"landscape-00", "mosaic-05"}) {
        const auto dihedral = of("images/" + scene + ".jpg").dihedral.value();
        const std::pair<const char*, std::size_t> copies[] = {{"rot180", 1}, {"rot90", 2}, {"mirror", 4}};
        for (const auto& [edit, index] : copies) {
            const Fingerprint copy = of("images/" + scene + "~" + edit + ".jpg");
            EXPECT_LE(distance(dihedral[index], copy.pdq.value()), 31) << scene << " " << edit;
        }
    }
}

TEST_F(Conformance, Videos) {
    std::map<std::string, std::vector<std::vector<std::string>>> videos;
    for (auto& row : rows_of("video.csv")) videos[row[0]].push_back(row);
    ASSERT_EQ(videos.size(), 4u);
    int frames = 0;
    int sum = 0;
    for (const auto& [name, rows] : videos) {
        SCOPED_TRACE(name);
        const Fingerprint print = of("video/" + name);
        ASSERT_FALSE(print.problem) << print.problem->message;
        EXPECT_EQ(print.type.mime, "video/mp4");
        EXPECT_FALSE(print.pdq);
        ASSERT_EQ(print.frames.size(), rows.size());
        for (std::size_t i = 0; i < rows.size(); ++i) {
            EXPECT_EQ(std::to_string(print.frames[i].frame), rows[i][1]);
            EXPECT_LE(std::abs(print.frames[i].quality - std::stoi(rows[i][2])), 2);
            EXPECT_NEAR(print.frames[i].seconds, std::stod(rows[i][4]), 0.0006);
            const int away = distance(print.frames[i].pdq, Pdq::parse(rows[i][3]).value());
            EXPECT_LE(away, 10) << rows[i][1];
            ++frames;
            sum += away;
        }
    }
    EXPECT_LE(static_cast<double>(sum) / frames, 2.0);
    RecordProperty("frames", frames);
    RecordProperty("sum_of_distances", sum);
}

}  // namespace
}  // namespace rushlight::media
