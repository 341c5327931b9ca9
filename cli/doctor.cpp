#include "cli/doctor.h"

#include "base/text.h"
#include "cli/output.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace rushlight::cli {
namespace {

void print(const Finding& finding, bool json) {
    if (json) {
        print_json({{"check", finding.check},
                    {"ok", finding.ok},
                    {"found", to_utf8(finding.found)},
                    {"do", to_utf8(finding.todo)}});
        return;
    }
    const auto mark =
        finding.ok ? toned("well ", Tone::good, wants_colour(1)) : toned("wrong", Tone::bad, wants_colour(1));
    print_line(fmt::format("{}  {:11}  {}", mark, finding.check, printable(finding.found)));
    if (!finding.ok) print_line(fmt::format("{:7}{:11}  → {}", "", "", printable(finding.todo)));
}

}  // namespace

int run_doctor(Context& context, const Services& services) {
    bool all_well = true;
    const auto tell = [&](const Finding& finding) {
        all_well = all_well && finding.ok;
        print(finding, context.json());
    };
    tell(look_at_kernel(context));
    tell(look_at_programs());
    tell(look_at_formats(context));
    tell(look_at_archives(context));
    tell(look_at_console());
    tell(look_at_memory(context));
    tell(look_at_descriptors());
    tell(look_at_core_dumps());
    tell(look_at_locale());
    tell(look_at_disk(context));
    tell(look_at_fsync(context));
    tell(look_at_store(context));
    tell(look_at_clock(context));
    tell(look_at_key_file(context));
    tell(look_at_holding(context, services));
    tell(look_at_port(context));
    tell(look_at_dns(context));
    return all_well ? kDone : kSo;
}

}  // namespace rushlight::cli
