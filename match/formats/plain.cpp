// The formats of one value a line: text, `type value`, md5sum and hashdeep.
#include "base/text.h"
#include "match/formats/emitter.h"

namespace rushlight::match::formats {
namespace {

bool is_space(char c) { return c == ' ' || c == '\t'; }

// Up to the first white space, and what follows it.
std::pair<std::string_view, std::string_view> first_word(std::string_view text) {
    std::size_t end = 0;
    while (end < text.size() && !is_space(text[end])) ++end;
    return {text.substr(0, end), trim(text.substr(end))};
}

// Calls `use` with each line that is neither blank nor a comment nor too long.
template <class F>
Status each_line(Lines& lines, Emitter& emitter, F&& use) {
    while (true) {
        auto line = lines.next();
        if (!line) return pass(line.error());
        if (!*line) return {};
        if ((*line)->too_long) {
            emitter.too_long((*line)->number);
            continue;
        }
        const auto text = trim((*line)->text);
        if (text.empty() || text.front() == '#') continue;
        if (auto status = use((*line)->number, text); !status) return status;
    }
}

}  // namespace

Status read_text(Lines& lines, Emitter& emitter) {
    return each_line(lines, emitter, [&](std::uint64_t number, std::string_view text) {
        // `hash # note`; a '#' is in no hash, nor in base64.
        const auto comment = text.find('#');
        if (comment == std::string_view::npos) return emitter.bare(number, text);
        return emitter.bare(number, text.substr(0, comment), {std::nullopt, text.substr(comment + 1)});
    });
}

Status read_threatexchange(Lines& lines, Emitter& emitter) {
    return each_line(lines, emitter, [&](std::uint64_t number, std::string_view text) -> Status {
        const auto [type, rest] = first_word(text);
        if (rest.empty()) {
            emitter.bad(number, "not `type value`: there is only one word");
            return {};
        }
        // After the value may stand the collaboration, a category and tags: not part of it. A vPDQ array may
        // hold spaces, so it ends with its bracket.
        if (rest.front() == '[') {
            const auto end = rest.rfind(']');
            return emitter.named(number, type,
                                 end == std::string_view::npos ? rest : rest.substr(0, end + 1));
        }
        const auto [value, after] = first_word(rest);
        return emitter.named(number, type, value, {std::nullopt, after});
    });
}

Status read_md5sum(Lines& lines, Emitter& emitter) {
    return each_line(lines, emitter, [&](std::uint64_t number, std::string_view text) -> Status {
        // BSD: `MD5 (name) = hex`; the name may hold anything.
        const auto open = text.find(" (");
        const auto close = text.rfind(") = ");
        if (open != std::string_view::npos && close != std::string_view::npos && open < close) {
            return emitter.named(number, text.substr(0, open), text.substr(close + 4));
        }
        // GNU: `hex  name`, `hex *name`; a leading backslash says that the name is escaped.
        if (text.front() == '\\') text.remove_prefix(1);
        const auto hex = first_word(text).first;
        if (hex.size() != 32 && hex.size() != 40 && hex.size() != 64) {
            emitter.bad(number,
                        "not `hash  name`: the first word has " + std::to_string(hex.size()) + " characters");
            return {};
        }
        // Programs that print PDQ hashes write them in this form too: 64 digits are no more certain to be
        // SHA-256 here than on a line of their own.
        return emitter.bare(number, hex);
    });
}

Status read_hashdeep(Lines& lines, Emitter& emitter) {
    std::vector<std::optional<Method>> columns;  // by the second '%%%%' line
    return each_line(lines, emitter, [&](std::uint64_t number, std::string_view text) -> Status {
        if (text.starts_with("%%%%")) {
            const auto names = split(trim(text.substr(4)), ',');
            if (names.size() > 1 && names.size() <= 16) {
                columns.clear();
                for (const auto name : names) columns.push_back(method_of_type(name));
            }
            return {};
        }
        if (columns.empty()) {
            emitter.bad(number, "there is no `%%%% size,…,filename` line before it");
            return {};
        }
        bool any = false;
        for (const auto& method : columns) {
            const auto comma = text.find(',');
            const auto field = text.substr(0, comma);
            if (method) {
                any = true;
                if (auto status = emitter.typed(number, *method, field); !status) return status;
            }
            if (comma == std::string_view::npos) break;
            text.remove_prefix(comma + 1);
        }
        if (!any) emitter.bad(number, "no column with a hash that is kept here");
        return {};
    });
}

}  // namespace rushlight::match::formats
