// scan: many items checked in one go: folders, files, links, archives and their members, web archives.
//
// Reading and checking are spread over workers in bounded memory. Each result is stored before it is given
// out, so what was shown survives a kill or a full disk. A scan started again goes on: an item that an
// earlier scan has answered, with the same bytes and the same lists, is `skipped` (its matches are given
// again); bytes that were fingerprinted before are not decoded again, whatever they are called now.
//
// Thread-safety: several scans may run at once, in one process or several, on one store.
#pragma once

#include "archive/archive.h"
#include "base/result.h"
#include "check/check.h"
#include "net/net.h"
#include "scan/history.h"
#include "store/store.h"

#include <cstdint>
#include <functional>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json_fwd.hpp>

namespace rushlight::scan {

// The tables of this room, for Store::open.
store::Schema schema();

// Whether a target is fetched instead of opened: it begins with http:// or https://. A folder "http:" is
// reached as ./http:.
bool is_link(std::string_view target);

// How it went with a link.
struct Visit {
    std::string final_url{};  // where it led, where that is another link
    std::string code{};       // why it was not fetched: net's word for it, or "no_link"
    int status = 0;           // HTTP's, where the code is `status`
};

struct Item {
    std::string name;  // bytes: a path, a link, or archive!member (a WARC's member is its target URI)
    std::optional<Time> date{};               // a WARC record's date
    std::optional<check::Outcome> outcome{};  // none where there was nothing to read
    bool skipped = false;              // done by an earlier scan, or nothing that can be read (see `message`)
    std::optional<Problem> problem{};  // why there is no outcome
    std::string message{};             // why it was skipped
    std::optional<Visit> visit{};      // of a link
    double ms = 0;

    bool matched() const;
    bool was_unreadable() const;
};
// Keys as docs/cli.md fixes them; a name that is no UTF-8 has its bytes beside it as item_b64.
nlohmann::ordered_json to_json(const Item& item);

struct Summary {
    std::uint64_t items = 0, exact = 0, near = 0, none = 0, unreadable = 0, skipped = 0;
    std::uint64_t skipped_matches = 0;     // of the skipped: matched when they were checked
    std::uint64_t skipped_unreadable = 0;  // … and could not be read
    std::uint64_t flat = 0;                // of `none`: of low quality, so that no near match was tried
    std::uint64_t not_media = 0;           // of `none`: neither picture nor video
    std::uint64_t unsupported = 0;         // of `unreadable`: formats that are known and not read
    std::uint64_t unopened = 0;            // … and what could not be opened, so that no hash was compared
    std::vector<std::string> missing{};    // of Options::targets: there is nothing of that name
    double seconds = 0;
    bool stopped = false;
};
nlohmann::ordered_json to_json(const Summary& summary);

struct Progress {
    std::uint64_t files = 0;             // done; an archive counts when all its members are
    std::optional<std::uint64_t> total;  // files, once they have been counted
    std::uint64_t items = 0;
};

struct Options {
    std::vector<std::string> targets{};  // folders, files and links
    // Further ones, as they come; where it fails, so does the scan. May block, but has to return once the
    // token says so.
    std::function<Result<std::optional<std::string>>(const std::stop_token&)> more_targets{};
    bool again = false;    // forget what earlier scans did
    unsigned workers = 0;  // 0: as many as there are cores
    archive::Limits limits{};
    std::stop_token stop{};
    // One call at a time, each after its item is stored; where it fails, so does the scan.
    std::function<Status(const Item&)> show{};
    std::function<void(RunId)> begun{};  // once it has a number
    std::function<Status()>
        fetching{};  // once, before the first link is fetched; where it fails, so does the scan
    std::function<void(const Progress&)> progress{};  // one call at a time, between those of `show`
};

struct Parts {
    store::Store& store;
    sandbox::Pool& pool;
    const media::Fingerprinter& fingerprinter;
    const match::Matcher& matcher;
    const Clock& clock;
    const net::Client* client = nullptr;  // null: links are not fetched
};

// Fails where results can't be stored or shown any more (what was shown is kept). Items that cannot be read
// are results.
Result<Summary> run(const Parts& parts, const Options& options);

}  // namespace rushlight::scan
