// What lists cost: importing many entries, getting ready, asking. Beside each a yardstick from the same run.
//
//   lists_bench [--entries N] [--json]        N: 1,000,000 unless said; half SHA-256, half PDQ
#include "base/fd.h"
#include "match/matcher.h"
#include "store/store.h"

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <random>
#include <string>
#include <unordered_set>

#include <fcntl.h>
#include <sys/resource.h>
#include <unistd.h>

namespace {

using namespace rushlight;
using namespace rushlight::match;

double seconds_since(Steady::time_point start) {
    return std::chrono::duration<double>(Steady::now() - start).count();
}

// Of all threads: on a machine that is shared, what is needed, where the clock says what one got.
double cpu_seconds() {
    struct rusage usage{};
    ::getrusage(RUSAGE_SELF, &usage);
    const auto seconds = [](const timeval& t) {
        return static_cast<double>(t.tv_sec) + 1e-6 * static_cast<double>(t.tv_usec);
    };
    return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

[[noreturn]] void stop(const std::string& why) {
    std::fprintf(stderr, "lists_bench: %s\n", why.c_str());
    std::exit(1);
}
template <class T>
T must(Result<T> result) {
    if (!result) stop(result.error().message);
    return std::move(*result);
}

class Table {
  public:
    explicit Table(bool json) : json_(json) {
        if (!json) std::printf("%-34s %12s  %-12s %s\n", "workload", "value", "unit", "beside it");
    }
    void row(const char* name, double value, const char* unit, const std::string& beside = {}) const {
        if (json_) {
            std::printf(
                "{\"bench\":\"lists\",\"workload\":\"%s\",\"value\":%.6g,\"unit\":\"%s\",\"note\":\"%s\"}\n",
                name, value, unit, beside.c_str());
        } else {
            std::printf("%-34s %12.6g  %-12s %s\n", name, value, unit, beside.c_str());
        }
        std::fflush(stdout);
    }

  private:
    bool json_;
};

template <class Hash>
Hash next(std::mt19937_64& random) {
    Hash hash;
    for (std::size_t i = 0; i < Hash::kBytes; i += 8) {
        const std::uint64_t word = random();
        std::memcpy(hash.value.data() + i, &word, 8);
    }
    return hash;
}

void write_list(const std::string& path, const char* name, std::uint64_t seed, std::size_t count) {
    std::ofstream file(path);
    file << name << "\n";
    std::mt19937_64 random(seed);
    for (std::size_t i = 0; i < count; ++i) file << next<Sha256>(random).hex() << "\n";
    if (!file.flush()) stop("cannot write " + path);
}

std::size_t resident_bytes() {
    std::ifstream file("/proc/self/statm");
    std::size_t pages = 0;
    file >> pages >> pages;
    return pages * static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
}

void run(std::size_t entries, bool json) {
    std::string folder = "/tmp/rushlight-lists-bench-XXXXXX";
    if (::mkdtemp(folder.data()) == nullptr) stop("cannot make a folder in /tmp");
    struct Cleaner {
        std::string path;
        ~Cleaner() {
            std::error_code ignored;
            std::filesystem::remove_all(path, ignored);
        }
    } const cleaner{folder};
    const Table table(json);
    const std::size_t half = entries / 2;
    write_list(folder + "/sha256.csv", "sha256", 1, half);
    write_list(folder + "/pdq.csv", "pdq", 2, half);

    // The yardstick of reading: the same bytes, their lines counted.
    auto start = Steady::now();
    std::size_t lines = 0;
    for (const char* name : {"/sha256.csv", "/pdq.csv"}) {
        std::ifstream file(folder + name);
        for (std::string line; std::getline(file, line);) ++lines;
    }
    table.row("getline over the files", seconds_since(start), "s", std::to_string(lines) + " lines");

    auto store = must(store::Store::open({.where = folder + "/data", .schemas = {schema()}}));
    auto lists = must(Lists::open(store, folder + "/data"));
    double import_seconds = 0;
    const double cpu_before = cpu_seconds();
    for (const char* name : {"sha256", "pdq"}) {
        start = Steady::now();
        const Fd file(::open((folder + "/" + name + ".csv").c_str(), O_RDONLY));
        const auto report = must(lists->import(name, file.get(), {}));
        if (report.added != half) stop("an import lost entries");
        import_seconds += seconds_since(start);
    }
    table.row("import", import_seconds, "s", std::to_string(entries) + " entries");
    table.row("import, processor time", cpu_seconds() - cpu_before, "s");
    start = Steady::now();
    {
        const Fd file(::open((folder + "/sha256.csv").c_str(), O_RDONLY));
        if (must(lists->import("sha256", file.get(), {})).added != 0) stop("an import added twice");
    }
    table.row("import again, all duplicates", seconds_since(start), "s", std::to_string(half) + " entries");

    Sources sources;
    sources.all_stored = true;
    start = Steady::now();
    {
        const auto first = must(Matcher::open(lists.get(), sources));
    }
    table.row("ready from the store, saved", seconds_since(start), "s");
    const std::size_t before = resident_bytes();
    start = Steady::now();
    const auto matcher = must(Matcher::open(lists.get(), sources));
    table.row("ready from the snapshot", seconds_since(start), "s", std::string(matcher->origin()));
    table.row("tables", static_cast<double>(matcher->memory_bytes()) / static_cast<double>(entries),
              "bytes/entry");
    table.row("resident growth",
              static_cast<double>(resident_bytes() - before) / static_cast<double>(entries), "bytes/entry",
              "mapped pages, shared with other processes");

    // Exact look-ups, found and not, beside a std::unordered_set of the same hashes.
    const std::size_t kAsked = std::min<std::size_t>(half, 1'000'000);
    std::vector<Sha256> asked;
    std::mt19937_64 random(1);
    for (std::size_t i = 0; i < kAsked; ++i) asked.push_back(next<Sha256>(random));
    for (std::size_t i = 0; i < kAsked; i += 2) asked[i] = next<Sha256>(random);
    std::unordered_set<Sha256> set;
    set.reserve(half);
    std::mt19937_64 again(1);
    for (std::size_t i = 0; i < half; ++i) set.insert(next<Sha256>(again));
    std::size_t found_set = 0;
    start = Steady::now();
    for (const auto& hash : asked) found_set += set.count(hash);
    const double set_rate = static_cast<double>(kAsked) / seconds_since(start);
    std::size_t found = 0;
    start = Steady::now();
    for (const auto& hash : asked) {
        Query query;
        query.sha256 = hash;
        const auto answer = matcher->match(query);
        found += answer && answer->decision == Decision::exact ? 1 : 0;
    }
    const double rate = static_cast<double>(kAsked) / seconds_since(start);
    if (half >= 2'000'000 && found < kAsked / 2) stop("look-ups lost entries");
    if (found < found_set) stop("look-ups lost entries");
    table.row("exact queries, half found", rate, "/s",
              "unordered_set: " + std::to_string(static_cast<long>(set_rate)) + "/s");

    std::mt19937_64 pictures(2);
    const int kPictures = 20'000;
    int near = 0;
    start = Steady::now();
    for (int i = 0; i < kPictures; ++i) {
        Query query;
        query.pdq = next<Pdq>(pictures);
        query.pdq->value[static_cast<std::size_t>(i) % 32] ^= std::byte{7};
        const auto answer = matcher->match(query);
        near += answer && answer->decision == Decision::near ? 1 : 0;
    }
    if (near != kPictures) stop("near queries lost entries");
    table.row("near queries, all found", kPictures / seconds_since(start), "/s", "distance 3");

    // One entry, until it can be matched.
    double worst = 0;
    double sum = 0;
    const int kAdds = 200;
    for (int i = 0; i < kAdds; ++i) {
        const Value value = Value::of(next<Pdq>(pictures));
        start = Steady::now();
        must(lists->add("pdq", {&value, 1}, "bench"));
        const double taken = seconds_since(start);
        if (matcher->match(query_of(value))->decision != Decision::near)
            stop("an added entry can't be matched");
        worst = std::max(worst, taken);
        sum += taken;
    }
    table.row("add, until matchable, mean", 1000 * sum / kAdds, "ms", "with its fsync");
    table.row("add, until matchable, worst", 1000 * worst, "ms");
}

}  // namespace

int main(int argc, char** argv) {
    std::size_t entries = 1'000'000;
    bool json = false;
    for (int i = 1; i < argc; ++i) {
        if (std::strcmp(argv[i], "--json") == 0) {
            json = true;
        } else if (std::strcmp(argv[i], "--entries") == 0 && i + 1 < argc) {
            entries = std::strtoull(argv[++i], nullptr, 10);
        } else {
            std::fprintf(stderr, "usage: lists_bench [--entries N] [--json]\n");
            return 2;
        }
    }
    run(std::max<std::size_t>(entries, 1000), json);
    return 0;
}
