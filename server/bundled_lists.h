// bundled_lists: lists that come with the program (the practice ones), imported where they are missing.
#pragma once

#include "base/result.h"
#include "base/time.h"
#include "server/server.h"

#include <vector>

namespace rushlight::match {
class Lists;
}

namespace rushlight::server {

// A list of that name which has entries stays as it is, whatever they are. Each import is audited.
Status import_missing(match::Lists& lists, const std::vector<BundledList>& bundled, Time now);

}  // namespace rushlight::server
