// JPEG photographs to PDQ: in process, through the sandbox, with exact hashes, on one core and two.
//
//   pdq_bench [--json] [--rounds N] [FILE…]     default: the photographs of 1–4.2 MP of Debian's
//   mate-backgrounds
//
// The yardstick is what tjbench measures, in this process and the same run: TurboJPEG decoding the same files
// at the same scale to BGR. A second one decodes to grey only, which is all that PDQ needs. All workloads
// take turns photo by photo, and each photo counts with its fastest round, so that a busy machine disturbs
// them alike.
#include "base/content.h"
#include "base/time.h"
#include "media/decode/decoder.h"
#include "media/decode/jpeg.h"
#include "media/fingerprint.h"
#include "sandbox/sandbox.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <functional>
#include <iterator>
#include <map>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include <sched.h>
#include <turbojpeg.h>

namespace {

using namespace rushlight;
using Millis = std::chrono::duration<double, std::milli>;

[[noreturn]] void stop(const std::string& why) {
    std::fprintf(stderr, "pdq_bench: %s\n", why.c_str());
    std::exit(1);
}

struct Photo {
    std::string path;
    std::string bytes;
    Content content;
    int width = 0, height = 0;
    int eighths = 8;
    bool progressive = false;
};

struct FreeTurbo {
    void operator()(void* handle) const { tjDestroy(handle); }
};
using Turbo = std::unique_ptr<void, FreeTurbo>;

// The start-of-frame marker says it; these are files we trust.
bool is_progressive(const std::string& file) {
    std::size_t at = 2;
    while (at + 4 <= file.size()) {
        const auto marker = static_cast<unsigned char>(file[at + 1]);
        if (marker == 0xC2) return true;
        if (marker == 0xC0 || marker == 0xC1 || marker == 0xDA) return false;
        at += 2 + (static_cast<unsigned char>(file[at + 2]) << 8 | static_cast<unsigned char>(file[at + 3]));
    }
    return false;
}

std::vector<Photo> photos_of(std::vector<std::string> paths) {
    const bool chosen = !paths.empty();
    if (!chosen) {
        const std::filesystem::path folder = "/usr/share/backgrounds/mate";
        if (!std::filesystem::exists(folder))
            stop("no photographs: install mate-backgrounds, or name JPEG files");
        for (const auto& entry : std::filesystem::recursive_directory_iterator(folder)) {
            if (entry.path().extension() == ".jpg") paths.push_back(entry.path());
        }
        std::sort(paths.begin(), paths.end());
    }
    std::vector<Photo> photos;
    const Turbo turbo(tjInitDecompress());
    for (const std::string& path : paths) {
        auto content = Content::open(path);
        if (!content) stop(path + ": " + content.error().message);
        std::ifstream in(path, std::ios::binary);
        Photo photo{path, {std::istreambuf_iterator<char>(in), {}}, std::move(*content)};
        int subsampling = 0;
        int space = 0;
        if (tjDecompressHeader3(turbo.get(), reinterpret_cast<const unsigned char*>(photo.bytes.data()),
                                photo.bytes.size(), &photo.width, &photo.height, &subsampling, &space) != 0) {
            stop(path + ": " + tjGetErrorStr2(turbo.get()));
        }
        const double megapixels = photo.width * 1e-6 * photo.height;
        if (!chosen && (megapixels < 1 || megapixels > 4.2)) continue;
        photo.eighths = media::decode::jpeg_eighths(static_cast<std::uint32_t>(photo.width),
                                                    static_cast<std::uint32_t>(photo.height));
        photo.progressive = is_progressive(photo.bytes);
        photos.push_back(std::move(photo));
    }
    if (photos.empty()) stop("no photograph of 1 to 4.2 megapixels");
    return photos;
}

// tjbench's inner loop: one call on bytes in memory, into memory that is there already.
class TurboDecoder {
  public:
    explicit TurboDecoder(TJPF format) : format_(format) {}
    void operator()(const Photo& photo) {
        const tjscalingfactor factor{photo.eighths, 8};
        const int width = TJSCALED(photo.width, factor);
        const int height = TJSCALED(photo.height, factor);
        pixels_.resize(
            std::max(pixels_.size(), static_cast<std::size_t>(width) * static_cast<std::size_t>(height) *
                                         static_cast<std::size_t>(tjPixelSize[format_])));
        if (tjDecompress2(turbo_.get(), reinterpret_cast<const unsigned char*>(photo.bytes.data()),
                          photo.bytes.size(), pixels_.data(), width, 0, height, format_, 0) != 0) {
            stop(photo.path + ": " + tjGetErrorStr2(turbo_.get()));
        }
    }

