#include "base/scaled_clock.h"
#include "practice/names.h"
#include "practice/plan.h"
#include "practice/practice.h"
#include "practice/receiver.h"
#include "practice/scenes.h"
#include "practice/site.h"

#include <optional>
#include <utility>

namespace rushlight::practice {

// In the order of need: what is below looks into what is above.
struct World::State {
    State(const Options& options, std::vector<Scene> the_scenes)
        : clock(*options.clock, options.speed),
          scenes(std::move(the_scenes)),
          plans(plan_sites(scenes, options.seed)) {}

    ScaledClock clock;
    std::vector<Scene> scenes;
    std::vector<SitePlan> plans;
    Neighbours neighbours;
    std::unique_ptr<NameServer> names;
    std::optional<Receiver> receiver;
    std::vector<SiteServer> servers;
    std::vector<Site> sites;
    std::string dns, webhooks;
};

namespace {

Site described(const SitePlan& plan, std::uint16_t port) {
    const std::string behind = ':' + std::to_string(port) + '/';
    Site site{.name = plan.name,
              .url = "http://" + plan.name + behind,
              .address = "http://127.0.0.1" + behind,
              .title = plan.title,
              .pictures = {}};
    for (const Album& album : plan.albums) {
        for (const PlannedPicture& picture : album.pictures) {
            site.pictures.push_back({.url = site.url + picture.path.substr(1),
                                     .kind = picture.scene->kind,
                                     .decision = picture.scene->decision,
                                     .after = album.after});
        }
    }
    return site;
}

}  // namespace

World::World(std::unique_ptr<State> state) : state_(std::move(state)) {}
World::World(World&&) noexcept = default;
World& World::operator=(World&&) noexcept = default;
World::~World() {
    if (state_) stop();
}

Result<World> World::start(const Options& options) {
    auto scenes = load_scenes(options.files);
    if (!scenes) return pass(scenes.error());
    auto state = std::make_unique<State>(options, std::move(*scenes));
    std::vector<std::string> hosts;
    for (const SitePlan& plan : state->plans) hosts.push_back(plan.name);
    auto names = start_names(hosts, options.port);
    if (!names) return pass(names.error());
    state->names = std::move(*names);
    state->dns = state->names->setting();
    auto receiver = Receiver::start(*options.clock, options.port);
    if (!receiver) return pass(receiver.error());
    state->receiver.emplace(std::move(*receiver));
    state->webhooks = state->receiver->url();

    std::uint16_t port = options.port;
    std::vector<Neighbours::Link> links;
    for (const SitePlan& plan : state->plans) {
        if (port != 0) ++port;
        auto server = SiteServer::start(plan, state->neighbours, state->clock, port);
        if (!server) return pass(server.error());
        state->sites.push_back(described(plan, server->port()));
        links.push_back({state->sites.back().url, state->sites.back().address, plan.title});
        state->servers.push_back(std::move(*server));
    }
    state->neighbours.set(std::move(links));
    return World(std::move(state));
}

const std::vector<Site>& World::sites() const { return state_->sites; }
const std::string& World::dns() const { return state_->dns; }
const std::string& World::webhooks() const { return state_->webhooks; }

std::vector<std::string> World::targets() const {
    std::vector<std::string> targets{"127.0.0.1:" + std::to_string(state_->receiver->port())};
    for (std::size_t i = 0; i < state_->sites.size(); ++i) {
        const std::string port = ':' + std::to_string(state_->servers[i].port());
        targets.push_back(state_->sites[i].name + port);
        targets.push_back("127.0.0.1" + port);
    }
    return targets;
}

void World::stop() {
    for (SiteServer& server : state_->servers) server.stop();
    if (state_->receiver) state_->receiver->stop();
}

}  // namespace rushlight::practice
