#include "base/config.h"
#include "base/text.h"
#include "cli/commands.h"
#include "cli/output.h"

#include <algorithm>
#include <iterator>

#include <nlohmann/json.hpp>
#include <unistd.h>

namespace rushlight::cli {

namespace {

std::vector<std::string> names_in_environment() {
    std::vector<std::string> names;
    for (char** variable = environ; variable != nullptr && *variable != nullptr; ++variable) {
        const std::string_view text = *variable;
        names.emplace_back(text.substr(0, text.find('=')));
    }
    return names;
}

}  // namespace

int run_config_check(const Common& common) {
    auto findings = check_config(
        {.data = common.data, .store = common.store, .allow_weak_sandbox = common.allow_weak_sandbox},
        process_environment());
    std::ranges::move(unknown_variables(names_in_environment()), std::back_inserter(findings));
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
