#include "app/practice.h"

#include "base/text.h"

#include <chrono>
#include <utility>

namespace rushlight::app {

Result<std::unique_ptr<RunningPractice>> RunningPractice::start(const cli::PracticeAsked& asked) {
    auto world = practice::World::start(
        {.files = asked.files, .seed = asked.seed, .speed = asked.speed, .port = asked.port});
    if (!world) return fail(world.error().code, "the practice world: " + world.error().message);
    return std::unique_ptr<RunningPractice>(new RunningPractice(std::move(*world), asked.files));
}

RunningPractice::RunningPractice(practice::World world, std::string files)
    : world_(std::move(world)), files_(std::move(files)) {
    seen_.dns = world_.dns();
    seen_.webhooks = world_.webhooks();
    for (const practice::Site& site : world_.sites()) {
        cli::PracticeSite shown{
            .name = site.name, .url = site.url, .address = site.address, .title = site.title, .pictures = {}};
        for (const practice::Picture& picture : site.pictures) {
            shown.pictures.push_back({.url = picture.url,
                                      .kind = picture.kind,
                                      .decision = picture.decision,
                                      .after = std::chrono::seconds(picture.after).count()});
        }
        seen_.sites.push_back(std::move(shown));
    }
}

void RunningPractice::enclose(server::ServerOptions& options) const {
    options.config.net.dns = world_.dns();
    for (std::string& target : world_.targets()) options.allowed_targets.push_back(std::move(target));
    options.nothing_else = "this is the practice world; start Rushlight without it to reach others";
    const std::string source = "the practice world, benign drawn scenes";
    options.lists.push_back(
        {.name = "practice", .negative = false, .source = source, .file = files_ + "/list.jsonl"});
    options.lists.push_back(
        {.name = "practice-harmless", .negative = true, .source = source, .file = files_ + "/harmless.csv"});
}

std::uint16_t practice_port(const std::string& listen) {
    const auto port = parse_integer(std::string_view(listen).substr(listen.rfind(':') + 1));
    return port && *port > 0 && *port < 65'000 ? static_cast<std::uint16_t>(*port + 20) : std::uint16_t{0};
}

}  // namespace rushlight::app
