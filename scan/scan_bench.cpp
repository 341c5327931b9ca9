// scan: 10,000 small photographs from a folder to stored answers, against the sum of the parts.
//
// The pictures are windows cut out of Debian's mate-backgrounds, 20 to 200 KB each. What counts is the share
// of the cores' time that went into the parts themselves (reading, exact hashes, hand-over, decoding, filter,
// DCT, as each measures itself): the rest is what the scan adds around them.

#include "scan/scan.h"

#include <algorithm>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <memory>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include <turbojpeg.h>
#include <unistd.h>

namespace {

namespace fs = std::filesystem;
using namespace rushlight;

struct Photograph {
    std::vector<unsigned char> pixels;  // RGB
    int width = 0, height = 0;
};

std::vector<Photograph> photographs() {
    std::vector<Photograph> photos;
    const std::unique_ptr<void, int (*)(void*)> jpeg(tjInitDecompress(), tjDestroy);
    for (const auto& entry : fs::recursive_directory_iterator("/usr/share/backgrounds/mate")) {
        if (entry.path().extension() != ".jpg" || photos.size() == 8) continue;
        std::ifstream in(entry.path(), std::ios::binary);
        const std::vector<unsigned char> bytes((std::istreambuf_iterator<char>(in)), {});
        Photograph photo;
        int subsampling = 0;
        int space = 0;
        if (tjDecompressHeader3(jpeg.get(), bytes.data(), bytes.size(), &photo.width, &photo.height,
                                &subsampling, &space) != 0)
            continue;
        if (photo.width < 1400 || photo.height < 900) continue;
        photo.pixels.resize(static_cast<std::size_t>(photo.width) * static_cast<std::size_t>(photo.height) *
                            3);
        if (tjDecompress2(jpeg.get(), bytes.data(), bytes.size(), photo.pixels.data(), photo.width, 0,
                          photo.height, TJPF_RGB, 0) == 0) {
            photos.push_back(std::move(photo));
        }
    }
    return photos;
}

// Windows of 320×240 to 1280×800, different ones each.
std::uint64_t write_pictures(const fs::path& folder, int count) {
    const std::vector<Photograph> photos = photographs();
    if (photos.empty()) return 0;
    const std::unique_ptr<void, int (*)(void*)> jpeg(tjInitCompress(), tjDestroy);
    std::mt19937 random(1);
    const auto between = [&](int low, int high) {
        return std::uniform_int_distribution<int>(low, high)(random);
    };
    std::uint64_t bytes = 0;
    for (int i = 0; i < count; ++i) {
        const Photograph& photo = photos[static_cast<std::size_t>(i) % photos.size()];
        const int width = between(320, std::min(1280, photo.width));
        const int height = std::min(width * 5 / 8, photo.height);
        const int x = between(0, photo.width - width);
        const int y = between(0, photo.height - height);
        const unsigned char* from =
            photo.pixels.data() + (static_cast<std::size_t>(y) * static_cast<std::size_t>(photo.width) +
                                   static_cast<std::size_t>(x)) *
                                      3;
        unsigned char* out = nullptr;
        unsigned long size = 0;
        for (int quality = 88; quality >= 40; quality -= 16) {
            if (tjCompress2(jpeg.get(), from, width, photo.width * 3, height, TJPF_RGB, &out, &size,
                            TJSAMP_420, quality, 0) != 0)
                return 0;
            if (size <= 200'000) break;
        }
        const fs::path sub = folder / std::to_string(i / 500);
        fs::create_directories(sub);
        std::ofstream(sub / (std::to_string(i) + ".jpg"), std::ios::binary)
            .write(reinterpret_cast<const char*>(out), static_cast<std::streamsize>(size));
        tjFree(out);
        bytes += size;
    }
    return bytes;
}

std::string write_list(const fs::path& file) {
    std::ofstream out(file);
    std::mt19937_64 random(2);
    for (int i = 0; i < 100'000; ++i) {
        Pdq hash;
        for (std::size_t k = 0; k < hash.value.size(); k += 8) {
            const std::uint64_t word = random();
            std::memcpy(hash.value.data() + k, &word, 8);
        }
        out << "pdq " << hash.hex() << '\n';
    }
    return file.string();
}

int fail(const std::string& what) {
    std::fprintf(stderr, "scan_bench: %s\n", what.c_str());
    return 1;
}

}  // namespace

int main(int argc, char** argv) {
    const bool json = argc > 1 && std::string_view(argv[1]) == "--json";
    constexpr int kPictures = 10'000;
    const fs::path folder = fs::temp_directory_path() / ("rushlight-bench-" + std::to_string(::getpid()));
    fs::create_directories(folder);
    const std::unique_ptr<const fs::path, void (*)(const fs::path*)> clean_up(
        &folder, [](const fs::path* p) { fs::remove_all(*p); });
    const std::uint64_t bytes = write_pictures(folder / "pictures", kPictures);
    if (bytes == 0) return fail("no photographs: install Debian's mate-backgrounds");
    const std::string list = write_list(folder / "list.txt");

    sandbox::Options options;
    options.children = std::max(1u, std::thread::hardware_concurrency());
    options.program = RUSHLIGHT_BINARY_DIR "/libexec/rushlight/decode";
    auto light = sandbox::Pool::create(options);
    options.program = RUSHLIGHT_BINARY_DIR "/libexec/rushlight/decode-all";
    auto all = sandbox::Pool::create(options);
    if (!light || !all) return fail("the sandbox does not start");
    const media::Fingerprinter fingerprinter(*light, *all);
    match::Sources sources;
    sources.files = {list};
    auto matcher = match::Matcher::open(nullptr, sources);
    if (!matcher) return fail(matcher.error().message);
    auto store = store::Store::open({.where = (folder / "var").string(), .schemas = {scan::schema()}});
    if (!store) return fail(store.error().message);
    const scan::Parts parts{.store = *store,
                            .pool = *light,
                            .fingerprinter = fingerprinter,
                            .matcher = **matcher,
                            .clock = system_clock()};

    struct Row {
        unsigned workers;
        double seconds, parts;
    };
    std::vector<Row> rows;
    media::Stages stages;
    for (const unsigned workers : {1u, std::max(1u, std::thread::hardware_concurrency())}) {
        media::Stages sum;
        scan::Options ask{.targets = {(folder / "pictures").string()}, .again = true, .workers = workers};
        ask.show = [&](const scan::Item& item) {
            if (!item.outcome) return;
            const media::Stages& s = item.outcome->fingerprint.stages;
            sum.read += s.read;
            sum.exact += s.exact;
            sum.handover += s.handover;
            sum.decode += s.decode;
            sum.filter += s.filter;
            sum.dct += s.dct;
        };
        const auto summary = scan::run(parts, ask);
        if (!summary) return fail(summary.error().message);
        if (summary->unreadable != 0) return fail("some pictures could not be read");
        const auto total = sum.read + sum.exact + sum.handover + sum.decode + sum.filter + sum.dct;
        rows.push_back({workers, summary->seconds, std::chrono::duration<double>(total).count()});
        stages = sum;
    }
    if (!json)
        std::printf("%d pictures, %.0f MB, a list of 100,000 PDQ\n%-10s %10s %12s %12s %16s\n", kPictures,
                    static_cast<double>(bytes) / 1e6, "workers", "seconds", "pictures/s", "MB/s",
                    "of its parts");
    for (const Row& row : rows) {
        const double share = row.parts / (row.seconds * row.workers);
        if (json) {
            std::printf(
                "{\"bench\":\"scan\",\"workers\":%u,\"seconds\":%.3f,\"per_second\":%.1f,\"share_of_parts\":%"
                ".3f}\n",
                row.workers, row.seconds, kPictures / row.seconds, share);
        } else {
            std::printf("%-10u %10.2f %12.0f %12.1f %15.0f%%\n", row.workers, row.seconds,
                        kPictures / row.seconds, static_cast<double>(bytes) / 1e6 / row.seconds, share * 100);
        }
    }
    const auto micros = [](std::chrono::nanoseconds n) {
        return static_cast<double>(n.count()) / 1e3 / kPictures;
    };
    if (!json) {
        std::printf(
            "a picture's parts, in µs: read %.0f, exact hashes %.0f, hand-over %.0f, decode %.0f, filter "
            "%.0f, DCT %.0f\n",
            micros(stages.read), micros(stages.exact), micros(stages.handover), micros(stages.decode),
            micros(stages.filter), micros(stages.dct));
    }
    return 0;
}
