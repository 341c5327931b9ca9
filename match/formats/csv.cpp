// CSV with a header line (RFC 4180: quoted fields, doubled quotes, line breaks inside quotes), separated by
// ',',
// ';' or tab. Columns are known by their names.
#include "base/text.h"
#include "match/formats/emitter.h"

#include <algorithm>

namespace rushlight::match::formats {
namespace {

constexpr std::size_t kMaxColumns = 200;
constexpr std::size_t kMaxJoinedLines = 2'000;  // of one row: more than a note can have
// Lines that were joined in vain are read again, each from its own start; a file made to open quotes that
// never close may ask for so many of them. Behind that a quote has to close on its own line.
constexpr std::size_t kMaxReread = 200'000;
static_assert(kMaxJoinedLines > kMaxNoteBytes);

enum class Role { other, hash, value, method, note, state };
struct Column {
    Role role = Role::other;
    Method method = Method::md5;  // of Role::hash
};

Column column_of(std::string_view name) {
    std::string folded = lower(trim(name));
    std::erase_if(folded, [](char c) { return c == '-' || c == '_' || c == ' '; });
    const auto any_of = [&](std::initializer_list<std::string_view> names) {
        return std::ranges::find(names, folded) != names.end();
    };
    if (any_of({"hash", "value", "signalstr", "signalvalue", "signal", "indicator", "hashdigest", "hashvalue",
                "tdrawindicator", "rawindicator", "digest"})) {
        return {Role::value};
    }
    if (any_of({"method", "type", "signaltype", "hashtype", "algorithm", "hashname", "indicatortype",
                "tdindicatortype"})) {
        return {Role::method};
    }
    if (any_of({"note", "notes", "comment", "comments", "description", "tddescription"})) return {Role::note};
    if (folded == "state") return {Role::state};
    if (const auto method = method_of_type(name)) return {Role::hash, *method};
    return {};
}

struct Record {
    std::uint64_t line = 0;
    std::vector<std::string> fields;
    std::string problem;  // not empty: a bad line
};

class CsvReader {
  public:
    explicit CsvReader(Lines& lines) : lines_(lines) {}

    void set_separator(char separator) { separator_ = separator; }

    // nullopt at the end. Blank lines and comments are skipped.
    Result<std::optional<Record>> next() {
        Record record;
        std::vector<std::string> read;  // the lines it took
        std::size_t bytes = 0;
        while (true) {
            auto line = lines_.next();
            if (!line) return pass(line.error());
            if (!*line) {
                if (read.empty()) return std::nullopt;
                return unclosed(std::move(record), std::move(read));
            }
            if ((*line)->too_long) {
                if (!read.empty()) return unclosed(std::move(record), std::move(read));
                record.line = (*line)->number;
                record.problem = "longer than " + std::to_string(kMaxLineBytes) + " bytes";
                return record;
            }
            const std::string_view text = (*line)->text;
            if (read.empty()) {
                if (trim(text).empty() || text.front() == '#') continue;
                record.line = (*line)->number;
            }
            if (take(text, record)) return record;
            read.emplace_back(text);
            bytes += text.size() + 1;
            if (read.size() >= std::min(kMaxJoinedLines, reread_left_ + 1) || bytes > kMaxLineBytes) {
                return unclosed(std::move(record), std::move(read));
            }
        }
    }

  private:
    // One more line of the row; false where a quoted field goes on in the next.
    bool take(std::string_view line, Record& record) {
        if (quoted_) field_ += '\n';
        std::size_t at = 0;
        while (true) {
            if (!quoted_) {
                field_.clear();
                if (record.fields.size() == kMaxColumns) {
                    record.problem = "more than " + std::to_string(kMaxColumns) + " columns";
                    return true;
                }
                quoted_ = at < line.size() && line[at] == '"';
                if (quoted_) ++at;
            }
            while (quoted_) {
                const auto quote = std::min(line.find('"', at), line.size());
                field_ += line.substr(at, quote - at);
                if (quote == line.size()) return false;
                at = quote + 1;
                quoted_ = at < line.size() && line[at] == '"';
                if (quoted_) field_ += line[at++];
            }
            const auto end = std::min(line.find(separator_, at), line.size());
            field_ += line.substr(at, end - at);  // unquoted, or what wrongly follows a quote
            record.fields.push_back(std::move(field_));
            if (end == line.size()) return true;
            at = end + 1;
        }
    }

