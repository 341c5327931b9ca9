#include "match/formats/emitter.h"

#include "base/text.h"

#include <algorithm>

namespace rushlight::match::formats {
namespace {

constexpr std::array<std::string_view, 3> kStates = {"active", "quarantined", "disabled"};
constexpr std::array<std::string_view, 6> kFormats = {"text",           "csv",      "jsonl",
                                                      "threatexchange", "hashdeep", "md5sum"};

struct TypeName {
    std::string_view name;  // lower case, without '-', '_' and white space
    Method method;
};
constexpr TypeName kTypes[] = {
    {"md5", Method::md5},
    {"videomd5", Method::md5},
    {"hashmd5", Method::md5},
    {"hashvideomd5", Method::md5},
    {"sha1", Method::sha1},
    {"hashsha1", Method::sha1},
    {"videosha1", Method::sha1},
    {"sha256", Method::sha256},
    {"hashsha256", Method::sha256},
    {"videosha256", Method::sha256},
    {"hashvideosha256", Method::sha256},
    {"pdq", Method::pdq},
    {"hashpdq", Method::pdq},
    {"imagepdq", Method::pdq},
    {"vpdq", Method::vpdq},
    {"videovpdq", Method::vpdq},
    {"hashvpdq", Method::vpdq},
    {"photodna", Method::photodna},
    {"pdna", Method::photodna},
    {"hashpdna", Method::photodna},
    {"hashphotodna", Method::photodna},
};
constexpr std::string_view kOtherTypes[] = {
    "url",          "uri",     "rawuri",      "rawtext",  "textstring",  "trendquery", "texttlsh",
    "hashtexttlsh", "tlsh",    "tlshpdf",     "pdqocr",   "hashpdqocr",  "hashurlmd5", "urlmd5",
    "tmk",          "tmkpdqf", "videotmk",    "netclean", "videntifier", "sha512",     "sha384",
    "sha224",       "ssdeep",  "debugstring", "crc32",    "md4",         "edonkey",    "saferhash",
};

std::string folded(std::string_view type) {
    std::string name = lower(trim(type));
    std::erase_if(name, [](char c) { return c == '-' || c == '_' || c == ' '; });
    return name;
}

}  // namespace

std::string_view to_string(EntryState state) { return kStates.at(static_cast<std::size_t>(state)); }
std::optional<EntryState> parse_entry_state(std::string_view text) {
    for (std::size_t i = 0; i < kStates.size(); ++i) {
        if (equals_ignoring_case(kStates[i], text)) return static_cast<EntryState>(i);
    }
    return std::nullopt;
}

std::string_view to_string(Format format) { return kFormats.at(static_cast<std::size_t>(format)); }
std::optional<Format> parse_format(std::string_view text) {
    for (std::size_t i = 0; i < kFormats.size(); ++i) {
        if (equals_ignoring_case(kFormats[i], text)) return static_cast<Format>(i);
    }
    if (equals_ignoring_case(text, "json") || equals_ignoring_case(text, "ndjson")) return Format::jsonl;
    return std::nullopt;
}

std::optional<Method> method_of_type(std::string_view type) {
    if (type.size() > 64) return std::nullopt;
    const std::string folded_name = folded(type);
    std::string_view name = folded_name;
    for (const auto& known : kTypes) {
        if (known.name == name) return known.method;
    }
    for (const std::string_view end : {"hash", "sum"}) {  // "PDQ hash", "md5sum"
        if (!name.ends_with(end)) continue;
        name.remove_suffix(end.size());
        for (const auto& known : kTypes) {
            if (known.name == name) return known.method;
        }
    }
    return std::nullopt;
}

bool is_other_type(std::string_view type) {
    return type.size() <= 64 && std::ranges::find(kOtherTypes, folded(type)) != std::end(kOtherTypes);
}

std::string clean_note(std::string_view note) {
    std::string text = to_utf8(trim(note).substr(0, 4 * kMaxNoteBytes));
    std::string out;
    for (std::size_t i = 0; i < text.size(); ++i) {
        const auto c = static_cast<unsigned char>(text[i]);
        if (c == '\r') {
            if (i + 1 == text.size() || text[i + 1] != '\n') out += '\n';
        } else {
            out += (c < 0x20 && c != '\n' && c != '\t') || c == 0x7F ? ' ' : text[i];
        }
    }
    std::size_t end = std::min(out.size(), kMaxNoteBytes);
    while (end > 0 && end < out.size() && (static_cast<unsigned char>(out[end]) & 0xC0) == 0x80) --end;
    return std::string(trim(std::string_view(out).substr(0, end)));
}

Status Emitter::emit(std::uint64_t line, Method method, Bytes bytes, bool undecided, const Extra& extra) {
    Item item{line, method, bytes, undecided, extra.state, {}};
    if (!extra.note.empty()) {
        note_ = clean_note(extra.note);
        item.note = note_;
    }
    return sink_.item(item);
}

Status Emitter::typed(std::uint64_t line, Method method, std::string_view text, const Extra& extra) {
    text = trim(text);
    if (const std::size_t size = hash_bytes(method); size != 0) {
        const auto out = std::span(scratch_).first(size);
        if (parse_hex(text, out)) return emit(line, method, out, false, extra);
    }
    const auto value = Value::parse(method, text);
    if (!value) {
        bad(line, value.error().message);
        return {};
    }
    return emit(line, method, value->bytes, false, extra);
}

Status Emitter::bare(std::uint64_t line, std::string_view text, const Extra& extra) {
    text = trim(text);
    if (options_.method) return typed(line, *options_.method, text, extra);
    if (text.size() == 64 && parse_hex(text, scratch_))
        return emit(line, Method::sha256, scratch_, true, extra);
    const auto value = Value::guess(text, Method::sha256);
    if (!value) {
        bad(line, value.error().message);
        return {};
    }
    return emit(line, value->method, value->bytes, false, extra);
}

Status Emitter::named(std::uint64_t line, std::string_view type, std::string_view text, const Extra& extra) {
    if (const auto method = method_of_type(type)) return typed(line, *method, text, extra);
    const std::string shown = printable(trim(type).substr(0, 40));
    bad(line, is_other_type(type) ? "'" + shown + "' is no kind of hash that is kept here"
                                  : "'" + shown + "' is no known kind of hash");
    return {};
}

}  // namespace rushlight::match::formats
