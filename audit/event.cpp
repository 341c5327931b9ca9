// What may stand in an entry, and the canonical JSON of its detail.
#include "audit/chain.h"
#include "base/text.h"

#include <algorithm>

#include <nlohmann/json.hpp>

namespace rushlight::audit {
namespace {

using nlohmann::json;

constexpr int kMostDepth = 8;

bool is_word(std::string_view text) {
    return !text.empty() && text.size() <= kMostName && std::ranges::all_of(text, [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '.' || c == '_';
    });
}

bool is_name(std::string_view text, std::size_t most) {
    return text.size() <= most && is_utf8(text) && text.find('\0') == std::string_view::npos;
}

// An object whose own spelling is the one that we would write.
bool is_canonical(std::string_view text) {
    bool fits = true;
    const auto look = [&fits](int depth, json::parse_event_t, const json& part) {
        fits = fits && depth <= kMostDepth && !part.is_number_float();
        return fits;  // false: the part is left out, so that nothing grows deep
    };
    const json value = json::parse(text, look, false);
    return fits && value.is_object() && value.dump() == text;
}

}  // namespace

Status check(const Event& event) {
    const auto refuse = [](std::string what) {
        return fail(ErrorCode::invalid, "an audit entry cannot hold this " + std::move(what));
    };
    if (event.who.empty() || !is_name(event.who, kMostName))
        return refuse("`who`: it wants 1 to 200 bytes of UTF-8 without NUL");
    if (!is_word(event.what)) return refuse("`what`: it wants lower case letters, digits, . and _");
    if (event.on != Subject{} && !is_word(event.on.kind))
        return refuse("kind of thing: it wants lower case letters, digits, . and _");
    if (!is_name(event.on.id, kMostId)) return refuse("id: it wants up to 512 bytes of UTF-8 without NUL");
    if (event.detail.size() > kMostDetail) return refuse("detail: it has more than 16 KiB");
    if (!is_utf8(event.detail) || !is_canonical(event.detail))
        return refuse("detail: it is no JSON object in its canonical form");
    return {};
}

std::string detail(std::initializer_list<Field> fields) {
    json object = json::object();
    for (const Field& field : fields) {
        json& value = object[to_utf8(field.key)];
        if (const auto* text = std::get_if<std::string>(&field.value)) {
            value = to_utf8(*text);
        } else if (const auto* number = std::get_if<std::int64_t>(&field.value)) {
            value = *number;
        } else if (const auto* yes = std::get_if<bool>(&field.value)) {
            value = *yes;
        } else {
            value = json::array();
            for (const std::string& one : std::get<std::vector<std::string>>(field.value))
                value.push_back(to_utf8(one));
        }
    }
    return object.dump();
}

}  // namespace rushlight::audit
