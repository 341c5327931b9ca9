// scan_runner: scans that were started over the API, each on a thread of its own, with its progress.
//
// Thread-safe.
#pragma once

#include "scan/scan.h"

#include <atomic>
#include <functional>
#include <future>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <stop_token>
#include <string>
#include <thread>
#include <vector>

namespace rushlight::server {

class ScanRunner {
  public:
    static constexpr std::size_t kMostAtOnce = 4;
    // Told of each change: the scan's id and its progress; from the scan's thread.
    using Told = std::function<void(scan::RunId, const scan::Progress&, bool ended)>;

    // `folders`: where targets may lie; what is elsewhere is refused.
    ScanRunner(std::vector<std::string> folders, Told told);
    ~ScanRunner() { stop(); }
    ScanRunner(const ScanRunner&) = delete;
    ScanRunner& operator=(const ScanRunner&) = delete;

    const std::vector<std::string>& folders() const { return folders_; }
    // Returns once the scan has its number. `keep` lives as long as the scan (a matcher of chosen lists).
    Result<scan::RunId> start(const scan::Parts& parts, std::vector<std::string> targets, bool again,
                              std::shared_ptr<const void> keep);
    // False where it does not run here.
    bool stop(scan::RunId id);
    std::optional<scan::Progress> progress(scan::RunId id) const;
    void stop();  // all; waits

  private:
    struct Running {
        scan::Progress progress{};
        std::stop_source stop{};
        std::thread thread{};
        bool ended = false;
    };
    void run(const scan::Parts& parts, scan::Options options, Running& ours,
             std::promise<Result<scan::RunId>>& begun);
    Result<std::string> allowed(const std::string& target) const;
    void clear_ended();

    std::vector<std::string> folders_;
    Told told_;
    mutable std::mutex mutex_;
    std::map<scan::RunId, std::unique_ptr<Running>> running_;
    std::size_t starting_ = 0;
};

}  // namespace rushlight::server
