#include "app/testing/bench_doors.h"

#include "app/schemas.h"
#include "app/testing/cost.h"
#include "http/testing/load.h"

#include <atomic>
#include <chrono>
#include <stdexcept>
#include <thread>
#include <vector>

#include <unistd.h>

namespace rushlight::app::testing {
namespace {

using http::testing::pin_to_core;

template <class T>
T must(Result<T> result) {
    if (!result) throw std::runtime_error(result.error().message);
    return std::move(*result);
}

sandbox::Pool pool(const std::string& program) {
    pin_to_core(kServerCore);
    auto made = must(
        sandbox::Pool::create({.program = std::string(RUSHLIGHT_BINARY_DIR) + "/libexec/rushlight/" + program,
                               .limits = {},
                               .children = 1}));
    pin_to_core(kLoadCore);
    return made;
}

double seconds_since(Steady::time_point start) {
    return std::chrono::duration<double>(Steady::now() - start).count();
}

}  // namespace

Sample on_server_core(double seconds, int threads, const std::function<void(std::uint64_t)>& work) {
    const double cpu_before = cpu_seconds(::getpid());
    const auto began = Steady::now();
    std::atomic<std::uint64_t> done{0};
    std::vector<std::jthread> all;
    for (int i = 0; i < threads; ++i) {
        all.emplace_back([&] {
            pin_to_core(kServerCore);
            while (seconds_since(began) < seconds) work(done++);
        });
    }
    all.clear();
    const auto count = static_cast<double>(done.load());
    const double cpu = cpu_seconds(::getpid()) - cpu_before;
    return {.rate = count / seconds_since(began), .per_cpu = cpu > 0 ? count / cpu : 0};
}

// The fingerprinter and the matcher as a scan has them.
Doors::Doors(const std::string& data)
    : store_(must(store::Store::open({.where = data, .schemas = all_schemas()}))),
      lists_(must(match::Lists::open(store_, data))),
      matcher_(must(match::Matcher::open(lists_.get(), {.all_stored = true}))),
      light_(pool("decode")),
      all_(pool("decode-all")),
      fingerprinter_(light_, all_),
      checker_(fingerprinter_, *matcher_) {}

void Doors::match(const Pdq& unknown) const {
    match::Query query;
    query.pdq = unknown;
    query.sha256 = Sha256::from(unknown.value);  // as the service asks for 64 bare digits
    if (must(matcher_->match(query)).decision != match::Decision::none)
        throw std::runtime_error("an unknown hash matched");
}

void Doors::check(const Content& photograph) const {
    if (checker_.check(photograph, "bench").decision != check::Decision::none)
        throw std::runtime_error("a photograph was not read, or matched");
}

}  // namespace rushlight::app::testing
