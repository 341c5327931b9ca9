// One change of one entry, as the change log carries it: enough for a matcher to follow without asking again.
#pragma once

#include "match/key.h"
#include "match/lists.h"

#include <optional>
#include <span>
#include <vector>

namespace rushlight::match {

struct Change {
    Key key;
    std::optional<EntryState> before;  // none: it was not there
    std::optional<EntryState> after;   // none: it is gone

    bool operator==(const Change&) const = default;
};

// A change is 2 bytes (method, states) and the key.
ByteVector pack_changes(std::span<const Change> changes);
// Fails with `corrupt`.
Result<std::vector<Change>> unpack_changes(Bytes bytes);

}  // namespace rushlight::match
