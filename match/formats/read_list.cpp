#include "base/text.h"
#include "match/formats/emitter.h"

#include <algorithm>

namespace rushlight::match::formats {
namespace {

constexpr bool is_hex_digit(char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

bool is_hash(std::string_view text) {
    return (text.size() == 32 || text.size() == 40 || text.size() == 64) &&
           std::ranges::all_of(text, is_hex_digit);
}

// One line's own format; nullopt where it does not tell.
std::optional<Format> format_of_line(std::string_view line) {
    if (line.starts_with("%%%% HASHDEEP")) return Format::hashdeep;
    if (line.front() == '{') return Format::jsonl;
    if (line.front() == '[') return Format::text;  // a vPDQ value
    const auto space = line.find_first_of(" \t");
    const auto word = line.substr(0, space);
    if (space != std::string_view::npos) {
        const auto rest = trim(line.substr(space));
        if (rest.starts_with("(") && rest.find(") = ") != std::string_view::npos && method_of_type(word)) {
            return Format::md5sum;
        }
        if (is_hash(word.starts_with("\\") ? word.substr(1) : word)) {
            return rest.starts_with("#") ? Format::text : Format::md5sum;
        }
        if (method_of_type(word) ||
            (is_other_type(word) && line.find_first_of(",;\t") == std::string_view::npos)) {
            if (!is_csv_header(line)) return Format::threatexchange;
        }
    }
    if (is_csv_header(line)) return Format::csv;
    if (is_hash(trim(line.substr(0, line.find('#')))) || Value::guess(line, Method::pdq)) return Format::text;
    return std::nullopt;
}

// What people take for a text file and is none: said by name, as it can be mended.
std::string_view no_text(std::string_view head) {
    using namespace std::string_view_literals;
    if (head.starts_with("\xFF\xFE"sv) || head.starts_with("\xFE\xFF"sv))
        return "this is UTF-16 text: save it as UTF-8 (`iconv -f UTF-16 -t UTF-8`) and import that";
    for (const auto magic : {"\x1F\x8B"sv, "PK\x03\x04"sv, "7z\xBC\xAF"sv,
                             "\xFD"
                             "7zXZ"sv,
                             "BZh"sv, "\x28\xB5\x2F\xFD"sv}) {
        if (head.starts_with(magic)) return "this is packed: unpack it and import what is in it";
    }
    if (head.find('\0') == std::string_view::npos) return {};
    return "this is no text: a hash list is plain text, CSV, JSON lines, `type value` lines, hashdeep or "
           "md5sum output in UTF-8";
}

// A row of hashes without the line that would say which column is what.
bool is_headless_row(std::string_view line) {
    for (const char separator : {',', ';', '\t'}) {
        if (line.find(separator) == std::string_view::npos) continue;
        for (auto cell : split(line, separator)) {
            cell = trim(cell);
            if (cell.size() > 2 && cell.front() == '"' && cell.back() == '"')
                cell = cell.substr(1, cell.size() - 2);
            if (is_hash(cell)) return true;
        }
    }
    return false;
}

}  // namespace

Result<Format> tell_format(std::string_view head) {
    if (const auto why = no_text(head); !why.empty()) return fail(ErrorCode::invalid, std::string(why));
    // Broken lines at the start tell nothing: the first line that does decides, among the first 100.
    int looked_at = 0;
    bool any = false;
    bool headless = false;
    while (!head.empty() && looked_at < 100) {
        const auto end = head.find('\n');
        const auto line = trim(head.substr(0, end));
        head.remove_prefix(end == std::string_view::npos ? head.size() : end + 1);
        if (line.empty() || line.front() == '#') continue;
        any = true;
        ++looked_at;
        if (line == "[" || line.starts_with("[{")) {
            return fail(ErrorCode::invalid,
                        "this is one JSON document: write one object a line (JSON lines) and import that");
        }
        if (const auto format = format_of_line(line)) return *format;
        headless = headless || is_headless_row(line);
    }
    if (!any) return Format::text;  // an empty list is a list
    if (headless) {
        return fail(ErrorCode::invalid,
                    "these look like the rows of a CSV file, without the line before them that names its "
                    "columns: put one there, such as md5,note");
    }
    return fail(
        ErrorCode::invalid,
        "none of the first lines is a hash, a CSV header, a JSON object or a `type value` line: say the "
        "format (text, csv, jsonl, threatexchange, hashdeep, md5sum), or check the file");
}

Result<Format> read_list(int fd, const ReadOptions& options, const ReadSink& sink) {
    Lines lines(fd);
    auto head = lines.peek();
    if (!head) return pass(head.error());
    Format format = Format::text;
    if (options.format) {
        format = *options.format;
    } else {
        auto told = tell_format(*head);
        if (!told) return pass(told.error());
        format = *told;
    }
    Emitter emitter(options, sink);
    const auto read = [&]() -> Status {
        switch (format) {
            case Format::text:
                return read_text(lines, emitter);
            case Format::csv:
                return read_csv(lines, emitter);
            case Format::jsonl:
                return read_jsonl(lines, emitter);
            case Format::threatexchange:
                return read_threatexchange(lines, emitter);
            case Format::hashdeep:
                return read_hashdeep(lines, emitter);
            case Format::md5sum:
                return read_md5sum(lines, emitter);
        }
        return {};
    };
    if (auto status = read(); !status) return pass(status.error());
    return format;
}

}  // namespace rushlight::match::formats
