// Checks over HTTP on one core: hashes, batches, files, latency, memory, start; nginx beside them.
//
//   serve_bench [--json] [--entries N] [--keep FOLDER] [--seconds S] [--requests N]
//
// A real `rushlight serve` has core 0, the load generator core 1; connections are kept alive, with a key, and
// not pipelined. Its lists hold N random PDQ hashes (10,000,000) and N/10 random SHA-256; --keep FOLDER keeps
// them for the next run. `rate/s` is what the clients saw; `rate/cpu-s` is per second of processor time of
// the server and its children, which other work on the machine changes less. Rounds of each alternate, and
// the median counts.
// Single checks are held against nginx serving a file of the answer's size; batches and files against the
// doors that the service calls, asked in this process on core 0 with the same lists, hashes and files. `of`
// and `cpu of` are the shares of their rates.
// At half the rate that was reached requests are due at a steady pace, and a latency counts from then.
// --requests N: how the memory grows over N requests (300,000; the budget's number is 1,000,000) after
// 100,000.
#include "app/testing/bench_doors.h"
#include "app/testing/bench_table.h"
#include "app/testing/cost.h"
#include "app/testing/known_lists.h"
#include "app/testing/program.h"
#include "app/testing/served.h"
#include "base/content.h"
#include "http/testing/load.h"
#include "http/testing/nginx.h"

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <stdexcept>

namespace rushlight::app {
namespace {

using namespace testing;
using http::testing::Load;
using http::testing::Measured;
using http::testing::pin_to_core;

constexpr int kRounds = 3;
constexpr int kBatch = 1000;
constexpr int kTogether = 4;  // batches or files under way at once; the doors are asked by as many threads
constexpr std::uint64_t kWarmUp = 100'000;
const std::vector<std::string> kPhotographs{"LadyBird.jpg", "Wood.jpg", "Storm.jpg"};  // 524 KB on average

struct Asked {
    bool json = false;
    std::uint64_t entries = 10'000'000;
    std::string keep;
    double seconds = 3;
    std::uint64_t requests = 300'000;
};

double seconds_since(Steady::time_point start) {
    return std::chrono::duration<double>(Steady::now() - start).count();
}

template <class T>
T must(Result<T> result) {
    if (!result) throw std::runtime_error(result.error().message);
    return std::move(*result);
}

Sample round_of(const Workload& workload) {
    try {
        return workload.round();
    } catch (const std::exception& error) {
        throw std::runtime_error(workload.name + ": " + error.what());
    }
}

// --- requests

std::string post(const std::string& path, const std::string& key, const std::string& type,
                 const std::string& body) {
    return "POST " + path + " HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer " + key +
           "\r\nContent-Type: " + type + "\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" +
           body;
}

// The n-th request for one hash, made in place.
class HashRequest {
  public:
    HashRequest(const std::string& key, const std::string& before, const std::string& after)
        : text_(post("/api/v1/check/hash", key, "application/json", before + std::string(64, '0') + after)),
          at_(text_.size() - after.size() - 64) {}
    template <class Hash>
    std::string_view of(const Hash& hash) {
        text_.replace(at_, 64, hash.hex());
        return text_;
    }

