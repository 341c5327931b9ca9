#include "scan/scan.h"

#include "base/digest.h"
#include "base/text.h"
#include "scan/walk.h"
#include "scan/worker.h"

#include <algorithm>
#include <filesystem>
#include <memory>
#include <string>
#include <thread>
#include <utility>

#include <nlohmann/json.hpp>

namespace rushlight::scan {
namespace {

constexpr std::chrono::milliseconds kProgressInterval{100};

// Everything that an answer depends on beside the bytes: the lists as they are now, and what the files given
// as lists held when they were read.
Sha256 what_is_asked(const Parts& parts) {
    std::string text;
    for (const match::List& list : parts.matcher.lists()) {
        text += list.name + '\0' + std::string(match::to_string(list.kind)) + '\0' + list.category + '\0';
        const bool expired = list.expires && *list.expires <= parts.clock.now();
        for (const std::int64_t number :
             {list.id, list.id > 0 ? list.changed.micros : 0, std::int64_t{list.thresholds.pdq},
              std::int64_t{list.thresholds.vpdq}, std::int64_t{list.thresholds.vpdq_share},
              std::int64_t{expired}}) {
            text += std::to_string(number) + ' ';
        }
        if (list.content) text += list.content->hex();
    }
    return sha256_of(bytes_of(text));
}

std::string joined(const std::vector<std::string>& targets) {
    std::string text;
    for (const std::string& target : targets) text += (text.empty() ? "" : "\n") + to_utf8(target);
    return text;
}

void walk_targets(Shared& shared) {
    Walk walk;
    const auto push = [&shared](std::string target, bool link) {
        auto count = [&shared] { ++shared.files_done; };
        return shared.queue.push_file({std::move(target), link, std::make_shared<FileTicket>(count)});
    };
    const auto sink = [&](Found found) {
        if (shared.stopping.stop_requested()) return false;
        if (found.what == Found::What::file) {
            return push(std::move(found.path), false);
        }
        const bool special = found.what == Found::What::special;
        shared.results.push(
            {.item = not_read(found.path, special, found.message), .absolute_name = found.path});
        return true;
    };
    const auto visit = [&](const std::string& target) {
        return is_link(target) ? push(target, true) : walk.visit(target, sink);
    };
    bool going = true;
    for (const std::string& target : shared.options.targets) going = going && visit(target);
    while (going && shared.options.more_targets) {
        const auto target = shared.options.more_targets(shared.stopping.get_token());
        if (!target) return shared.fail_with(target.error());
        going = *target && visit(**target);
    }
    shared.queue.close();
}

// Counts ahead, for the share and the time left.
void count_targets(const Shared& shared, std::atomic<std::int64_t>& total) {
    if (shared.options.more_targets || !shared.options.progress) return;
    Walk walk;
    std::int64_t files = 0;
    for (const std::string& target : shared.options.targets) {
        if (is_link(target)) {
            ++files;
            continue;
        }
        walk.visit(target, [&](const Found& found) {
            files += found.what == Found::What::file ? 1 : 0;
            return !shared.stopping.stop_requested();
        });
    }
    total = files;
}

void count_in(Summary& summary, const Item& item) {
    ++summary.items;
    if (item.skipped) {
        ++summary.skipped;
        summary.skipped_matches += item.matched() ? 1 : 0;
        summary.skipped_unreadable += item.was_unreadable() ? 1 : 0;
        return;
    }
    if (item.outcome && item.outcome->problem) {
        const Reason reason = item.outcome->problem->reason;
        const bool none = item.outcome->decision == check::Decision::none;
        summary.flat += none && reason == Reason::low_quality ? 1 : 0;
        summary.not_media += none && reason == Reason::not_media ? 1 : 0;
        summary.unsupported += item.was_unreadable() && reason == Reason::unsupported ? 1 : 0;
    }
    if (!item.outcome || !item.outcome->fingerprint.exact) ++summary.unopened;
    const auto decision = item.outcome ? item.outcome->decision : check::Decision::unreadable;
    switch (decision) {
        case check::Decision::exact:
            ++summary.exact;
            break;
        case check::Decision::near:
            ++summary.near;
            break;
        case check::Decision::none:
            ++summary.none;
            break;
        case check::Decision::unreadable:
            ++summary.unreadable;
            break;
    }
}

// What is new in a batch. What an earlier scan has answered stands in the store already.
std::vector<Record> records_of(const std::vector<Answered>& batch) {
    std::vector<Record> records;
    for (const Answered& answered : batch) {
        const Item& item = answered.item;
        if (item.skipped && item.outcome) continue;
        Record record{.name = answered.absolute_name};
        const auto line = to_json(item);
        record.decision = line.at("decision").get<std::string>();
        record.line = line.dump();
        if (answered.repeatable && item.outcome && item.outcome->fingerprint.exact) {
            record.content = item.outcome->fingerprint.exact->sha256;
            if (answered.keep_fingerprint) record.fingerprint = &item.outcome->fingerprint;
        }
        records.push_back(std::move(record));
    }
    return records;
}

// Stores and shows, on the caller's thread, until the workers are done.
Status give_out(Shared& shared, RunId run, const std::atomic<std::int64_t>& total, Summary& summary) {
    const Options& options = shared.options;
    for (bool open = true; open;) {
        if (options.stop.stop_requested() && shared.stopping.request_stop()) shared.queue.stop();
        const std::vector<Answered> batch = shared.results.take(kProgressInterval, open);
        const std::vector<Record> records = records_of(batch);
        if (!records.empty()) {
            if (auto saved = shared.store.save(run, records, shared.parts.clock.now()); !saved) return saved;
        }
        for (const Answered& answered : batch) {
            count_in(summary, answered.item);
            if (!options.show) continue;
            if (auto shown = options.show(answered.item); !shown) return shown;
        }
        if (options.progress) {
            const std::int64_t files = total;
            options.progress({.files = shared.files_done,
                              .total = files < 0 ? std::nullopt : std::optional<std::uint64_t>(files),
                              .items = summary.items});
        }
    }
    return {};
}

}  // namespace

bool is_link(std::string_view target) {
    return equals_ignoring_case(target.substr(0, 7), "http://") ||
           equals_ignoring_case(target.substr(0, 8), "https://");
}

bool Item::matched() const {
    return outcome &&
           (outcome->decision == check::Decision::exact || outcome->decision == check::Decision::near);
}

bool Item::was_unreadable() const { return outcome && outcome->decision == check::Decision::unreadable; }

Result<Summary> run(const Parts& parts, const Options& options) {
    const auto start = Steady::now();
    const auto asked = what_is_asked(parts);
    ScanStore scans(parts.store);
    const auto begun = scans.begin(joined(options.targets), asked, parts.clock.now());
    if (!begun) return pass(begun.error());
    if (options.begun) options.begun(*begun);

    Shared shared{.parts = parts,
                  .options = options,
                  .checker = {parts.fingerprinter, parts.matcher},
                  .store = scans,
                  .asked = asked,
                  .submitter = "scan " + std::to_string(*begun)};
    Summary summary;
    for (const std::string& target : options.targets) {
        if (is_link(target)) continue;
        std::error_code ignored;
        const auto status = std::filesystem::status(target, ignored);
        if (status.type() == std::filesystem::file_type::not_found) summary.missing.push_back(target);
    }
    Status given_out;
    std::atomic<std::int64_t> total{-1};
    {
        const unsigned workers =
            options.workers != 0 ? options.workers : std::max(1u, std::thread::hardware_concurrency());
        std::atomic<unsigned> at_work{workers};
        std::vector<std::jthread> threads;
        threads.emplace_back([&] { walk_targets(shared); });
        threads.emplace_back([&] { count_targets(shared, total); });
        for (unsigned i = 0; i < workers; ++i) {
            threads.emplace_back([&] {
                work(shared);
                if (--at_work == 0) shared.results.close();
            });
        }
        given_out = give_out(shared, *begun, total, summary);
        if (!given_out) {
            shared.stopping.request_stop();
            shared.queue.stop();
            shared.results.close();
        }
    }
    if (shared.failure) given_out = pass(*shared.failure);
    summary.stopped = shared.stopping.stop_requested();
    summary.seconds = std::chrono::duration<double>(Steady::now() - start).count();
    const Status ended = scans.end(*begun,
                                   !given_out        ? "failed"
                                   : summary.stopped ? "stopped"
                                                     : "done",
                                   to_json(summary).at("summary").dump(), parts.clock.now());
    if (!given_out) return pass(given_out.error());
    if (!ended) return pass(ended.error());
    return summary;
}

}  // namespace rushlight::scan
