// Small answers and uploads on one core, nginx serving a file of the answer's size beside them in the same
// run.
//
//   http_bench [--json] [--seconds N] [--requests N]
//
// The server has core 0, the load generator core 1; 64 connections, kept alive, no pipelining. `rate/s` is
// what the clients saw; `rate/cpu-s` is per second of the server's processor time, which other work on the
// machine changes little. Rounds of each alternate, and the median counts. `ratio` is of rate/s, `cpu ratio`
// of rate/cpu-s, to nginx.
// --requests N asks N times more after 100,000 and says how the memory grew (1,000,000 is the budget's).
#include "http/http.h"
#include "http/testing/load.h"
#include "http/testing/nginx.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <stdexcept>
#include <thread>

#include <unistd.h>

namespace rushlight::http {
namespace {

constexpr int kServerCore = 0;
constexpr int kLoadCore = 1;
constexpr int kRounds = 3;
const std::string kAnswer = R"({"results":[{"hash":")" + std::string(64, 'f') +
                            R"(","decision":"none","matches":[],)" +
                            R"("suppressed":[],"action":"allow","error":null}]})";

struct Sample {
    double rate = 0, per_cpu = 0, p50 = 0, p99 = 0;
};

testing::Measured measure(testing::Load load) {
    for (int tries = 0;; ++tries) {
        auto measured = testing::run(load);
        if (measured && measured->answers > 0) {
            if (measured->others + measured->broken > 0)
                std::fprintf(stderr, "http_bench: %llu answers of another status, %llu broken connections\n",
                             static_cast<unsigned long long>(measured->others),
                             static_cast<unsigned long long>(measured->broken));
            return std::move(*measured);
        }
        if (tries == 100) throw std::runtime_error(measured ? "no answers" : measured.error().message);
        std::this_thread::sleep_for(std::chrono::milliseconds(20));  // nginx is starting
    }
}

Sample sample_of(const testing::Measured& measured, double server_cpu) {
    return {.rate = measured.rate(),
            .per_cpu = server_cpu > 0 ? static_cast<double>(measured.answers) / server_cpu : 0,
            .p50 = measured.percentile(0.5),
            .p99 = measured.percentile(0.99)};
}

Sample median(std::vector<Sample> samples) {
    const auto of = [&](auto member) {
        std::vector<double> values;
        for (const auto& sample : samples) values.push_back(sample.*member);
        std::sort(values.begin(), values.end());
        return values[values.size() / 2];
    };
    return {of(&Sample::rate), of(&Sample::per_cpu), of(&Sample::p50), of(&Sample::p99)};
}

double resident_mb() {
    std::ifstream file("/proc/self/statm");
    double total = 0;
    double resident = 0;
    file >> total >> resident;
    return resident * static_cast<double>(sysconf(_SC_PAGESIZE)) / 1e6;
}

