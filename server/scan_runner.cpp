#include "server/scan_runner.h"

#include "base/text.h"

#include <algorithm>
#include <filesystem>
#include <future>
#include <utility>

namespace rushlight::server {
namespace fs = std::filesystem;

ScanRunner::ScanRunner(std::vector<std::string> folders, Told told) : told_(std::move(told)) {
    for (const std::string& folder : folders) {
        std::error_code error;
        const fs::path real = fs::canonical(folder, error);
        if (!error) folders_.push_back(real.native());
    }
}

bool ScanRunner::lies_inside(const fs::path& real) const {
    return std::ranges::any_of(folders_, [&](const std::string& folder) {
        const fs::path top(folder);
        return std::mismatch(top.begin(), top.end(), real.begin(), real.end()).first == top.end();
    });
}

// The target as the system resolves it, so that no `..` and no link leads out of the folders. What lies
// outside of them is refused alike, whether it is there or not.
Result<std::string> ScanRunner::allowed(const std::string& target) const {
    if (folders_.empty())
        return fail(ErrorCode::denied,
                    "no folder may be scanned from here: the operator names some in the setting "
                    "scan.folders");
    std::error_code missing;
    std::error_code error;
    const fs::path real = fs::canonical(target, missing);
    const fs::path place = missing ? fs::weakly_canonical(target, error) : real;
    if (error || !lies_inside(place))
        return fail(ErrorCode::denied,
                    printable(target) + " lies outside of the folders that may be scanned from here");
    if (missing) return fail(ErrorCode::not_found, "there is no file or folder called " + printable(target));
    return real.native();
}

Result<scan::RunId> ScanRunner::start(std::vector<std::string> targets, bool again,
                                      const std::function<Result<Prepared>()>& prepare) {
    scan::Options options{.again = again};
    for (std::string& target : targets) {
        if (scan::is_link(target)) {
            options.targets.push_back(std::move(target));
            continue;
        }
        auto real = allowed(target);
        if (!real) return pass(real.error());
        options.targets.push_back(std::move(*real));
    }
    {
        const std::scoped_lock lock(mutex_);
        clear_ended();
        if (running_.size() + starting_ >= kMostAtOnce)
            return fail(ErrorCode::limit, "four scans run already: wait until one has ended");
        ++starting_;
    }
    auto id = start_in_slot(std::move(options), prepare);
    const std::scoped_lock lock(mutex_);
    --starting_;
    return id;
}

Result<scan::RunId> ScanRunner::start_in_slot(scan::Options options,
                                              const std::function<Result<Prepared>()>& prepare) {
    auto prepared = prepare();
    if (!prepared) return pass(prepared.error());
    auto running = std::make_unique<Running>();
    Running* const ours = running.get();
    options.stop = ours->stop.get_token();
    std::promise<Result<scan::RunId>> begun;
    auto number = begun.get_future();
    ours->thread = std::thread(
        [this, prepared = std::move(*prepared), options = std::move(options), ours,
         begun = std::move(begun)]() mutable { run(prepared.parts, std::move(options), *ours, begun); });
    auto id = number.get();
    if (!id) {
        ours->thread.join();
        return id;
    }
    const std::scoped_lock lock(mutex_);
    running_.emplace(*id, std::move(running));
    return id;
}

void ScanRunner::run(const scan::Parts& parts, scan::Options options, Running& ours,
                     std::promise<Result<scan::RunId>>& begun) {
    scan::RunId id = 0;
    options.begun = [&](scan::RunId number) {
        id = number;
        begun.set_value(number);
    };
    options.progress = [&](const scan::Progress& progress) {
        {
            const std::scoped_lock lock(mutex_);
            ours.progress = progress;
        }
        if (told_) told_(id, progress, false);
    };
    const auto summary = scan::run(parts, options);
    if (id == 0) {
        begun.set_value(summary ? Result<scan::RunId>(fail(ErrorCode::io, "the scan did not begin"))
                                : Result<scan::RunId>(pass(summary.error())));
        return;
    }
    scan::Progress last;
    {
        const std::scoped_lock lock(mutex_);
        ours.ended = true;
        last = ours.progress;
    }
    if (told_) told_(id, last, true);
}

bool ScanRunner::stop(scan::RunId id) {
    const std::scoped_lock lock(mutex_);
    const auto it = running_.find(id);
    return it != running_.end() && !it->second->ended && it->second->stop.request_stop();
}

std::optional<scan::Progress> ScanRunner::progress(scan::RunId id) const {
    const std::scoped_lock lock(mutex_);
    const auto it = running_.find(id);
    return it == running_.end() || it->second->ended ? std::nullopt : std::optional(it->second->progress);
}

void ScanRunner::clear_ended() {
    for (auto it = running_.begin(); it != running_.end();) {
        if (it->second->ended) {
            it->second->thread.join();
            it = running_.erase(it);
        } else {
            ++it;
        }
    }
}

void ScanRunner::stop() {
    std::map<scan::RunId, std::unique_ptr<Running>> all;
    {
        const std::scoped_lock lock(mutex_);
        all.swap(running_);
        for (const auto& [id, running] : all) running->stop.request_stop();
    }
    for (const auto& [id, running] : all) {
        if (running->thread.joinable()) running->thread.join();
    }
}

}  // namespace rushlight::server
