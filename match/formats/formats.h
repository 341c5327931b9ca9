// match/formats: how hash lists are written in files. Reading is streaming, in bounded memory, from any
// descriptor; a bad line is named with its number and reason, and the good ones are kept.
//
// docs/lists.md describes each format with examples. Sources of the shapes: facebook/ThreatExchange
// (python-threatexchange, local file and dataset commands), jessek/hashdeep (FILEFORMAT), sleuthkit (NSRL,
// md5sum), RFC 4180 (CSV), RFC 8259 (JSON).
#pragma once

#include "base/result.h"
#include "match/formats/value.h"

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

namespace rushlight::match::formats {

enum class EntryState : std::uint8_t {
    active,
    quarantined,  // reported, never acted upon
    disabled,     // not matched
};
std::string_view to_string(EntryState state);
std::optional<EntryState> parse_entry_state(std::string_view text);

enum class Format : std::uint8_t {
    text,            // a hash a line; '#' comments
    csv,             // a header, then rows; ',' ';' or tab
    jsonl,           // a JSON object a line
    threatexchange,  // `type value` a line
    hashdeep,        // hashdeep's own file
    md5sum,          // `hex  name`, `MD5 (name) = hex`: md5sum, sha1sum, sha256sum
};
std::string_view to_string(Format format);
std::optional<Format> parse_format(std::string_view text);

}  // namespace rushlight::match::formats
