// What going through an archive costs, each member handed over by a sandboxed child. Beside each the
// yardstick in the same run: libarchive in this process, or for a WARC.gz only inflating it as `gzip -t`
// does.
//
//   archive_bench [--json] [--rounds N]
//
// The workloads take turns with their yardsticks, and each counts with its fastest round. Both must give the
// same members and bytes (a WARC's inflating gives its headers too).
#include "archive/archive.h"
#include "archive/unpack/samples.h"
#include "base/time.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <random>
#include <string>
#include <string_view>
#include <vector>

namespace {

using namespace rushlight;
namespace samples = archive::unpack::samples;
using Millis = std::chrono::duration<double, std::milli>;

[[noreturn]] void stop(const std::string& why) {
    std::fprintf(stderr, "archive_bench: %s\n", why.c_str());
    std::exit(1);
}

struct Count {
    std::uint64_t members = 0;
    std::uint64_t bytes = 0;
};

// As pictures are: nothing to press out of it.
std::string noise(std::size_t size, std::mt19937_64& random) {
    std::string out(size, '\0');
    for (char& c : out) c = static_cast<char>(random());
    return out;
}

// Half its size when packed.
std::string text(std::size_t size, std::mt19937_64& random) {
    std::string out(size, '\0');
    for (char& c : out) c = "0123456789abcdef"[random() % 16];
    return out;
}

std::vector<samples::File> files(std::size_t count, std::size_t size,
                                 std::string (*make)(std::size_t, std::mt19937_64&)) {
    std::mt19937_64 random(count);
    std::vector<samples::File> out;
    for (std::size_t i = 0; i < count; ++i)
        out.push_back({"folder/file-" + std::to_string(i), make(size, random), ""});
    return out;
}

std::string warc_gz(std::size_t count, std::size_t size) {
    std::mt19937_64 random(count);
    std::string out;
    for (std::size_t i = 0; i < count; ++i) {
        const std::string uri = "http://site.example/" + std::to_string(i);
        const std::string body = i % 2 == 0 ? noise(size, random) : text(size, random);
        out += samples::gzip(samples::record("response", uri, samples::http(body)));
    }
    return out;
}

Count through_the_sandbox(sandbox::Pool& pool, const Content& content) {
    archive::Budget budget;
    auto reader = archive::Reader::open(pool, content, budget, "bench");
    if (!reader) stop(reader.error().message);
    Count count;
    while (true) {
        const auto member = reader->next();
        if (!member) stop(member.error().message);
        if (!*member) return count;
        if ((*member)->problem) stop((*member)->problem->message);
        ++count.members;
        count.bytes += (*member)->content->size();
    }
}

Count libarchive_here(const std::string& packed) {
    archive::unpack::prepare_names();
    struct archive* const a = ::archive_read_new();
    ::archive_read_support_filter_all(a);
    ::archive_read_support_format_all(a);
    if (::archive_read_open_memory(a, packed.data(), packed.size()) != ARCHIVE_OK)
        stop(::archive_error_string(a));
    Count count;
    struct archive_entry* entry = nullptr;
    while (::archive_read_next_header(a, &entry) == ARCHIVE_OK) {
        ++count.members;
        const void* data = nullptr;
        std::size_t size = 0;
        la_int64_t at = 0;
        while (::archive_read_data_block(a, &data, &size, &at) == ARCHIVE_OK) count.bytes += size;
    }
    ::archive_read_free(a);
    return count;
}

Count inflate_here(const std::string& packed) {
    std::string out(256 * 1024, '\0');
    z_stream z{};
    if (::inflateInit2(&z, 15 + 16) != Z_OK) stop("no memory");
    z.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(packed.data()));
    z.avail_in = static_cast<uInt>(packed.size());
    Count count;
    while (z.avail_in != 0) {
        z.next_out = reinterpret_cast<Bytef*>(out.data());
        z.avail_out = static_cast<uInt>(out.size());
        const int result = ::inflate(&z, Z_NO_FLUSH);
        if (result != Z_OK && result != Z_STREAM_END) stop("the sample does not inflate");
        count.bytes += out.size() - z.avail_out;
        if (result == Z_STREAM_END) {
            ++count.members;
            ::inflateReset(&z);
        }
    }
    ::inflateEnd(&z);
    return count;
}

