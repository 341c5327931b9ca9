// JSON lines: an object a line. The keys are those of the CSV header.
#include "base/text.h"
#include "match/formats/emitter.h"

#include <nlohmann/json.hpp>

namespace rushlight::match::formats {
namespace {

using Json = nlohmann::json;

constexpr int kMaxDepth = 16;

// Deeper nesting is refused before a parser sees it.
bool too_deep(std::string_view text) {
    int depth = 0;
    bool quoted = false;
    for (std::size_t i = 0; i < text.size(); ++i) {
        const char c = text[i];
        if (quoted) {
            if (c == '\\') ++i;
            if (c == '"') quoted = false;
        } else if (c == '"') {
            quoted = true;
        } else if (c == '{' || c == '[') {
            if (++depth > kMaxDepth) return true;
        } else if (c == '}' || c == ']') {
            --depth;
        }
    }
    return false;
}

const Json* find_any(const Json& object, std::initializer_list<const char*> keys) {
    for (const char* key : keys) {
        for (const auto& [name, value] : object.items()) {
            if (equals_ignoring_case(name, key) && !value.is_null()) return &value;
        }
    }
    return nullptr;
}

// A vPDQ value may be an array of strings; everything else is a string.
std::optional<std::string> value_text(const Json& json) {
    if (json.is_string()) return json.get<std::string>();
    if (json.is_array()) return json.dump(-1, ' ', false, Json::error_handler_t::replace);
    return std::nullopt;
}

std::string string_or_empty(const Json* json) {
    return json != nullptr && json->is_string() ? json->get<std::string>() : std::string();
}

Status read_object(std::uint64_t line, const Json& object, Emitter& emitter) {
    const auto bad = [&](std::string reason) -> Status {
        emitter.bad(line, std::move(reason));
        return {};
    };
    for (const char* key : {"deleted", "should_delete"}) {
        if (const auto found = object.find(key);
            found != object.end() && found->is_boolean() && found->get<bool>()) {
            return bad("marked as deleted by its source");
        }
    }
    Extra extra;
    const std::string note =
        string_or_empty(find_any(object, {"note", "comment", "comments", "description"}));
    extra.note = note;
    if (const Json* state = find_any(object, {"state"})) {
        extra.state = parse_entry_state(string_or_empty(state));
        if (!extra.state) return bad("'state' is none of active, quarantined, disabled");
    }
    const std::string type = string_or_empty(find_any(
        object, {"method", "signal_type", "hash_type", "algorithm", "hash_name", "type", "signalType"}));
    if (const Json* value = find_any(object, {"value", "hash", "signal_str", "signal_value", "indicator",
                                              "hash_digest", "hash_value", "hashValue"})) {
        const auto text = value_text(*value);
        if (!text) return bad("the value is no string");
        return type.empty() ? emitter.bare(line, *text, extra) : emitter.named(line, type, *text, extra);
    }
    bool any = false;
    for (const auto& [key, value] : object.items()) {
        const auto method = method_of_type(key);
        if (!method || value.is_null()) continue;
        any = true;
        const auto text = value_text(value);
        if (!text) {
            emitter.bad(line, "the value of '" + printable(key) + "' is no string");
            continue;
        }
        if (auto status = emitter.typed(line, *method, *text, extra); !status) return status;
    }
    if (!any) return bad("no hash in this object");
    return {};
}

}  // namespace

Status read_jsonl(Lines& lines, Emitter& emitter) {
    while (true) {
        auto line = lines.next();
        if (!line) return pass(line.error());
        if (!*line) return {};
        const std::uint64_t number = (*line)->number;
        if ((*line)->too_long) {
            emitter.too_long(number);
            continue;
        }
        const auto text = trim((*line)->text);
        if (text.empty() || text.front() == '#') continue;
        if (too_deep(text)) {
            emitter.bad(number, "nested deeper than " + std::to_string(kMaxDepth));
            continue;
        }
        const Json object = Json::parse(text, nullptr, false);
        if (object.is_discarded()) {
            emitter.bad(number, "not valid JSON");
        } else if (!object.is_object()) {
            emitter.bad(number, "not a JSON object");
        } else if (auto status = read_object(number, object, emitter); !status) {
            return status;
        }
    }
}

}  // namespace rushlight::match::formats
