// scan_runner: scans that were started over the API, each on a thread of its own, with its progress.
//
// Thread-safe.
#pragma once

#include "scan/scan.h"

#include <atomic>
#include <filesystem>
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
    // What a scan works with. `keep` lives as long as the scan (a matcher of chosen lists).
    struct Prepared {
        scan::Parts parts;
        std::shared_ptr<const void> keep;
    };
    // Returns once the scan has its number. `prepare` may be costly: it is called only where there is room.
    Result<scan::RunId> start(std::vector<std::string> targets, bool again,
                              const std::function<Result<Prepared>()>& prepare);
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
    bool lies_inside(const std::filesystem::path& real) const;
    Result<scan::RunId> start_in_slot(scan::Options options,
                                      const std::function<Result<Prepared>()>& prepare);
    void clear_ended();

    std::vector<std::string> folders_;
    Told told_;
    mutable std::mutex mutex_;
    std::map<scan::RunId, std::unique_ptr<Running>> running_;
    std::size_t starting_ = 0;
};

}  // namespace rushlight::server