  private:
    std::string text_;
    std::size_t at_;
};

std::string batch_body(std::uint64_t first) {
    std::string body = R"({"hashes":[)";
    for (int i = 0; i < kBatch; ++i) {
        if (i > 0) body += ',';
        body += '"' + hash_number<Pdq>(first + static_cast<std::uint64_t>(i)).hex() + '"';
    }
    return body + "]}";
}

std::string form_of(const std::string& file) {
    return "--a-photograph\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a.jpg\"\r\n\r\n" +
           file + "\r\n--a-photograph--\r\n";
}

// --- the service under load

struct Service {
    std::uint16_t port = 0;
    pid_t pid = 0;
    std::string key;
};

Measured measure(const Load& load) {
    auto measured = must(http::testing::run(load));
    if (measured.answers == 0 || measured.others + measured.broken > 0)
        throw std::runtime_error(std::to_string(measured.answers) + " good answers, " +
                                 std::to_string(measured.others) + " of another status, " +
                                 std::to_string(measured.broken) + " broken connections");
    return measured;
}

Sample sample_of(const Measured& measured, double cpu, double each = 1) {
    return {.rate = each * measured.rate(),
            .per_cpu = cpu > 0 ? each * static_cast<double>(measured.answers) / cpu : 0,
            .p50 = measured.percentile(0.5),
            .p99 = measured.percentile(0.99)};
}

Sample ask(const Service& service, const Load& load, double each = 1) {
    const double before = cpu_seconds(service.pid);
    const Measured measured = measure(load);
    return sample_of(measured, cpu_seconds(service.pid) - before, each);
}

// --- the run

std::vector<std::string> photographs() {
    std::vector<std::string> files;
    for (const std::string& name : kPhotographs) {
        files.push_back(read_file("/usr/share/backgrounds/mate/nature/" + name));
        if (files.back().empty())
            throw std::runtime_error("no photographs: install Debian's mate-backgrounds");
    }
    return files;
}

std::string make_key(const std::string& data) {
    const Ran ran = run({"key", "create", "bench", "--scope", "check", "--json", "--data", data});
    if (ran.status != 0) throw std::runtime_error("no key: " + ran.err);
    return ran.lines().at(0).at("key").get<std::string>();
}

// The answers, before it is measured how fast they come.
std::string answer_to_unknown(const Served& served, const Service& service) {
    const Headers headers{{"Authorization", "Bearer " + service.key}};
    const auto decision = [&](const std::string& hash) {
        const Answer answer =
            served.ask("POST", "/api/v1/check/hash", headers, json{{"hashes", json::array({hash})}});
        if (answer.status != 200) throw std::runtime_error("no answer: " + answer.text);
        return std::pair(answer.body.at("results").at(0).at("decision").get<std::string>(), answer.text);
    };
    Pdq near = hash_number<Pdq>(7);
    near.value[3] ^= std::byte{0x55};
    if (decision(near.hex()).first != "near" ||
        decision(hash_number<Sha256>(kSha256 + 7).hex()).first != "exact")
        throw std::runtime_error("what is known is not found");
    const auto [unknown, text] = decision(hash_number<Pdq>(kUnknown).hex());
    if (unknown != "none") throw std::runtime_error("what is unknown is found");
    return text;
}

void measure_memory(const Table& table, const Service& service, std::uint64_t requests,
                    const std::function<std::string_view(std::uint64_t)>& request) {
    Load load{.port = service.port, .duration = std::chrono::hours(1), .most = kWarmUp, .request = request};
    measure(load);
    const Memory before = memory_of(service.pid);
    load.most = requests;
    measure(load);
    const Memory after = memory_of(service.pid);
    const auto note = [&](double a, double b) {
        const double grown = 100 * (b / a - 1);
        char text[120];
        std::snprintf(text, sizeof text, "%+.2f %% over %llu more requests%s", grown,
                      static_cast<unsigned long long>(requests),
                      grown <= 5 ? "  floor held (5 %)" : "  above its bound (5 %)");
        return std::string(text);
    };
    table.line("memory after 100,000 requests: RSS", before.resident, "MB",
               note(before.resident, after.resident));
    table.line("… PSS", before.proportional, "MB", note(before.proportional, after.proportional));
    table.line("… of its own, lists not among it", before.own, "MB", note(before.own, after.own));
}

int bench(const Asked& asked) {
    const Table table(asked.json);
    const Folder scratch;
    const std::string data =
        (asked.keep.empty() ? scratch.path() : asked.keep) + "/serve-bench-" + std::to_string(asked.entries);
    const auto files = photographs();
    const KnownLists known = make_lists(data, asked.entries, asked.entries / 10);
    const std::string held = std::to_string(known.pdq) + " PDQ, " + std::to_string(known.sha256) + " SHA-256";
    if (known.import_seconds > 0) table.line("import", known.import_seconds, "s", held);
    Service service{.key = make_key(data)};

    pin_to_core(kServerCore);
    if (known.import_seconds > 0) {
        const auto began = Steady::now();
        Served first(data);
        table.line("start to ready, the first after the import", seconds_since(began), "s",
                   "makes and saves the index");
        first.stop();
    }
    const auto began = Steady::now();
    const Served served(data);
    table.line("start to ready", seconds_since(began), "s", held);
    service.port = served.port();
    service.pid = served.pid();
    const std::string answer = answer_to_unknown(served, service);
    const http::testing::Nginx nginx(answer, kServerCore);
    pin_to_core(kLoadCore);
    auto doors = std::make_unique<Doors>(data);

    // Fresh numbers for every request, so that no cache flatters.
    std::uint64_t next = kUnknown;
    HashRequest pdq(service.key, R"({"hashes":[")", R"("]})");
    HashRequest sha256(service.key, R"({"hashes":[{"method":"sha256","value":")", R"("}]})");
    const auto ask_pdq = [&](std::uint64_t) { return pdq.of(hash_number<Pdq>(++next)); };
    const auto ask_sha256 = [&](std::uint64_t) { return sha256.of(hash_number<Sha256>(++next)); };
    const auto ask_some_known = [&](std::uint64_t n) {
        return pdq.of(hash_number<Pdq>(n % 100 == 0 ? ++next % known.pdq : ++next));
    };
    std::string batch;
    const auto ask_batch = [&](std::uint64_t) {
        batch = post("/api/v1/check/hash", service.key, "application/json", batch_body(next));
        next += kBatch;
        return std::string_view(batch);
    };
    std::vector<std::string> forms;
    std::vector<Content> contents;
    for (const std::string& file : files) {
        forms.push_back(
            post("/api/v1/check", service.key, "multipart/form-data; boundary=a-photograph", form_of(file)));
        contents.push_back(must(Content::from_bytes(bytes_of(file))));
    }
    const auto ask_file = [&](std::uint64_t n) { return std::string_view(forms[n % forms.size()]); };
    const std::string get = "GET /answer.json HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n";

    const auto duration = std::chrono::milliseconds(static_cast<int>(asked.seconds * 1000));
    const auto load = [&](const auto& request, int connections = 64) {
        return Load{.port = service.port,
                    .connections = connections,
                    .duration = duration,
                    .to_the_end = true,
                    .request = request};
    };
    const std::string of_nginx = "nginx, a file of " + std::to_string(answer.size()) + " bytes";
    const std::string of_index = "the matcher, asked in process";
    const std::string of_files = "the fingerprinter and the matcher, in process";
    std::vector<Workload> workloads;
    workloads.push_back({of_nginx, "answers", [&] {
                             Load to_nginx = load([&](std::uint64_t) { return std::string_view(get); });
                             to_nginx.port = nginx.port();
                             const double before = nginx.cpu_seconds();
                             const Measured measured = measure(to_nginx);
                             return sample_of(measured, nginx.cpu_seconds() - before);
                         }});
    workloads.push_back({.name = "one SHA-256 a request",
                         .unit = "checks",
                         .round = [&] { return ask(service, load(ask_sha256)); },
                         .beside = of_nginx,
                         .floor = 15'000,
                         .aim = 30'000});
    workloads.push_back({.name = "one PDQ a request",
                         .unit = "checks",
                         .round = [&] { return ask(service, load(ask_pdq)); },
                         .beside = of_nginx,
                         .floor = 2'500,
                         .aim = 4'000});
    workloads.push_back({.name = "one PDQ a request, 1 % of them matches",
                         .unit = "checks",
                         .round = [&] { return ask(service, load(ask_some_known)); },
                         .beside = of_nginx});
    workloads.push_back({of_index, "PDQ", [&] {
                             return on_server_core(asked.seconds, kTogether, [&](std::uint64_t) {
                                 doors->match(hash_number<Pdq>(++next));
                             });
                         }});
    workloads.push_back({.name = "1,000 PDQ a request",
                         .unit = "checks",
                         .round = [&] { return ask(service, load(ask_batch, kTogether), kBatch); },
                         .beside = of_index,
                         .floor_of = 0.8});
    workloads.push_back({of_files, "files", [&] {
                             return on_server_core(asked.seconds, kTogether, [&](std::uint64_t n) {
                                 doors->check(contents[n % contents.size()]);
                             });
                         }});
    workloads.push_back({.name = "one JPEG of 524 KB a request",
                         .unit = "files",
                         .round = [&] { return ask(service, load(ask_file, kTogether)); },
                         .beside = of_files,
                         .floor_of = 0.85});
    for (int round = 0; round < kRounds; ++round) {
        for (auto& workload : workloads) workload.samples.push_back(round_of(workload));
    }
    doors.reset();
    table.head();
    const auto find = [&](const std::string& name) {
        return std::ranges::find(workloads, name, &Workload::name);
    };
    for (const auto& workload : workloads)
        table.row(workload, workload.beside.empty() ? Sample{} : median(find(workload.beside)->samples));

    const auto half = [&](const std::string& name, const auto& request) {
        Load steady = load(request);
        steady.rate = median(find(name)->samples).rate / 2;
        steady.duration = std::max(duration, std::chrono::milliseconds(2'000));
        const Measured measured = measure(steady);
        const double p99 = measured.percentile(0.99);
        char note[160];
        std::snprintf(note, sizeof note, "at %.0f/s; p50 %.0f us, p99.9 %.0f us; %s", measured.rate(),
                      measured.percentile(0.5), measured.percentile(0.999),
                      p99 < 2'000 ? "floor held (2 ms)" : "above its bound (2 ms)");
        table.line("p99 at half load, " + name, p99, "us", note);
    };
    half("one SHA-256 a request", ask_sha256);
    half("one PDQ a request", ask_pdq);
    measure_memory(table, service, asked.requests,
                   [&](std::uint64_t n) { return n % 10 == 0 ? ask_pdq(n) : ask_sha256(n); });
    return 0;
}

}  // namespace
}  // namespace rushlight::app

int main(int argc, char** argv) {
    rushlight::app::Asked asked;
    for (int i = 1; i < argc; ++i) {
        const std::string_view option = argv[i];
        const auto number = [&] { return std::strtoull(argv[++i], nullptr, 10); };
        if (option == "--json") {
            asked.json = true;
        } else if (option == "--entries" && i + 1 < argc) {
            asked.entries = std::max(1000ULL, number());
        } else if (option == "--keep" && i + 1 < argc) {
            asked.keep = argv[++i];
        } else if (option == "--seconds" && i + 1 < argc) {
            asked.seconds = std::max(0.2, std::strtod(argv[++i], nullptr));
        } else if (option == "--requests" && i + 1 < argc) {
            asked.requests = std::max(1ULL, number());
        } else {
            std::fprintf(stderr,
                         "usage: serve_bench [--json] [--entries N] [--keep FOLDER] [--seconds S] "
                         "[--requests N]\n");
            return 2;
        }
    }
    try {
        return rushlight::app::bench(asked);
    } catch (const std::exception& error) {
        std::fprintf(stderr, "serve_bench: %s\n", error.what());
        return 1;
    }
}
