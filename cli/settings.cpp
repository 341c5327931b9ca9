#include "base/config.h"
#include "base/text.h"
#include "cli/commands.h"
#include "cli/output.h"

#include <nlohmann/json.hpp>

namespace rushlight::cli {

int run_config_check(const Common& common) {
    const auto findings = check_config(
        {.data = common.data, .store = common.store, .allow_weak_sandbox = common.allow_weak_sandbox},
        process_environment());
    for (const ConfigFinding& finding : findings) {
        if (common.json) {
            print_json({{"where", to_utf8(finding.where)}, {"message", to_utf8(finding.message)}});
        } else {
            print_line(printable(finding.where) + ": " + printable(finding.message));
        }
    }
    if (findings.empty() && !common.json) print_line("The settings are fine.");
    return findings.empty() ? kDone : kSo;
}

}  // namespace rushlight::cli
