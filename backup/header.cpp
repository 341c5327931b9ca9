#include "backup/header.h"

#include "base/text.h"

#include <algorithm>
#include <array>
#include <cstdio>
#include <set>

#include <nlohmann/json.hpp>

namespace rushlight::backup {
namespace {

using nlohmann::json;
using Kind = store::Value::Kind;

constexpr int kFormat = 1;
constexpr std::array<std::pair<Kind, std::string_view>, 4> kKinds = {
    {{Kind::integer, "integer"}, {Kind::real, "real"}, {Kind::text, "text"}, {Kind::bytes, "bytes"}}};
constexpr std::array<std::pair<Keys, std::string_view>, 3> kKeys = {
    {{Keys::left_out, "left_out"},
     {Keys::in_the_clear, "in_the_clear"},
     {Keys::under_passphrase, "under_passphrase"}}};

// As tables, columns and rooms are called here; such a name can go into SQL and into a path.
bool is_name(std::string_view name) {
    return !name.empty() && name.size() <= 60 && std::ranges::all_of(name, [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_';
    });
}

struct Bad {};  // caught below

const json& at(const json& object, const char* key) {
    const auto found = object.find(key);
    if (found == object.end()) throw Bad{};
    return *found;
}
std::string name_of(const json& value) {
    if (!value.is_string() || !is_name(value.get_ref<const std::string&>())) throw Bad{};
    return value.get<std::string>();
}
std::string words_of(const json& value) {
    if (!value.is_string() || value.get_ref<const std::string&>().size() > 200) throw Bad{};
    return value.get<std::string>();
}
std::int64_t number_of(const json& value, std::int64_t most) {
    if (!value.is_number_integer() || value < 0 || value > most) throw Bad{};
    return value.get<std::int64_t>();
}
template <class Pairs>
auto key_of(const Pairs& pairs, const json& value) {
    for (const auto& [key, word] : pairs)
        if (value == word) return key;
    throw Bad{};
}
template <class Pairs, class Key>
std::string_view word_of(const Pairs& pairs, Key wanted) {
    for (const auto& [key, word] : pairs)
        if (key == wanted) return word;
    return {};
}

store::Table table_of(const json& value) {
    store::Table table{.name = name_of(at(value, "name")), .columns = {}};
    for (const json& column : at(value, "columns")) {
        if (!column.is_array() || column.size() != 2 || table.columns.size() == 500) throw Bad{};
        table.columns.push_back({name_of(column[0]), key_of(kKinds, column[1])});
    }
    if (table.columns.empty()) throw Bad{};
    return table;
}

Header header_of(const json& object) {
    Header header;
    const auto made = Time::parse(words_of(at(object, "made_at")));
    if (!made) throw Bad{};
    header.made = *made;
    header.program = words_of(at(object, "program"));
    header.made_from = words_of(at(object, "made_from"));
    header.place = words_of(at(object, "place"));
    header.keys = key_of(kKeys, at(object, "keys"));
    for (const auto& [room, number] : at(object, "schema").items())
        header.schema[name_of(room)] = static_cast<int>(number_of(number, 100'000));
    std::set<std::string> seen;
    for (const json& table : at(object, "tables")) {
        header.tables.push_back(table_of(table));
        if (header.tables.size() > 10'000 || !seen.insert(header.tables.back().name).second) throw Bad{};
    }
    for (const auto& [table, last] : at(object, "counters").items())
        header.counters[name_of(table)] = number_of(last, INT64_MAX);
    return header;
}

}  // namespace

const char* to_string(Keys keys) {
    switch (keys) {
        case Keys::in_the_clear:
            return "included";
        case Keys::under_passphrase:
            return "included, under their passphrase";
        case Keys::left_out:
            break;
    }
    return "left out";
}

std::string header_text(const Header& header) {
    nlohmann::ordered_json object{{"format", kFormat},          {"made_at", header.made.rfc3339()},
                                  {"program", header.program},  {"made_from", header.made_from},
                                  {"place", header.place},      {"keys", word_of(kKeys, header.keys)},
                                  {"schema", header.schema},    {"tables", nlohmann::ordered_json::array()},
                                  {"counters", header.counters}};
    for (const store::Table& table : header.tables) {
        nlohmann::ordered_json columns = nlohmann::ordered_json::array();
        for (const store::Column& column : table.columns)
            columns.push_back({column.name, word_of(kKinds, column.kind)});
        object["tables"].push_back({{"name", table.name}, {"columns", std::move(columns)}});
    }
    return object.dump(1, ' ', false, nlohmann::ordered_json::error_handler_t::replace) + '\n';
}

Result<Header> parse_header(std::string_view text) {
    const json object = json::parse(text, nullptr, false);
    if (object.is_object() && object.contains("format") && object["format"].is_number_integer() &&
        object["format"] > kFormat)
        return fail(
            ErrorCode::conflict,
            "the backup was made by a newer Rushlight, in a format that this one does not know. Use the "
            "newer Rushlight. Nothing was changed");
    try {
        if (!object.is_object() || at(object, "format") != kFormat) throw Bad{};
        return header_of(object);
    } catch (const Bad&) {
    } catch (const json::exception&) {  // of a kind that nobody expected
    }
    return fail(ErrorCode::corrupt,
                "this is no backup that Rushlight made: what it says about itself cannot be "
                "read. Nothing was changed");
}

std::string chunk_name(std::string_view table, std::int64_t number) {
    std::array<char, 24> digits{};
    std::snprintf(digits.data(), digits.size(), "/%06lld", static_cast<long long>(number));
    return "tables/" + std::string(table) + digits.data();
}

std::string held_name(std::string_view hex) { return "holding/" + std::string(hex) + ".sealed"; }

}  // namespace rushlight::backup