Plan serve(const RequestHead& head) {
    struct Counted final : BodySink {
        std::uint64_t bytes = 0;
        Status take(Bytes piece) override {
            bytes += piece.size();
            return {};
        }
        Status finish() override { return {}; }
    };
    const auto answer = [](Request&, Responder responder) { responder.send(Response::json(200, kAnswer)); };
    if (head.path == "/worker") return Plan::worker(answer);
    if (head.path == "/upload") return Plan::streamed(std::make_shared<Counted>(), 10'000'000, answer);
    return Plan::inline_(answer, 100'000);
}

std::string request(std::string_view line, std::size_t body = 0) {
    std::string text(line);
    text += " HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer rl_0123456789abcdef0123456789abcdef\r\n";
    if (body > 0)
        text += "Content-Type: application/json\r\nContent-Length: " + std::to_string(body) + "\r\n";
    return text + "\r\n" + std::string(body, 'x');
}

void row(bool json, const std::string& workload, const Sample& sample, const Sample* yardstick) {
    const double ratio = yardstick ? sample.rate / yardstick->rate : 0;
    const double cpu_ratio = yardstick ? sample.per_cpu / yardstick->per_cpu : 0;
    if (json) {
        std::printf(
            R"({"bench":"http","workload":"%s","rate":%.0f,"per_cpu_second":%.0f,"p50_us":%.0f,"p99_us":%.0f)",
            workload.c_str(), sample.rate, sample.per_cpu, sample.p50, sample.p99);
        if (yardstick) std::printf(R"(,"yardstick":"nginx","ratio":%.3f,"cpu_ratio":%.3f)", ratio, cpu_ratio);
        std::printf("}\n");
    } else if (yardstick) {
        std::printf("%-40s %10.0f %12.0f %8.0f %8.0f %7.2f %10.2f\n", workload.c_str(), sample.rate,
                    sample.per_cpu, sample.p50, sample.p99, ratio, cpu_ratio);
    } else {
        std::printf("%-40s %10.0f %12.0f %8.0f %8.0f\n", workload.c_str(), sample.rate, sample.per_cpu,
                    sample.p50, sample.p99);
    }
    std::fflush(stdout);
}

int bench(bool json, double seconds, std::uint64_t requests) {
    const testing::Nginx nginx(kAnswer, kServerCore);
    testing::pin_to_core(kServerCore);
    auto server = Server::start({.listen = "127.0.0.1:0", .workers = 1}, serve);
    if (!server) throw std::runtime_error(server.error().message);
    testing::pin_to_core(kLoadCore);

    struct Workload {
        std::string name, bytes;
        bool of_nginx = false;
        std::vector<Sample> samples{};
    };
    std::vector<Workload> workloads{
        {"nginx, a file of " + std::to_string(kAnswer.size()) + " bytes", request("GET /answer.json"), true},
        {"GET, answered inline", request("GET /inline")},
        {"POST of 1 KB, answered inline", request("POST /inline", 1'000)},
        {"GET, answered by a worker", request("GET /worker")},
        {"POST of 500 KB, streamed to a sink", request("POST /upload", 500'000)},
    };
    for (int round = 0; round < kRounds; ++round) {
        for (auto& workload : workloads) {
            testing::Load load{.port = workload.of_nginx ? nginx.port() : server->port(),
                               .duration = std::chrono::milliseconds(static_cast<int>(seconds * 1000)),
                               .request = [&](std::uint64_t) { return std::string_view(workload.bytes); }};
            if (round == 0) {
                auto warm = load;
                warm.duration = std::chrono::milliseconds(200);
                measure(warm);
            }
            const double nginx_before = nginx.cpu_seconds();
            const double before = testing::process_cpu_seconds() - testing::thread_cpu_seconds();
            const auto measured = measure(load);
            const double ours = testing::process_cpu_seconds() - testing::thread_cpu_seconds() - before;
            workload.samples.push_back(
                sample_of(measured, workload.of_nginx ? nginx.cpu_seconds() - nginx_before : ours));
        }
    }
    if (!json)
        std::printf("%-40s %10s %12s %8s %8s %7s %10s\n", "workload", "rate/s", "rate/cpu-s", "p50 us",
                    "p99 us", "ratio", "cpu ratio");
    const Sample yardstick = median(workloads.front().samples);
    for (const auto& workload : workloads)
        row(json, workload.name, median(workload.samples), workload.of_nginx ? nullptr : &yardstick);

    if (requests > 0) {
        const std::string get = request("GET /inline");
        const std::string post = request("POST /worker", 0);
        testing::Load load{
            .port = server->port(),
            .duration = std::chrono::hours(1),
            .most = 100'000,
            .request = [&](std::uint64_t n) { return std::string_view(n % 4 == 0 ? post : get); }};
        measure(load);
        const double before = resident_mb();
        load.most = requests;
        measure(load);
        const double after = resident_mb();
        if (json)
            std::printf(
                R"({"bench":"http","workload":"memory","requests":%llu,"before_mb":%.1f,"after_mb":%.1f})"
                "\n",
                static_cast<unsigned long long>(requests), before, after);
        else
            std::printf("\nmemory: %.1f MB after 100,000 requests, %.1f MB after %llu more (%+.1f %%)\n",
                        before, after, static_cast<unsigned long long>(requests), (after / before - 1) * 100);
    }
    return 0;
}

}  // namespace
}  // namespace rushlight::http

int main(int argc, char** argv) {
    bool json = false;
    double seconds = 1;
    unsigned long long requests = 0;
    for (int i = 1; i < argc; ++i) {
        const std::string_view option = argv[i];
        if (option == "--json")
            json = true;
        else if (option == "--seconds" && i + 1 < argc)
            seconds = std::strtod(argv[++i], nullptr);
        else if (option == "--requests" && i + 1 < argc)
            requests = std::strtoull(argv[++i], nullptr, 10);
        else {
            std::fprintf(stderr, "usage: http_bench [--json] [--seconds N] [--requests N]\n");
            return 2;
        }
    }
    try {
        return rushlight::http::bench(json, seconds > 0 ? seconds : 1, requests);
    } catch (const std::exception& error) {
        std::fprintf(stderr, "http_bench: %s\n", error.what());
        return 1;
    }
}
