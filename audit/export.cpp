// The log as JSON lines, in pieces of bounded size.
#include "audit/audit_store.h"
#include "audit/chain.h"
#include "audit/line_reader.h"
#include "audit/lines.h"
#include "base/digest.h"

#include <algorithm>

namespace rushlight::audit {
namespace {

constexpr int kStretch = 1000;  // entries in memory at once

}  // namespace

Result<Exported> export_to(store::Store& store, store::FunctionRef<Status(std::string_view)> sink, Time now,
                           std::int64_t first) {
    if (!can_be_written(now))
        return fail(ErrorCode::invalid, "an export cannot have a time before 1970 or after 9999");
    if (first < 1) return fail(ErrorCode::invalid, "entries are numbered from 1");
    const auto end = read_end(store, first);
    if (!end) return pass(end.error());
    if (first > end->number && first != 1)
        return fail(ErrorCode::not_found, "the audit log has no entry " + std::to_string(first) +
                                              ": it ends with " + std::to_string(end->number));
    Digest digest;
    std::string piece;
    const auto add = [&](const Line& line) { piece += line_of(line) + '\n'; };
    const auto hand_over = [&]() -> Status {
        digest.add(bytes_of(piece));
        Status taken = sink(piece);
        piece.clear();
        return taken;
    };
    const std::int64_t entries = std::max<std::int64_t>(0, end->number - first + 1);
    add(Header{.exported = now, .first = first, .entries = entries, .checkpoints = end->checkpoints});
    // Entries stay as they are and older ones get no new checkpoints: reading on in later transactions gives
    // the state of the first.
    for (std::int64_t next = first; next <= end->number;) {
        const auto stretch = read_stretch(store, next, end->number, end->last_checkpoint, kStretch);
        if (!stretch) return pass(stretch.error());
        if (stretch->entries.empty()) break;  // rows are missing: whoever verifies the file will see it
        auto checkpoint = stretch->checkpoints.begin();
        for (const Entry& entry : stretch->entries) {
            add(entry);
            for (; checkpoint != stretch->checkpoints.end() && checkpoint->number <= entry.number;
                 ++checkpoint)
                add(*checkpoint);
        }
        next = stretch->entries.back().number + 1;
        if (auto taken = hand_over(); !taken) return pass(taken.error());
    }
    if (auto taken = hand_over(); !taken) return pass(taken.error());
    add(Footer{digest.finish()});
    if (auto taken = sink(piece); !taken) return pass(taken.error());
    return Exported{.entries = entries, .checkpoints = end->checkpoints};
}

}  // namespace rushlight::audit
