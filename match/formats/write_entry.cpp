#include "match/formats/formats.h"

#include <nlohmann/json.hpp>

namespace rushlight::match::formats {
namespace {

void append_field(std::string_view text, std::string& out) {
    if (text.find_first_of(",;\t\"\r\n#") == std::string_view::npos) {
        out += text;
        return;
    }
    out += '"';
    for (const char c : text) {
        if (c == '"') out += '"';
        out += c;
    }
    out += '"';
}

}  // namespace

std::string_view csv_header() { return "method,value,state,note,added_by,added_at\n"; }

void write_entry(Format format, const WrittenEntry& entry, std::string& out) {
    const std::string value = entry.value.text();
    if (format == Format::csv) {
        out += to_string(entry.value.method);
        for (const std::string_view field :
             {std::string_view(value), to_string(entry.state), entry.note, entry.who, entry.when}) {
            out += ',';
            append_field(field, out);
        }
    } else if (format == Format::jsonl) {
        nlohmann::ordered_json object = {{"method", to_string(entry.value.method)},
                                         {"value", value},
                                         {"state", to_string(entry.state)},
                                         {"note", entry.note},
                                         {"added_by", entry.who},
                                         {"added_at", entry.when}};
        out += object.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace);
    } else {
        out += value;
    }
    out += '\n';
}

}  // namespace rushlight::match::formats