  private:
    TJPF format_;
    Turbo turbo_{tjInitDecompress()};
    std::vector<unsigned char> pixels_;
};

// What the child does, without the child.
class InProcess : public media::decode::Sink {
  public:
    void operator()(const Photo& photo) {
        media::decode::Input input(photo.content.fd(), photo.content.size(), scratch_);
        if (auto done = media::decode::decode_jpeg(input, {}, *this); !done) stop(done.error().message);
    }
    void size(std::uint32_t, std::uint32_t) override {}
    bool frame(const media::pdq::Image& image, std::uint32_t, double) override {
        media::pdq::hash(image, pdq_);
        return true;
    }

  private:
    media::decode::Scratch scratch_;
    media::pdq::Scratch pdq_;
};

sandbox::Pool pool_of(unsigned children) {
    sandbox::Options options;
    options.program = RUSHLIGHT_BINARY_DIR "/libexec/rushlight/decode";
    options.children = children;
    auto pool = sandbox::Pool::create(options);
    if (!pool) stop(pool.error().message);
    return std::move(*pool);
}

class Sandboxed {
  public:
    Sandboxed(sandbox::Pool& pool, media::Wanted wanted) : fingerprinter_(pool), wanted_(wanted) {}
    media::Stages operator()(const Photo& photo) const {
        const auto one = fingerprinter_.fingerprint(photo.content, "bench", wanted_);
        if (one.problem) stop(photo.path + ": " + one.problem->message);
        if (!one.pdq) stop(photo.path + ": no fingerprint");
        return one.stages;
    }

  private:
    media::Fingerprinter fingerprinter_;
    media::Wanted wanted_;
};

// The first `count` cores that we may use; children inherit it.
void pin_to(int count) {
    static const cpu_set_t all = [] {
        cpu_set_t set;
        sched_getaffinity(0, sizeof set, &set);
        return set;
    }();
    cpu_set_t some;
    CPU_ZERO(&some);
    for (int cpu = 0; cpu < CPU_SETSIZE && CPU_COUNT(&some) < count; ++cpu) {
        if (CPU_ISSET(cpu, &all)) CPU_SET(cpu, &some);
    }
    if (CPU_COUNT(&some) == count) sched_setaffinity(0, sizeof some, &some);
}

struct Row {
    std::string workload;
    double milliseconds = 0;  // a picture
};

void print_rows(const std::vector<Row>& rows, const Row& yardstick, bool json) {
    struct Bound {
        const char* workload;
        double floor, aim;  // shares of the yardstick
    };
    static const Bound kBounds[] = {{"sandbox, without exact hashes", 0.80, 0.90},
                                    {"sandbox, with exact hashes", 0.65, 0}};
    for (const Row& row : rows) {
        const double share = yardstick.milliseconds / row.milliseconds;
        const Bound* bound =
            std::ranges::find(kBounds, row.workload, [](const Bound& b) { return std::string(b.workload); });
        if (json) {
            std::printf(
                "{\"bench\":\"pdq\",\"workload\":\"%s\",\"ms\":%.3f,\"per_second\":%.1f,\"of_yardstick\":%."
                "3f}\n",
                row.workload.c_str(), row.milliseconds, 1000 / row.milliseconds, share);
            continue;
        }
        std::string verdict;
        if (bound != std::end(kBounds)) {
            verdict = share >= bound->floor ? "floor held" : "BELOW THE FLOOR";
            char text[80];
            std::snprintf(text, sizeof text, " (%.0f%%, 150/s%s)", 100 * bound->floor,
                          bound->aim > 0 ? "; aim 90%, 200/s" : "");
            if (1000 / row.milliseconds < 150) verdict = "BELOW THE FLOOR";
            verdict += text;
        }
        std::printf("%-48s %9.3f %10.1f %9.0f%%   %s\n", row.workload.c_str(), row.milliseconds,
                    1000 / row.milliseconds, 100 * share, verdict.c_str());
    }
}

// All photos once in each round by `threads` threads, which take the next one that is left.
double fastest_batch(const std::vector<Photo>& photos, int threads, int rounds,
                     const std::function<void(const Photo&)>& work) {
    constexpr int kRepeats = 4;  // so that the last photo's idle core does not count much
    auto best = Steady::duration::max();
    for (int round = 0; round < rounds; ++round) {
        std::atomic<std::size_t> next = 0;
        std::vector<std::thread> team;
        const auto start = Steady::now();
        for (int i = 0; i < threads; ++i) {
            team.emplace_back([&] {
                for (std::size_t at = next++; at < photos.size() * kRepeats; at = next++)
                    work(photos[at % photos.size()]);
            });
        }
        for (auto& thread : team) thread.join();
        best = std::min(best, Steady::now() - start);
    }
    return Millis(best).count() / static_cast<double>(photos.size() * kRepeats);
}

// The command itself, where it is installed: its figure per file, over the same files.
double tjbench_milliseconds(const std::vector<Photo>& photos) {
    double sum = 0;
    for (const Photo& photo : photos) {
        const std::string command = "tjbench '" + photo.path + "' -scale " + std::to_string(photo.eighths) +
                                    "/8 -nowrite -quiet -benchtime 0.2 -warmup 0.05 2>/dev/null";
        const std::unique_ptr<FILE, int (*)(FILE*)> pipe(::popen(command.c_str(), "r"), ::pclose);
        double megapixels_a_second = 0;
        char line[512];
        while (pipe && std::fgets(line, sizeof line, pipe.get()) != nullptr) {
            std::string text(line);
            if (text.find("(TD)") == std::string::npos) continue;
            text.erase(text.find_last_not_of(" \n") + 1);
            megapixels_a_second = std::atof(text.c_str() + text.find_last_of(" \t") + 1);
        }
        if (megapixels_a_second <= 0) return 0;
        sum += photo.width * 1e-3 * photo.height / megapixels_a_second;
    }
    return sum / static_cast<double>(photos.size());
}

}  // namespace

