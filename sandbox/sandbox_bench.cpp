// What the sandbox costs: a child's start, a round trip with a 200 KB memory file, a replacement. The
// yardstick in the same run is the same sum over the same memory file in this process.
#include "base/content.h"
#include "base/time.h"
#include "sandbox/child/testprograms/hostile.h"
#include "sandbox/sandbox.h"

#include <algorithm>
#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <string_view>
#include <thread>

#include <sys/mman.h>

namespace {

using namespace rushlight;
using Micros = std::chrono::duration<double, std::micro>;

bool json = false;

void report(const char* workload, std::vector<double> micros) {
    std::sort(micros.begin(), micros.end());
    const double least = micros.front();
    const double median = micros[micros.size() / 2];
    const double most = micros[micros.size() * 99 / 100];
    if (json) {
        std::printf(
            "{\"bench\":\"sandbox\",\"workload\":\"%s\",\"min_us\":%.1f,\"median_us\":%.1f,\"p99_us\":%.1f}"
            "\n",
            workload, least, median, most);
    } else {
        std::printf("%-44s %10.1f %10.1f %10.1f\n", workload, least, median, most);
    }
}

void measure(const char* workload, int times, const std::function<void()>& work) {
    std::vector<double> micros;
    for (int i = 0; i < times; ++i) {
        const auto begin = Steady::now();
        work();
        micros.push_back(Micros(Steady::now() - begin).count());
    }
    report(workload, std::move(micros));
}

[[noreturn]] void stop(const std::string& why) {
    std::fprintf(stderr, "sandbox_bench: %s\n", why.c_str());
    std::exit(1);
}

std::uint64_t sum_here(const Content& content) {
    void* const at = ::mmap(nullptr, content.size(), PROT_READ, MAP_SHARED, content.fd(), 0);
    if (at == MAP_FAILED) stop("cannot map");
    std::uint64_t total = 0;
    for (const std::byte b : Bytes(static_cast<const std::byte*>(at), content.size())) {
        total += std::to_integer<std::uint64_t>(b);
    }
    ::munmap(at, content.size());
    return total;
}

std::uint64_t sum_there(sandbox::Pool& pool, const Content& content) {
    auto job = pool.start("bench");
    if (!job) stop(job.error().message);
    const int fd = content.fd();
    if (auto sent = job->send(sandbox::hostile::kSum, {}, std::span(&fd, 1)); !sent)
        stop(sent.error().message);
    auto answer = job->receive();
    if (!answer) stop(answer.error().message);
    job->done();
    std::uint64_t total = 0;
    if (answer->body.size() == sizeof total) std::memcpy(&total, answer->body.data(), sizeof total);
    return total;
}

void echo(sandbox::Pool& pool) {
    auto job = pool.start("bench");
    if (!job || !job->send(sandbox::hostile::kEcho, {}) || !job->receive()) stop("no echo");
    job->done();
}

}  // namespace

int main(int argc, char** argv) {
    json = argc > 1 && std::string_view(argv[1]) == "--json";
    sandbox::Options options;
    options.program = RUSHLIGHT_BINARY_DIR "/sandbox_hostile";
    options.children = 1;
    options.limits.jobs = 1'000'000;

    const ByteVector photo(200 * 1024, std::byte{7});
    const auto content = Content::from_bytes(photo);
    if (!content) stop(content.error().message);

    if (!json)
        std::printf("%s\n%-44s %10s %10s %10s\n", options.use.describe().c_str(), "", "min us", "median",
                    "p99");

    measure("start to first answer (cold pool)", 50, [&] {
        auto pool = sandbox::Pool::create(options);
        if (!pool) stop(pool.error().message);
        echo(*pool);
    });

    const auto layers = [&](const char* workload, bool seccomp, bool landlock, bool user_namespace) {
        auto fewer = options;
        fewer.use.seccomp = fewer.use.seccomp && seccomp;
        fewer.use.landlock_abi = landlock ? fewer.use.landlock_abi : 0;
        fewer.use.user_namespaces = fewer.use.user_namespaces && user_namespace;
        fewer.allow_weak = true;
        measure(workload, 50, [&] {
            auto pool = sandbox::Pool::create(fewer);
            if (!pool) stop(pool.error().message);
            echo(*pool);
        });
    };
    layers("  ... without user namespace", true, true, false);
    layers("  ... without landlock", true, false, true);
    layers("  ... without seccomp (so with a net namespace)", false, true, true);
    layers("  ... without any layer", false, false, false);

    const std::uint64_t expected = sum_here(*content);
    measure("sum of 200 KB in this process (yardstick)", 3000, [&] {
        if (sum_here(*content) != expected) stop("wrong sum");
    });
    {
        auto pool = sandbox::Pool::create(options);
        if (!pool) stop(pool.error().message);
        measure("empty round trip", 3000, [&] { echo(*pool); });
        measure("sum of 200 KB in a child", 3000, [&] {
            if (sum_there(*pool, *content) != expected) stop("wrong sum");
        });
        measure("memory file of 200 KB made, summed in a child", 2000, [&] {
            const auto made = Content::from_bytes(photo);
            if (!made || sum_there(*pool, *made) != expected) stop("wrong sum");
        });
    }
    options.limits.jobs = 1;
    {
        auto pool = sandbox::Pool::create(options);
        if (!pool) stop(pool.error().message);
        measure("sum, a new child each time", 200, [&] {
            if (sum_there(*pool, *content) != expected) stop("wrong sum");
        });
    }
    options.limits.jobs = 32;
    {
        auto pool = sandbox::Pool::create(options);
        if (!pool) stop(pool.error().message);
        measure("sum, a new child every 32 jobs", 3200, [&] {
            if (sum_there(*pool, *content) != expected) stop("wrong sum");
        });
    }
    // More threads than children, as in a scan that also reads archives: children are kept, not churned.
    options.children = 2;
    auto pool = sandbox::Pool::create(options);
    if (!pool) stop(pool.error().message);
    std::atomic<bool> right = true;
    measure("1600 sums by 8 threads on 2 children", 3, [&] {
        std::vector<std::jthread> threads;
        for (int t = 0; t < 8; ++t) {
            threads.emplace_back([&] {
                for (int i = 0; i < 200; ++i) {
                    if (sum_there(*pool, *content) != expected) right = false;
                }
            });
        }
    });
    if (!right) stop("wrong sum");
    const auto counts = pool->counts();
    if (!json)
        std::printf("%llu children for %llu jobs\n", static_cast<unsigned long long>(counts.started),
                    static_cast<unsigned long long>(counts.jobs));
}
