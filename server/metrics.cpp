#include "server/metrics.h"

#include "server/scrape.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <iterator>
#include <mutex>
#include <utility>

#include <prometheus/counter.h>
#include <prometheus/histogram.h>
#include <prometheus/registry.h>
#include <prometheus/text_serializer.h>

namespace rushlight::server {
namespace {

using prometheus::Counter;
using prometheus::Family;
using prometheus::Histogram;
using prometheus::Labels;

constexpr std::array<std::string_view, 4> kDecisions{"exact", "near", "none", "unreadable"};
constexpr std::array<std::string_view, 3> kActions{"allow", "hold", "block"};
constexpr std::array<std::string_view, 3> kWebhooks{"delivered", "refused", "unreachable"};
constexpr std::array<std::string_view, 3> kSignIns{"signed_in", "refused", "slowed"};
constexpr std::array<std::string_view, 6> kCodes{"other", "1xx", "2xx", "3xx", "4xx", "5xx"};

// Seconds. A hash is answered in less than the first, a photograph within some, a video takes the last.
const Histogram::BucketBoundaries& buckets() {
    static const Histogram::BucketBoundaries bounds{0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05,
                                                    0.1,    0.25,  0.5,    1,     2.5,  5,     10};
    return bounds;
}

double seconds(std::chrono::microseconds time) { return static_cast<double>(time.count()) / 1e6; }

// One series, made when it is first counted: what never happened is not shown for every route there is.
template <class Metric>
class Slot {
  public:
    template <class Make>
    Metric& get(const Make& make) {
        Metric* metric = metric_.load(std::memory_order_acquire);
        if (metric == nullptr) {
            metric = &make();  // the family gives the same one to all who ask for these labels
            metric_.store(metric, std::memory_order_release);
        }
        return *metric;
    }

  private:
    std::atomic<Metric*> metric_{nullptr};
};

// "POST /api/v1/check" as labels.
Labels labels_of(std::string_view route) {
    const auto space = route.find(' ');
    if (space == std::string_view::npos) return {{"method", ""}, {"route", std::string(route)}};
    return {{"method", std::string(route.substr(0, space))}, {"route", std::string(route.substr(space + 1))}};
}

struct RouteCounts {
    Labels labels;
    std::array<Slot<Counter>, kCodes.size()> requests{};
    Slot<Histogram> duration{};
};

Family<Counter>& counter(prometheus::Registry& registry, const char* name, const char* help) {
    return prometheus::BuildCounter().Name(name).Help(help).Register(registry);
}
Family<Histogram>& histogram(prometheus::Registry& registry, const char* name, const char* help) {
    return prometheus::BuildHistogram().Name(name).Help(help).Register(registry);
}

// Those with few values are there from the start, so that a rate has a beginning.
template <std::size_t N>
std::array<Counter*, N> all_of(Family<Counter>& family, const char* label,
                               const std::array<std::string_view, N>& values) {
    std::array<Counter*, N> counters{};
    for (std::size_t i = 0; i < N; ++i) counters.at(i) = &family.Add({{label, std::string(values.at(i))}});
    return counters;
}

}  // namespace

struct Metrics::State {
    prometheus::Registry registry;
    Family<Counter>& requests = counter(registry, "rushlight_http_requests_total",
                                        "Requests answered, by the route's pattern and the first digit");
    Family<Histogram>& durations =
        histogram(registry, "rushlight_http_request_duration_seconds",
                  "From a request's head to the last byte of its answer, event streams left out");
    Family<Counter>& checks = counter(registry, "rushlight_checks_total",
                                      "Checks answered, of files, links and hashes, each hash as one");
    Histogram& file_checks = histogram(registry, "rushlight_check_duration_seconds",
                                       "Of a file: from its bytes to its stored decision")
                                 .Add({}, buckets());
    std::array<std::array<Counter*, kActions.size()>, kDecisions.size()> by_decision{};
    std::array<Counter*, kWebhooks.size()> webhooks =
        all_of(counter(registry, "rushlight_webhook_attempts_total", "Tries to deliver a webhook"), "outcome",
               kWebhooks);
    std::array<Counter*, kSignIns.size()> sign_ins = all_of(
        counter(registry, "rushlight_signins_total", "Attempts of people to sign in"), "outcome", kSignIns);
    std::vector<std::string> names{"none", "console"};
    std::vector<std::unique_ptr<RouteCounts>> routes;

    std::mutex mutex;
    std::function<http::Counters()> counters;
    Steady::time_point scraped{};
    std::string text;
};

Metrics::Metrics() : state_(std::make_unique<State>()) {
    for (std::size_t d = 0; d < kDecisions.size(); ++d) {
        for (std::size_t a = 0; a < kActions.size(); ++a)
            state_->by_decision.at(d).at(a) = &state_->checks.Add(
                {{"decision", std::string(kDecisions.at(d))}, {"action", std::string(kActions.at(a))}});
    }
    know_routes({});
}
Metrics::~Metrics() = default;

void Metrics::know_routes(std::vector<std::string> routes) {
    state_->names = {"none", "console"};
    for (std::string& route : routes) state_->names.push_back(std::move(route));
    state_->routes.clear();
    for (const std::string& name : state_->names) {
        state_->routes.push_back(std::make_unique<RouteCounts>());
        state_->routes.back()->labels = labels_of(name);
    }
}

std::string_view Metrics::route(std::uint32_t tag) const {
    return tag < state_->names.size() ? std::string_view(state_->names[tag]) : "none";
}

void Metrics::follow(std::function<http::Counters()> counters) {
    const std::scoped_lock lock(state_->mutex);
    state_->counters = std::move(counters);
}

void Metrics::answered(const http::Answered& answered) {
    RouteCounts& route = *state_->routes.at(answered.tag < state_->routes.size() ? answered.tag : kNoRoute);
    const auto digit = static_cast<std::size_t>(answered.status / 100);
    const std::size_t code = digit < kCodes.size() ? digit : 0;
    route.requests.at(code)
        .get([&]() -> Counter& {
            Labels labels = route.labels;
            labels.emplace("code", kCodes.at(code));
            return state_->requests.Add(labels);
        })
        .Increment();
    route.duration.get([&]() -> Histogram& { return state_->durations.Add(route.labels, buckets()); })
        .Observe(seconds(answered.took));
}

void Metrics::checked(check::Decision decision, check::Action action,
                      std::optional<std::chrono::microseconds> took) {
    state_->by_decision.at(static_cast<std::size_t>(decision))
        .at(static_cast<std::size_t>(action))
        ->Increment();
    if (took) state_->file_checks.Observe(seconds(*took));
}

void Metrics::webhook(WebhookOutcome outcome) {
    state_->webhooks.at(static_cast<std::size_t>(outcome))->Increment();
}

void Metrics::sign_in(SignInOutcome outcome) {
    state_->sign_ins.at(static_cast<std::size_t>(outcome))->Increment();
}

std::string Metrics::text(App& app) {
    const std::scoped_lock lock(state_->mutex);
    const auto now = Steady::now();
    if (state_->text.empty() || now - state_->scraped >= std::chrono::seconds(1)) {
        auto families = state_->registry.Collect();
        auto asked = scrape(app, state_->counters ? std::optional(state_->counters()) : std::nullopt);
        std::move(asked.begin(), asked.end(), std::back_inserter(families));
        state_->text = prometheus::TextSerializer().Serialize(families);
        state_->scraped = now;
    }
    return state_->text;
}

}  // namespace rushlight::server
