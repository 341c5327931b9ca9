#include "cli/practice.h"

#include "cli/commands.h"
#include "cli/output.h"
#include "cli/until_interrupted.h"

#include <nlohmann/json.hpp>

namespace rushlight::cli {

using nlohmann::ordered_json;

ordered_json in_short(const PracticeSeen& world) {
    auto sites = ordered_json::array();
    for (const PracticeSite& site : world.sites) sites.push_back(site.url);
    return {{"sites", sites}, {"dns", world.dns}, {"webhooks", world.webhooks}};
}

ordered_json in_full(const PracticeSeen& world) {
    auto sites = ordered_json::array();
    for (const PracticeSite& site : world.sites) {
        auto pictures = ordered_json::array();
        for (const PracticePicture& picture : site.pictures) {
            pictures.push_back({{"url", picture.url},
                                {"kind", picture.kind},
                                {"decision", picture.decision},
                                {"after", picture.after}});
        }
        sites.push_back({{"url", site.url},
                         {"name", site.name},
                         {"title", site.title},
                         {"address", site.address},
                         {"pictures", pictures}});
    }
    return {{"sites", sites}, {"dns", world.dns}, {"webhooks", world.webhooks}};
}

void show(const PracticeSeen& world) {
    for (const PracticeSite& site : world.sites) {
        print_line("    " + site.title + ": " + site.url + "  (in a browser: " + site.address + ")");
    }
    print_line("    What comes by webhook: " + world.webhooks);
    print_line("    DNS server: " + world.dns);
}

int run_practice(const Common& common, const PracticeCommand& command, const Services& services) {
    const UntilInterrupted until_interrupted;  // before any other thread
    auto files = Context::practice_files();
    if (!files) return report(files.error());
    const auto world =
        services.practice({.files = std::move(*files), .seed = command.seed, .speed = command.speed});
    if (!world) return report(world.error());
    if (common.json) {
        print_json({{"practice", in_full((*world)->seen())}});
    } else {
        print_line("The practice world, of benign drawn scenes:");
        show((*world)->seen());
        print_line("Ctrl-C stops it.");
    }
    until_interrupted.wait_for_it();
    (*world)->stop();
    return kDone;
}

}  // namespace rushlight::cli
