// How fast near hashes are found, and what the index costs: random and clustered hashes at 1 and 10 million
// entries (--huge: 100 million as well), each beside a plain popcount scan in the same run.
//
//   match_bench [--json] [--huge] [--entries N] [--folder DIR]
//
// Queries per second are those of one thread by its own processor time (so that other work on the machine
// does not count), the best of five rounds, the yardstick's too; every answer of some is held against the
// scan's ("wrong" must be 0, and the program fails where it is not).
#include "base/fd.h"
#include "match/index/clustered_hashes.h"
#include "match/index/kernels.h"
#include "match/index/near_index.h"

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <string_view>
#include <tuple>

#include <fcntl.h>
#include <unistd.h>

namespace rushlight::match::index {
namespace {

constexpr int kDistance = 31;
constexpr int kRounds = 5;

double seconds_of(const auto& work) {
    const auto begin = std::chrono::steady_clock::now();
    work();
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
}

double thread_seconds() {
    timespec now{};
    ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) / 1e9;
}

#if defined(__x86_64__)
#define RL_POPCNT __attribute__((target("popcnt")))
#else
#define RL_POPCNT
#endif
// The yardstick: what anybody would write first.
RL_POPCNT void popcount_scan(const std::vector<Entry>& entries, const Pdq& query, std::vector<Hit>& hits) {
    std::uint64_t q[4];
    std::memcpy(q, query.value.data(), sizeof q);
    for (const auto& entry : entries) {
        std::uint64_t h[4];
        std::memcpy(h, entry.hash.value.data(), sizeof h);
        int bits = 0;
        for (int i = 0; i < 4; ++i) bits += __builtin_popcountll(h[i] ^ q[i]);
        if (bits <= kDistance) hits.push_back({entry.id, bits, entry.hash});
    }
}

struct Workload {
    const char* name;
    std::size_t entries;
    bool clustered;
};

struct Row {
    Workload workload;
    double build_seconds = 0;
    double bytes_per_entry = 0;
    double queries_per_second = 0;
    double p50_us = 0;
    double p99_us = 0;
    double candidates = 0;  // hashes compared in full, a query
    double hits = 0;
    double scan_per_second = 0;
    double add_us = 0;  // one entry: to its being matchable
    double add_worst_us = 0;
    double remove_us = 0;
    double save_seconds = 0;
    double load_cold_seconds = 0;  // the file's pages dropped from memory before
    double load_warm_seconds = 0;
    double mapped_per_second = 0;
    std::size_t checked = 0;
    std::size_t wrong = 0;
};

std::vector<Entry> make_entries(const Workload& workload, const std::vector<Pdq>& real) {
    std::vector<Entry> entries(workload.entries);
    SplitMix random{1};
    ClusteredHashes clustered(real, 1);
    for (std::size_t i = 0; i < entries.size(); ++i) {
        entries[i] = {workload.clustered ? clustered.next() : random_hash(random), i};
    }
    return entries;
}

// Random: half lie 0 to 40 bits from an entry, half are unrelated. Clustered: drawn as the entries were.
std::vector<Pdq> make_queries(const Workload& workload, const std::vector<Entry>& entries,
                              const std::vector<Pdq>& real) {
    const std::size_t count = workload.entries > 20'000'000 ? 1'000 : 4'000;
    SplitMix random{2};
    ClusteredHashes clustered(real, 3);
    std::vector<Pdq> queries(count);
    for (std::size_t i = 0; i < count; ++i) {
        if (workload.clustered) {
            queries[i] = clustered.next();
        } else if (i % 2 == 0) {
            queries[i] = flipped(entries[random.below(entries.size())].hash,
                                 static_cast<int>(random.below(41)), random);
        } else {
            queries[i] = random_hash(random);
        }
    }
    return queries;
}

double measure_searches(const NearIndex& index, const std::vector<Pdq>& queries, Row& row) {
    std::vector<Hit> hits;
    std::vector<double> times;
    double best = 0;
    for (int round = 0; round < kRounds; ++round) {
        std::uint64_t candidates = 0;
        std::uint64_t found = 0;
        std::vector<double> each;
        const double begin = thread_seconds();
        {
            for (const auto& query : queries) {
                SearchCost cost;
                each.push_back(seconds_of([&] {
                    hits.clear();
                    index.search(query, kDistance, hits, &cost);
                }));
                candidates += cost.candidates;
                found += hits.size();
            }
        }
        const double all = thread_seconds() - begin;
        const auto count = static_cast<double>(queries.size());
        if (count / all <= best) continue;
        best = count / all;
        times = std::move(each);
        row.candidates = static_cast<double>(candidates) / count;
        row.hits = static_cast<double>(found) / count;
    }
    std::sort(times.begin(), times.end());
    row.p50_us = times[times.size() / 2] * 1e6;
    row.p99_us = times[times.size() * 99 / 100] * 1e6;
    return best;
}

void measure_yardstick(const NearIndex& index, const std::vector<Entry>& entries,
                       const std::vector<Pdq>& queries, Row& row) {
    const auto before = [](const Hit& a, const Hit& b) {
        return std::tie(a.id, a.distance) < std::tie(b.id, b.distance);
    };
    const std::size_t count = std::min<std::size_t>(queries.size(), 60'000'000 / entries.size() + 10);
    double best = 1e9;
    for (std::size_t i = 0; i < count; ++i) {
        std::vector<Hit> expected;
        std::vector<Hit> got;
        const double begin = thread_seconds();
        popcount_scan(entries, queries[i], expected);
        best = std::min(best, thread_seconds() - begin);
        index.search(queries[i], kDistance, got);
        std::sort(expected.begin(), expected.end(), before);
        std::sort(got.begin(), got.end(), before);
        row.wrong += expected == got ? 0 : 1;
    }
    row.checked = count;
    row.scan_per_second = 1 / best;
}

void measure_changes(NearIndex& index, const std::vector<Entry>& entries, Row& row) {
    constexpr std::size_t kChanges = 2'000;
    SplitMix random{4};
    std::vector<Hit> hits;
    for (std::size_t i = 0; i < kChanges; ++i) {
        const Entry added{random_hash(random), entries.size() + i};
        const double took = seconds_of([&] { index.add({&added, 1}); });
        row.add_us += took * 1e6 / kChanges;
        row.add_worst_us = std::max(row.add_worst_us, took * 1e6);
        hits.clear();
        index.search(added.hash, 0, hits);
        row.wrong += hits.size() == 1 && hits[0].id == added.id ? 0 : 1;
    }
    for (std::size_t i = 0; i < kChanges; ++i) {
        const Entry& gone = entries[i * (entries.size() / kChanges)];
        row.remove_us += seconds_of([&] { index.remove({&gone, 1}); }) * 1e6 / kChanges;
    }
    row.wrong += index.size() == entries.size() ? 0 : 1;
}

void drop_from_memory(const std::string& path) {
    const Fd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
    ::posix_fadvise(fd.get(), 0, 0, POSIX_FADV_DONTNEED);
}

bool measure_snapshot(const NearIndex& index, const std::vector<Pdq>& queries, const std::string& folder,
                      Row& row) {
    const std::string path = folder + "/match_bench." + std::to_string(::getpid()) + ".idx";
    Status status;
    row.save_seconds = seconds_of([&] { status = index.save(path, 1); });
    for (double* took : {&row.load_cold_seconds, &row.load_warm_seconds}) {
        if (!status) break;
        NearIndex loaded;
        if (took == &row.load_cold_seconds) drop_from_memory(path);
        *took = seconds_of([&] { status = loaded.load(path, 1); });
        if (status && took == &row.load_warm_seconds) {
            Row ignored;
            row.mapped_per_second = measure_searches(loaded, queries, ignored);
            row.wrong += loaded.size() == index.size() ? 0 : 1;
        }
    }
    ::unlink(path.c_str());
    if (!status) std::fprintf(stderr, "match_bench: %s\n", status.error().message.c_str());
    return static_cast<bool>(status);
}

void print_json(const Row& row) {
    std::printf(
        "{\"bench\":\"near\",\"workload\":\"%s\",\"entries\":%zu,\"kernels\":\"%s\",\"distance\":%d,"
        "\"build_seconds\":%.3f,\"bytes_per_entry\":%.1f,\"megabytes\":%.1f,\"queries_per_second\":%.0f,"
        "\"p50_us\":%.1f,"
        "\"p99_us\":%.1f,\"candidates\":%.1f,\"hits\":%.2f,\"yardstick\":\"popcount scan\","
        "\"yardstick_per_second\":%.2f,\"ratio\":%.1f,\"add_us\":%.2f,\"add_worst_us\":%.1f,\"remove_us\":%."
        "2f,"
        "\"save_seconds\":%.3f,\"load_cold_seconds\":%.3f,\"load_warm_seconds\":%.3f,\"mapped_per_second\":%."
        "0f,"
        "\"checked\":%zu,\"wrong\":%zu}\n",
        row.workload.name, row.workload.entries, best_kernels().name, kDistance, row.build_seconds,
        row.bytes_per_entry, row.bytes_per_entry * static_cast<double>(row.workload.entries) / 1e6,
        row.queries_per_second, row.p50_us, row.p99_us, row.candidates, row.hits, row.scan_per_second,
        row.queries_per_second / row.scan_per_second, row.add_us, row.add_worst_us, row.remove_us,
        row.save_seconds, row.load_cold_seconds, row.load_warm_seconds, row.mapped_per_second, row.checked,
        row.wrong);
    std::fflush(stdout);
}

void print_head() {
    std::printf("%-10s %9s %9s %8s %8s %8s %9s %9s %7s %7s %8s %9s %7s %7s %7s %9s %6s\n", "near", "entries",
                "queries/s", "p50 us", "p99 us", "hits", "compared", "scan q/s", "ratio", "B/entry",
                "build s", "add us", "rem us", "save s", "load s", "mapped/s", "wrong");
}

void print_row(const Row& row) {
    std::printf(
        "%-10s %9zu %9.0f %8.1f %8.1f %8.2f %9.0f %9.1f %7.0f %7.1f %8.2f %9.2f %7.2f %7.2f %7.3f %9.0f "
        "%zu/%zu\n",
        row.workload.name, row.workload.entries, row.queries_per_second, row.p50_us, row.p99_us, row.hits,
        row.candidates, row.scan_per_second, row.queries_per_second / row.scan_per_second,
        row.bytes_per_entry, row.build_seconds, row.add_us, row.remove_us, row.save_seconds,
        row.load_cold_seconds, row.mapped_per_second, row.wrong, row.checked);
    std::fflush(stdout);
}

bool run(const Workload& workload, const std::vector<Pdq>& real, const std::string& folder, bool json) {
    Row row{workload};
    auto entries = make_entries(workload, real);
    const auto queries = make_queries(workload, entries, real);
    NearIndex index;
    auto copy = entries;
    row.build_seconds = seconds_of([&] { index.build(std::move(copy)); });
    row.bytes_per_entry = static_cast<double>(index.memory_bytes()) / static_cast<double>(workload.entries);
    row.queries_per_second = measure_searches(index, queries, row);
    measure_yardstick(index, entries, queries, row);
    const bool saved = measure_snapshot(index, queries, folder, row);
    measure_changes(index, entries, row);
    if (json) {
        print_json(row);
    } else {
        print_row(row);
    }
    return saved && row.wrong == 0;
}

int main_of(int argc, char** argv) {
    bool json = false;
    bool huge = false;
    std::size_t only = 0;
    std::string folder = "/tmp";
    for (int i = 1; i < argc; ++i) {
        const std::string_view word = argv[i];
        if (word == "--json") {
            json = true;
        } else if (word == "--huge") {
            huge = true;
        } else if (word == "--entries" && i + 1 < argc) {
            only = std::strtoull(argv[++i], nullptr, 10);
        } else if (word == "--folder" && i + 1 < argc) {
            folder = argv[++i];
        } else {
            std::fprintf(stderr, "match_bench [--json] [--huge] [--entries N] [--folder DIR]\n");
            return 2;
        }
    }
    const auto real =
        read_hashes(std::string(RUSHLIGHT_SOURCE_DIR) + "/match/index/testdata/pdq-haystack.txt");
    if (real.empty()) {
        std::fprintf(stderr, "match_bench: match/index/testdata/pdq-haystack.txt is missing\n");
        return 1;
    }
    std::vector<std::size_t> sizes{1'000'000, 10'000'000};
    if (huge) sizes.push_back(100'000'000);
    if (only != 0) sizes = {only};
    bool good = true;
    if (!json) print_head();
    for (const std::size_t size : sizes) {
        good &= run({"random", size, false}, real, folder, json);
        good &= run({"clustered", size, true}, real, folder, json);
    }
    if (!good) std::fprintf(stderr, "match_bench: wrong answers, or a snapshot that could not be made\n");
    return good ? 0 : 1;
}

}  // namespace
}  // namespace rushlight::match::index

int main(int argc, char** argv) { return rushlight::match::index::main_of(argc, argv); }
