// Lists, entries and reports of imports as JSON: the same on the command line and over the API.
#pragma once

#include "match/lists.h"

#include <nlohmann/json_fwd.hpp>

namespace rushlight::match {

// {"name","kind","category","source","thresholds","entries","active","quarantined","disabled","created",
// "created_by","changed","expires"}; what does not apply is left out.
nlohmann::ordered_json to_json(const List& list);
// {"value","method","state","note","who","when"}
nlohmann::ordered_json to_json(const Entry& entry);
// {"list","format","read","added","duplicate","bad_lines","bad":[{"line","reason"}],"photodna"}
nlohmann::ordered_json to_json(const ImportReport& report);

}  // namespace rushlight::match