    // The first line is bad; the others get their own chance.
    Record unclosed(Record record, std::vector<std::string> read) {
        read.erase(read.begin());
        quoted_ = false;
        reread_left_ -= std::min(reread_left_, read.size());
        lines_.give_back(std::move(read), record.line + 1);
        record.problem = "a quote is opened and never closed";
        return record;
    }

    Lines& lines_;
    char separator_ = ',';
    bool quoted_ = false;  // within a quoted field, whose text so far is
    std::string field_;
    std::size_t reread_left_ = kMaxReread;
};

char separator_of(std::string_view header) {
    char best = ',';
    for (const char candidate : {',', ';', '\t'}) {
        if (std::ranges::count(header, candidate) > std::ranges::count(header, best)) best = candidate;
    }
    return best;
}

std::vector<std::string_view> header_names(std::string_view line, char separator) {
    auto names = split(line, separator);
    if (names.size() > kMaxColumns) names.clear();
    for (auto& name : names) {
        name = trim(name);
        if (name.size() >= 2 && name.front() == '"' && name.back() == '"')
            name = name.substr(1, name.size() - 2);
    }
    return names;
}

}  // namespace

bool is_csv_header(std::string_view line) {
    if (line.size() > 10'000) return false;
    for (const auto name : header_names(line, separator_of(line))) {
        const auto role = column_of(name).role;
        if (role == Role::hash || role == Role::value) return true;
    }
    return false;
}

Status read_csv(Lines& lines, Emitter& emitter) {
    CsvReader reader(lines);
    std::vector<Column> columns;
    bool has_method = false;
    // The header is the first line that is neither blank nor a comment.
    while (columns.empty()) {
        auto line = lines.next();
        if (!line) return pass(line.error());
        if (!*line) return fail(ErrorCode::invalid, "the file holds no CSV header");
        const auto text = trim((*line)->text);
        if ((*line)->too_long || (!text.empty() && text.front() != '#' && !is_csv_header(text))) {
            return fail(
                ErrorCode::invalid,
                "the first line is no CSV header with a column that is known here (md5, sha1, sha256, pdq, "
                "vpdq, photodna, hash, value, signal_str, indicator)");
        }
        if (text.empty() || text.front() == '#') continue;
        const char separator = separator_of(text);
        reader.set_separator(separator);
        for (const auto name : header_names(text, separator)) columns.push_back(column_of(name));
    }
    for (const auto& column : columns) has_method = has_method || column.role == Role::method;

    while (true) {
        auto next = reader.next();
        if (!next) return pass(next.error());
        if (!*next) return {};
        const Record& record = **next;
        if (!record.problem.empty()) {
            emitter.bad(record.line, record.problem);
            continue;
        }
        Extra extra;
        std::string_view type;
        std::string_view unknown_state;
        const std::size_t count = std::min(columns.size(), record.fields.size());
        for (std::size_t i = 0; i < count; ++i) {
            const std::string_view field = record.fields[i];
            if (columns[i].role == Role::note && extra.note.empty()) extra.note = field;
            if (columns[i].role == Role::method && type.empty()) type = trim(field);
            if (columns[i].role == Role::state && !trim(field).empty()) {
                extra.state = parse_entry_state(trim(field));
                if (!extra.state) unknown_state = field;
            }
        }
        if (!unknown_state.empty()) {
            emitter.bad(record.line, "'" + printable(unknown_state.substr(0, 40)) +
                                         "' is no state: active, quarantined or disabled");
            continue;
        }
        bool any = false;
        for (std::size_t i = 0; i < count; ++i) {
            const std::string_view field = trim(record.fields[i]);
            if (field.empty()) continue;
            Status status;
            if (columns[i].role == Role::hash) {
                any = true;
                status = emitter.typed(record.line, columns[i].method, field, extra);
            } else if (columns[i].role == Role::value) {
                any = true;
                status = type.empty() ? emitter.bare(record.line, field, extra)
                                      : emitter.named(record.line, type, field, extra);
            }
            if (!status) return status;
        }
        if (!any) emitter.bad(record.line, "no hash in this row");
    }
}

}  // namespace rushlight::match::formats