int main(int argc, char** argv) {
    bool json = false;
    int rounds = 15;
    std::vector<std::string> files;
    for (int i = 1; i < argc; ++i) {
        const std::string_view argument = argv[i];
        if (argument == "--json")
            json = true;
        else if (argument == "--rounds" && i + 1 < argc)
            rounds = std::max(1, std::atoi(argv[++i]));
        else
            files.emplace_back(argument);
    }
    const std::vector<Photo> photos = photos_of(std::move(files));
    double megapixels = 0;
    double bytes = 0;
    int progressive = 0;
    std::map<int, int> scales;
    for (const Photo& photo : photos) {
        megapixels += photo.width * 1e-6 * photo.height;
        bytes += static_cast<double>(photo.bytes.size());
        progressive += photo.progressive ? 1 : 0;
        ++scales[photo.eighths];
    }
    const double count = static_cast<double>(photos.size());
    if (!json) {
        std::printf("%zu photographs, %.1f MP and %.0f KB on average, %d of them progressive; decoded at",
                    photos.size(), megapixels / count, bytes / 1000 / count, progressive);
        for (const auto& [eighths, uses] : scales) std::printf(" %d/8 (%d)", eighths, uses);
        std::printf("\n\n%-48s %9s %10s %10s\n", "one core", "ms each", "pictures/s", "yardstick");
    }

    pin_to(1);
    {
        TurboDecoder colour(TJPF_BGR);
        TurboDecoder grey(TJPF_GRAY);
        InProcess in_process;
        sandbox::Pool pool = pool_of(1);
        const Sandboxed plain(pool, {.exact = false, .dihedral = false});
        const Sandboxed turned(pool, {.exact = false, .dihedral = true});
        const Sandboxed exact(pool, {.exact = true, .dihedral = false});
        const std::pair<const char*, std::function<void(const Photo&)>> workloads[] = {
            {"yardstick: TurboJPEG, same scale, to BGR", std::ref(colour)},
            {"TurboJPEG, same scale, to grey", std::ref(grey)},
            {"in process", std::ref(in_process)},
            {"sandbox, without exact hashes", [&](const Photo& photo) { plain(photo); }},
            {"the same with the seven dihedral hashes", [&](const Photo& photo) { turned(photo); }},
            {"sandbox, with exact hashes", [&](const Photo& photo) { exact(photo); }},
        };
        constexpr std::size_t kWorkloads = std::size(workloads);
        std::vector<std::array<double, kWorkloads>> best(photos.size());
        for (auto& times : best) times.fill(1e9);
        for (int round = 0; round < rounds; ++round) {
            for (std::size_t p = 0; p < photos.size(); ++p) {
                for (std::size_t w = 0; w < kWorkloads; ++w) {
                    const auto start = Steady::now();
                    workloads[w].second(photos[p]);
                    best[p][w] = std::min(best[p][w], Millis(Steady::now() - start).count());
                }
            }
        }
        const auto rows_of = [&](const std::function<bool(const Photo&)>& which) {
            std::vector<Row> rows;
            for (std::size_t w = 0; w < kWorkloads; ++w) {
                Row row{workloads[w].first};
                double used = 0;
                for (std::size_t p = 0; p < photos.size(); ++p) {
                    if (!which(photos[p])) continue;
                    row.milliseconds += best[p][w];
                    used += 1;
                }
                row.milliseconds /= used;
                rows.push_back(row);
            }
            return rows;
        };
        auto rows = rows_of([](const Photo&) { return true; });
        const Row yardstick = rows.front();
        if (const double command = tjbench_milliseconds(photos); command > 0) {
            rows.insert(rows.begin() + 1, Row{"tjbench, the command (averages, not fastest)", command});
        }
        print_rows(rows, yardstick, json);
        if (progressive > 0 && progressive < static_cast<int>(photos.size()) && !json) {
            std::printf("\n%-48s\n", "one core, without the progressive ones");
            const auto baseline = rows_of([](const Photo& photo) { return !photo.progressive; });
            print_rows(baseline, baseline.front(), json);
        }

        // Stages: each from the round in which its photo was fastest.
        media::Stages sum;
        for (const Photo& photo : photos) {
            media::Stages fastest;
            double least = 1e9;
            for (int round = 0; round < rounds; ++round) {
                const auto start = Steady::now();
                media::Stages stages = plain(photo);
                const double took = Millis(Steady::now() - start).count();
                if (took >= least) continue;
                least = took;
                fastest = stages;
            }
            media::Stages hashed;
            hashed.exact = std::chrono::hours(1);
            for (int round = 0; round < rounds; ++round) {
                const media::Stages stages = exact(photo);
                if (stages.exact < hashed.exact) hashed = stages;
            }
            fastest.exact = hashed.exact;
            for (const auto stage : {&media::Stages::read, &media::Stages::exact, &media::Stages::handover,
                                     &media::Stages::decode, &media::Stages::filter, &media::Stages::dct}) {
                sum.*stage += fastest.*stage;
            }
        }
        const std::pair<const char*, std::chrono::nanoseconds> stages[] = {
            {"read", sum.read},     {"exact hashes", sum.exact}, {"hand-over", sum.handover},
            {"decode", sum.decode}, {"filter", sum.filter},      {"DCT, median, quality", sum.dct}};
        if (!json) std::printf("\n%-48s %9s\n", "stage, a picture", "ms");
        for (const auto& [name, time] : stages) {
            const double milliseconds = Millis(time).count() / count;
            if (json)
                std::printf("{\"bench\":\"pdq\",\"stage\":\"%s\",\"ms\":%.4f}\n", name, milliseconds);
            else
                std::printf("%-48s %9.4f\n", name, milliseconds);
        }
    }

    const int cores = std::min(2u, std::thread::hardware_concurrency()) == 2 ? 2 : 1;
    if (cores < 2) return 0;
    if (!json)
        std::printf("\n%-48s %9s %10s\n", "all photographs in one go, with exact hashes", "ms each",
                    "pictures/s");
    double one_core = 0;
    for (const int used : {1, 2}) {
        pin_to(used);
        sandbox::Pool pool = pool_of(static_cast<unsigned>(used));
        const Sandboxed exact(pool, {.exact = true, .dihedral = false});
        const double each =
            fastest_batch(photos, used, std::max(3, rounds / 3), [&](const Photo& photo) { exact(photo); });
        if (used == 1) one_core = each;
        if (json) {
            std::printf(
                "{\"bench\":\"pdq\",\"workload\":\"batch\",\"cores\":%d,\"ms\":%.3f,\"per_second\":%.1f,"
                "\"speed_up\":%.2f}\n",
                used, each, 1000 / each, one_core / each);
        } else {
            std::printf("%d %-46s %9.3f %10.1f   ×%.2f\n", used,
                        used == 1 ? "core, 1 thread" : "cores, 2 threads", each, 1000 / each,
                        one_core / each);
        }
    }
}