double milliseconds(const std::function<Count()>& work, Count& count) {
    const auto start = Steady::now();
    count = work();
    return Millis(Steady::now() - start).count();
}

}  // namespace

int main(int argc, char** argv) {
    bool json = false;
    int rounds = 5;
    for (int i = 1; i < argc; ++i) {
        const std::string_view argument = argv[i];
        if (argument == "--json") json = true;
        if (argument == "--rounds" && i + 1 < argc) rounds = std::max(1, std::atoi(argv[++i]));
    }
    sandbox::Options options;
    options.program = RUSHLIGHT_BINARY_DIR "/unpack_child";
    options.children = 1;
    auto pool = sandbox::Pool::create(options);
    if (!pool) stop(pool.error().message);

    struct Workload {
        const char* name;
        std::string packed;
        bool web;
    };
    const Workload workloads[] = {
        {"zip, 20000 members of 2 KB", samples::pack(files(20'000, 2000, text), "zip"), false},
        {"zip, 200 stored members of 500 KB",
         samples::pack(files(200, 500'000, noise), "zip", "", "zip:compression=store"), false},
        {"tar, 20000 members of 2 KB", samples::pack(files(20'000, 2000, text), "pax"), false},
        {"tar.gz, 5000 members of 10 KB", samples::pack(files(5000, 10'000, text), "pax", "gzip"), false},
        {"7z, 1000 members of 10 KB", samples::pack(files(1000, 10'000, text), "7zip"), false},
        {"WARC.gz, 5000 records of 15 KB", warc_gz(5000, 15'000), true},
        {"WARC.gz, 300 records of 300 KB", warc_gz(300, 300'000), true},
    };
    if (!json)
        std::printf("%-36s %9s %11s %8s %14s %10s %10s\n", "one child", "ms", "members/s", "MB/s",
                    "yardstick ms", "yardstick", "ratio");
    for (const Workload& workload : workloads) {
        const auto content = Content::from_bytes(bytes_of(workload.packed));
        if (!content) stop(content.error().message);
        Count ours;
        Count theirs;
        double our_best = 1e9;
        double their_best = 1e9;
        for (int round = 0; round < rounds; ++round) {
            our_best =
                std::min(our_best, milliseconds([&] { return through_the_sandbox(*pool, *content); }, ours));
            their_best = std::min(their_best, milliseconds(
                                                  [&] {
                                                      return workload.web ? inflate_here(workload.packed)
                                                                          : libarchive_here(workload.packed);
                                                  },
                                                  theirs));
        }
        if (ours.members != theirs.members || (!workload.web && ours.bytes != theirs.bytes))
            stop(std::string(workload.name) + ": the yardstick gives something else");
        const double per_second = static_cast<double>(ours.members) / our_best * 1000;
        const double megabytes = static_cast<double>(ours.bytes) / our_best / 1000;
        const char* const yardstick = workload.web ? "inflate" : "libarchive";
        if (json) {
            std::printf(
                "{\"bench\":\"archive\",\"workload\":\"%s\",\"ms\":%.2f,\"members_per_second\":%.0f,"
                "\"mb_per_second\":%.1f,\"yardstick\":\"%s\",\"yardstick_ms\":%.2f,\"of_yardstick\":%.3f}\n",
                workload.name, our_best, per_second, megabytes, yardstick, their_best, their_best / our_best);
        } else {
            std::printf("%-36s %9.1f %11.0f %8.0f %14.1f %10s %9.0f%%\n", workload.name, our_best, per_second,
                        megabytes, their_best, yardstick, 100 * their_best / our_best);
        }
    }
    return 0;
}
