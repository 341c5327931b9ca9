#include "base/text.h"
#include "cli/commands.h"
#include "cli/outgoing.h"
#include "cli/output.h"
#include "cli/practice.h"
#include "cli/process_limits.h"
#include "cli/until_interrupted.h"

#include <chrono>
#include <condition_variable>
#include <mutex>

#include <nlohmann/json.hpp>
#include <unistd.h>

namespace rushlight::cli {
namespace {

void say_ready(const Context& context, const Served& served, bool again) {
    const auto& setup = served.setup_url();
    if (context.json()) {
        nlohmann::ordered_json ready{{"url", served.url()}, {"pid", ::getpid()}};
        if (setup) ready["setup_url"] = *setup;
        if (const PracticeSeen* world = served.practice()) ready["practice"] = in_short(*world);
        if (again) ready["restored"] = true;
        print_json({{"ready", ready}});
        return;
    }
    print_line("Rushlight answers at " + served.url());
    if (setup) {
        print_line("There is no administrator yet. Open this link, once, to set Rushlight up:");
        print_line("    " + *setup);
    }
    if (const PracticeSeen* world = served.practice()) {
        print_line("With the practice world, of benign drawn scenes; nothing outside it can be reached:");
        show(*world);
    }
    print_line("Ctrl-C stops it.");
}

}  // namespace

int run_serve(Context& context, const ServeCommand& command, const Services& services) {
    const UntilInterrupted until_interrupted;  // before any other thread
    raise_descriptors();
    ServeAsked asked{.config = context.config(),
                     .allowed_targets = allowed_targets(context, command.allowed_targets),
                     .who = context.who_in_audit(),
                     .light_program = {},
                     .all_program = {},
                     .passphrase = {},
                     .console = Context::console(),
                     .practice = {}};
    if (command.practice) {
        auto files = Context::practice_files();
        if (!files) return report(files.error());
        asked.practice = PracticeAsked{.files = std::move(*files)};
    }
    if (command.listen) asked.config.serve.listen = *command.listen;
    for (const auto& [name, slot] :
         {std::pair{"decode", &asked.light_program}, std::pair{"decode-all", &asked.all_program}}) {
        auto program = Context::program(name);
        if (!program) return report(program.error());
        *slot = std::move(*program);
    }
    const auto sealer = context.sealer_options();
    if (!sealer) return report(sealer.error());
    asked.passphrase = sealer->passphrase;
    if (auto made = context.make_data_folder(); !made) return report(made.error());
    std::mutex mutex;
    std::condition_variable_any stopped;
    for (bool again = false;; again = true) {
        const auto served = services.serve(asked);
        if (!served) return report(served.error());
        say_ready(context, **served, again);
        std::unique_lock lock(mutex);
        while (!until_interrupted.token().stop_requested() && !(*served)->restored())
            stopped.wait_for(lock, until_interrupted.token(), std::chrono::milliseconds(200),
                             [&] { return (*served)->restored(); });
        const bool restored = !until_interrupted.token().stop_requested();
        if (!context.json())
            print_line(restored ? "A backup was restored: starting anew with it."
                                : "Stopping: what is under way is finished.");
        (*served)->stop();
        if (!restored) return kDone;
        asked.config.serve.listen = (*served)->url().substr(std::string_view("http://").size());
    }
}

}  // namespace rushlight::cli
