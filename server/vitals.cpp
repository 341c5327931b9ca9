#include "server/vitals.h"

#include "server/app.h"

#include <array>
#include <filesystem>
#include <tuple>
#include <utility>

namespace rushlight::server {
namespace {

constexpr std::uintmax_t kLittleDisk = std::uintmax_t{1} << 30;

}  // namespace

void Vitals::look(const App& app, const Status& ticked, std::int64_t dead_jobs) {
    if (!ticked && !store_gone_)
        app.log.error("store", "store.unreachable", {{"why", ticked.error().message}});
    if (ticked && store_gone_) app.log.info("store", "store.back");
    store_gone_ = !ticked;

    for (const auto& [name, pool, seen] :
         {std::tuple{"decode", &*app.light, &light_}, std::tuple{"decode_all", &*app.all, &all_}}) {
        const auto counts = pool->counts();
        if (counts.crashed > seen->crashed)
            app.log.warn("sandbox", "child.crashed",
                         {{"program", name}, {"children", counts.crashed - seen->crashed}});
        if (counts.timed_out > seen->timed_out)
            app.log.warn("sandbox", "child.timed_out",
                         {{"program", name}, {"children", counts.timed_out - seen->timed_out}});
        *seen = {counts.crashed, counts.timed_out};
    }
    if (dead_jobs > dead_jobs_) app.log.warn("queue", "job.dead", {{"jobs", dead_jobs - dead_jobs_}});
    dead_jobs_ = dead_jobs;
    look_at_canary(app);
    look_at_disk(app);
}

void Vitals::look_at_canary(const App& app) {
    const check::CanaryState canary = app.checks->canary();
    if (canary.at == Time{}) return;
    if (!canary.ok && !canary_missed_)
        app.log.error("check", "canary.missed", {{"why", canary.error}, {"ms", canary.ms}});
    if (canary.ok && canary_missed_) app.log.info("check", "canary.back", {{"ms", canary.ms}});
    canary_missed_ = !canary.ok;
}

void Vitals::look_at_disk(const App& app) {
    std::error_code error;
    const auto space = std::filesystem::space(app.options.config.data, error);
    if (error) return;
    const bool low = space.available < kLittleDisk;
    if (low && !disk_low_)
        app.log.error("server", "disk.low", {{"free_bytes", static_cast<std::uint64_t>(space.available)}});
    if (!low && disk_low_)
        app.log.info("server", "disk.enough", {{"free_bytes", static_cast<std::uint64_t>(space.available)}});
    disk_low_ = low;
}

}  // namespace rushlight::server
