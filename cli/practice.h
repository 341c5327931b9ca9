// How a practice world is told of.
#pragma once

#include "cli/cli.h"

#include <nlohmann/json_fwd.hpp>

namespace rushlight::cli {

// {"sites":["http://harbour-photos.test:8101/",…],"dns","webhooks"}
nlohmann::ordered_json in_short(const PracticeSeen& world);
// The same with each site as {"url","name","title","address","pictures":[{"url","kind","decision","after"}]}
nlohmann::ordered_json in_full(const PracticeSeen& world);
// Lines for people.
void show(const PracticeSeen& world);

}  // namespace rushlight::cli
