#include "server/bundled_lists.h"

#include "audit/audit.h"
#include "base/content.h"
#include "match/lists.h"
#include "store/store.h"

namespace rushlight::server {
namespace {

constexpr std::string_view kWho = "system";

Status import_one(match::Lists& lists, const BundledList& bundled, Time now) {
    const auto there = lists.find(bundled.name);
    if (!there && there.error().code != ErrorCode::not_found) return pass(there.error());
    // An empty one is what a start that was killed half-way left.
    if (there && there->entries.total() > 0) return {};
    if (!there) {
        const auto made =
            lists.create({.name = bundled.name,
                          .kind = bundled.negative ? match::ListKind::negative : match::ListKind::known,
                          .category = {},
                          .source = bundled.source,
                          .thresholds = {},
                          .expires = {}},
                         kWho);
        if (!made) return pass(made.error());
    }
    const auto file = Content::open(bundled.file);
    if (!file) return pass(file.error());
    match::ImportOptions options;
    options.who = kWho;
    options.along = [&](store::Writer& writer, const match::ImportReport& report) {
        return audit::append(writer,
                             {.who = std::string(kWho),
                              .what = "list.imported",
                              .on = {"list", bundled.name},
                              .detail = audit::detail({{"added", static_cast<std::int64_t>(report.added)},
                                                       {"source", bundled.source}})},
                             now)
            .map([](std::int64_t) {});
    };
    return lists.import(bundled.name, file->fd(), options).map([](const match::ImportReport&) {});
}

}  // namespace

Status import_missing(match::Lists& lists, const std::vector<BundledList>& bundled, Time now) {
    for (const BundledList& one : bundled) {
        const auto done = import_one(lists, one, now);
        // Another server on the same store was faster.
        if (!done && done.error().code != ErrorCode::conflict)
            return fail(done.error().code, "the list '" + one.name + "': " + done.error().message);
    }
    return {};
}

}  // namespace rushlight::server
