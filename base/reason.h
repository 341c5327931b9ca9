// Reason: why one item could not be read or matched. The one set used by media, archive, match, scan and
// every JSON answer; docs/reasons.md says what to do about each.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace rushlight {

enum class Reason {
    empty,        // no bytes at all
    truncated,    // ends before its own structure says it should
    unsupported,  // a real format, or a variant of one, that this build does not read
    corrupt,      // claims a format and breaks its rules
    too_large,    // more bytes, pixels, frames or members than the limits allow
    timeout,      // decoding took longer than allowed
    crashed,      // the sandboxed child died while reading it
    denied,       // the file could not be opened, or its reader tried something forbidden
    bomb,         // unpacks to far more than it is
    low_quality,  // too flat for a near match to mean anything
    not_media,    // no picture, no video: only its exact hashes count
    not_fetched,  // a link that led to nothing we may or can have
};

std::string_view to_string(Reason reason);
std::optional<Reason> parse_reason(std::string_view text);

// A reason with its words: what happened to this item.
struct Problem {
    Reason reason = Reason::corrupt;
    std::string message;

    bool operator==(const Problem&) const = default;
};

}  // namespace rushlight
