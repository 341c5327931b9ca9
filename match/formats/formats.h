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
    md5sum,          // `hex  name`, `MD5 (name) = hex`: md5sum, sha1sum, sha256sum; 64 digits are undecided
};
std::string_view to_string(Format format);
std::optional<Format> parse_format(std::string_view text);

inline constexpr std::size_t kMaxLineBytes = 2 << 20;  // holds the longest vPDQ value
inline constexpr std::size_t kMaxNoteBytes = 1000;     // a longer note is cut at a character

// A note as lists keep it: at most kMaxNoteBytes of well-formed UTF-8, lines ended by a newline, no other
// control character but the tab, no white space at its ends. A clean note stays as it is, and comes back from
// CSV and JSON lines byte for byte.
std::string clean_note(std::string_view note);

// One value of a list file. Views live until the callback returns.
struct Item {
    std::uint64_t line = 0;  // that it began on, from 1
    Method method = Method::md5;
    Bytes bytes;             // packed, as in Value
    bool undecided = false;  // 64 bare digits: `method` says sha256, and may be pdq as well
    std::optional<EntryState> state;
    std::string_view note;  // clean
};

struct ReadOptions {
    std::optional<Format> format;
    std::optional<Method> method;  // of bare values: one of another shape is then a bad line
};

struct ReadSink {
    // Returning an error ends the reading with it.
    std::function<Status(const Item&)> item;
    std::function<void(std::uint64_t line, std::string reason)> bad;
};

// Reads from the descriptor's position to its end. Fails with `io`, with `invalid` where the content is of no
// format we know, or as the sink says. A file of bad lines only is no failure here.
Result<Format> read_list(int fd, const ReadOptions& options, const ReadSink& sink);

// CSV with a header, or JSON lines: what read_list() reads back with the same values, states and notes.
struct WrittenEntry {
    const Value& value;
    EntryState state;
    std::string_view note, who, when;
};
std::string_view csv_header();
// Appends one line to `out`. `format` is csv, jsonl, or text: only the value, the rest is lost.
void write_entry(Format format, const WrittenEntry& entry, std::string& out);

}  // namespace rushlight::match::formats
