// The door's Workers: checks what it is given, and has a crew.
#include "queue/crew.h"

namespace rushlight::queue {
namespace {

Status check(const std::vector<Kind>& kinds, const Options& options) {
    for (const Kind& kind : kinds) {
        if (kind.name.empty() || kind.name.size() > kMostName || !kind.run)
            return fail(ErrorCode::invalid, "a kind of job needs a name and a handler");
        if (kind.attempts < 1 || kind.at_once < 0 || kind.first_delay.count() < 0 ||
            kind.longest_delay.count() < 0)
            return fail(ErrorCode::invalid, "the limits of the kind '" + kind.name + "' mean nothing");
    }
    if (kinds.empty()) return fail(ErrorCode::invalid, "workers without a kind of job");
    if (options.threads < 0 || options.lease.count() < 5 || options.look_every.count() < 1)
        return fail(ErrorCode::invalid, "the workers' options mean nothing");
    return {};
}

}  // namespace

Workers::Workers(std::unique_ptr<Crew> crew) : crew_(std::move(crew)) {}
Workers::Workers(Workers&&) noexcept = default;
Workers& Workers::operator=(Workers&&) noexcept = default;
Workers::~Workers() = default;

Result<Workers> Workers::start(store::Store& store, std::vector<Kind> kinds, Options options) {
    if (auto checked = check(kinds, options); !checked) return pass(std::move(checked.error()));
    auto crew = std::make_unique<Crew>(store, std::move(kinds), std::move(options));
    if (auto started = crew->start(); !started) return pass(std::move(started.error()));
    return Workers(std::move(crew));
}

void Workers::stop() { crew_->stop(); }
Result<std::size_t> Workers::run_due() { return crew_->run_due(); }
Tally Workers::tally() const { return crew_->tally(); }

}  // namespace rushlight::queue
