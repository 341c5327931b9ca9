// One worker's way with one file or link: open or fetch, look inside where it is an archive, check, hand on
// the answer.
#pragma once

#include "scan/results.h"
#include "scan/scan.h"
#include "scan/scan_store.h"
#include "scan/work_queue.h"

#include <atomic>
#include <mutex>
#include <optional>
#include <stop_token>
#include <string>

namespace rushlight::scan {

// What all workers of one scan share.
struct Shared {
    const Parts& parts;
    const Options& options;
    check::Checker checker;
    ScanStore store;
    Sha256 asked;           // what the items are held against
    std::string submitter;  // sandbox children of this scan serve nobody else
    WorkQueue queue{};
    Results results{};
    std::atomic<std::uint64_t> files_done{0};
    std::stop_source stopping{};  // somebody wants it to end, or it cannot go on
    // The first failure of the store while working; ends the scan.
    std::mutex failure_mutex{};
    std::optional<Error> failure{};
    std::once_flag first_link{};

    void fail_with(Error error);
    // Whether links may be fetched: says so before the first one.
    bool may_fetch();
};

// The item of what could not be opened, or, where it is special, is nothing to be read: a pipe, a device.
Item not_read(std::string name, bool special, const std::string& why);

// Works until the queue says that everything is done.
void work(Shared& shared);

}  // namespace rushlight::scan
