#include "match/list_json.h"

#include "base/text.h"

#include <nlohmann/json.hpp>

namespace rushlight::match {

using nlohmann::ordered_json;

ordered_json to_json(const List& list) {
    ordered_json object{{"name", to_utf8(list.name)},
                        {"kind", match::to_string(list.kind)},
                        {"category", list.category},
                        {"source", list.source},
                        {"thresholds",
                         {{"pdq", list.thresholds.pdq},
                          {"vpdq", list.thresholds.vpdq},
                          {"vpdq_share", list.thresholds.vpdq_share}}},
                        {"entries", list.entries.total()},
                        {"active", list.entries.active},
                        {"quarantined", list.entries.quarantined},
                        {"disabled", list.entries.disabled},
                        {"created", list.created.rfc3339()},
                        {"created_by", list.created_by},
                        {"changed", list.changed.rfc3339()}};
    if (list.expires) object["expires"] = list.expires->rfc3339();
    return object;
}

ordered_json to_json(const Entry& entry) {
    ordered_json object{{"value", entry.value.text()},
                        {"method", formats::to_string(entry.value.method)},
                        {"state", formats::to_string(entry.state)}};
    if (!entry.note.empty()) object["note"] = entry.note;
    object["who"] = entry.who;
    object["when"] = entry.when.rfc3339();
    return object;
}

ordered_json to_json(const ImportReport& report) {
    ordered_json object{{"list", to_utf8(report.list)},  {"format", report.format},
                        {"read", report.read},           {"added", report.added},
                        {"duplicate", report.duplicate}, {"bad_lines", report.bad_lines},
                        {"bad", ordered_json::array()}};
    if (report.photodna > 0) object["photodna"] = report.photodna;
    for (const BadLine& bad : report.bad) {
        object["bad"].push_back({{"line", bad.line}, {"reason", to_utf8(bad.reason)}});
    }
    return object;
}

}  // namespace rushlight::match
