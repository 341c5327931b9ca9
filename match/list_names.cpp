// Names, kinds and thresholds of lists: words in, values out.
#include "base/text.h"
#include "match/list_store.h"
#include "match/lists.h"

namespace rushlight::match {

store::Schema schema() { return list_store::schema(); }

std::string_view to_string(ListKind kind) { return kind == ListKind::known ? "known" : "negative"; }
std::optional<ListKind> parse_list_kind(std::string_view text) {
    if (equals_ignoring_case(text, "known")) return ListKind::known;
    if (equals_ignoring_case(text, "negative")) return ListKind::negative;
    return std::nullopt;
}

Status set_threshold(Thresholds& thresholds, std::string_view assignment) {
    const auto equals = assignment.find('=');
    const std::string method = lower(trim(assignment.substr(0, equals)));
    const std::int64_t number = equals == std::string_view::npos
                                    ? -1
                                    : parse_integer(trim(assignment.substr(equals + 1))).value_or(-1);
    const std::string shown = "threshold '" + printable(assignment) + "': ";
    if (method == "pdq" || method == "vpdq") {
        if (number < 0 || number > kMaxThreshold) {
            return fail(ErrorCode::invalid, shown + "a number of bits from 0 to " +
                                                std::to_string(kMaxThreshold) + " is wanted, as in " +
                                                method + "=31");
        }
        (method == "pdq" ? thresholds.pdq : thresholds.vpdq) = static_cast<int>(number);
        return {};
    }
    if (method == "vpdq_share") {
        if (number < 1 || number > 100) {
            return fail(ErrorCode::invalid,
                        shown + "a share from 1 to 100 per cent is wanted, as in vpdq_share=80");
        }
        thresholds.vpdq_share = static_cast<int>(number);
        return {};
    }
    if (formats::parse_method(method)) {
        return fail(ErrorCode::invalid,
                    shown + method + " has none: it is compared for equality or not at all");
    }
    return fail(ErrorCode::invalid, shown + "say pdq=N, vpdq=N or vpdq_share=N");
}

Status check_list_name(std::string_view name) {
    const auto bad = [&](const std::string& why) {
        return fail(ErrorCode::invalid,
                    "'" + printable(name.substr(0, 120)) + "' is no name for a list: " + why);
    };
    if (name.empty()) return bad("it is empty");
    if (name.size() > kMaxNameBytes)
        return bad("it is longer than " + std::to_string(kMaxNameBytes) + " bytes");
    if (names_a_file(name)) return bad("a name with '/' or '.' would be taken for a file");
    if (!is_utf8(name)) return bad("it is not UTF-8");
    if (name.front() == '-') return bad("with a '-' at its start it would be taken for an option");
    if (trim(name) != name) return bad("it begins or ends with white space");
    if (printable(name) != name) return bad("it holds control characters");
    return {};
}

bool names_a_file(std::string_view name_or_file) {
    return name_or_file.find_first_of("/.") != std::string_view::npos;
}

}  // namespace rushlight::match
