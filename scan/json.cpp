#include "base/text.h"
#include "scan/scan.h"

#include <cmath>

#include <nlohmann/json.hpp>

namespace rushlight::scan {
namespace {

// Tenths are as fine as the figure means anything.
double rounded(double value, double steps) { return std::round(value * steps) / steps; }

}  // namespace

nlohmann::ordered_json to_json(const Item& item) {
    nlohmann::ordered_json line{{"item", to_utf8(item.name)}};
    if (!is_utf8(item.name)) line["item_b64"] = to_base64(bytes_of(item.name));
    if (item.date) line["date"] = item.date->rfc3339();
    if (item.visit && !item.visit->final_url.empty()) line["final_url"] = item.visit->final_url;
    if (item.outcome) {
        check::add_outcome(line, *item.outcome);
    } else {
        line["decision"] = "unreadable";
        line["matches"] = nlohmann::ordered_json::array();
        line["suppressed"] = nlohmann::ordered_json::array();
        if (item.problem) {
            line["reason"] = to_string(item.problem->reason);
            line["message"] = to_utf8(item.problem->message);
        }
        if (item.visit) {
            line["code"] = item.visit->code;
            if (item.visit->status != 0) line["answered"] = item.visit->status;
        }
    }
    if (item.skipped) {
        line["decision"] = "skipped";
        line["message"] = to_utf8(item.message);
    }
    line["ms"] = rounded(item.ms, 10);
    return line;
}

nlohmann::ordered_json to_json(const Summary& summary) {
    return {{"summary",
             {{"items", summary.items},
              {"exact", summary.exact},
              {"near", summary.near},
              {"none", summary.none},
              {"unreadable", summary.unreadable},
              {"skipped", summary.skipped},
              {"skipped_matches", summary.skipped_matches},
              {"skipped_unreadable", summary.skipped_unreadable},
              {"low_quality", summary.flat},
              {"not_media", summary.not_media},
              {"unsupported", summary.unsupported},
              {"unopened", summary.unopened},
              {"stopped", summary.stopped},
              {"seconds", rounded(summary.seconds, 1000)}}}};
}

}  // namespace rushlight::scan
