// rushlight: the one program. It joins the command line with the server, which know nothing of each other.

#include "app/practice.h"
#include "app/schemas.h"
#include "cli/cli.h"
#include "server/server.h"

#include <utility>

namespace rushlight::app {
namespace {

class Serving final : public cli::Served {
  public:
    Serving(server::Server server, std::unique_ptr<RunningPractice> world)
        : world_(std::move(world)), server_(std::move(server)) {}
    const std::string& url() const override { return server_.url(); }
    const std::optional<std::string>& setup_url() const override { return server_.setup_url(); }
    bool restored() const override { return server_.restored(); }
    const cli::PracticeSeen* practice() const override { return world_ ? &world_->seen() : nullptr; }
    void stop() override {
        server_.stop();
        if (world_) world_->stop();
    }

  private:
    std::unique_ptr<RunningPractice> world_;
    server::Server server_;
};

Result<std::unique_ptr<cli::Served>> serve(const cli::ServeAsked& asked) {
    server::ServerOptions options{.schemas = all_schemas(),
                                  .config = asked.config,
                                  .light_program = asked.light_program,
                                  .all_program = asked.all_program,
                                  .passphrase = asked.passphrase,
                                  .console = asked.console,
                                  .allowed_targets = asked.allowed_targets,
                                  .who = asked.who};
    std::unique_ptr<RunningPractice> world;
    if (asked.practice) {
        cli::PracticeAsked wanted = *asked.practice;
        wanted.port = practice_port(asked.config.serve.listen);
        auto started = RunningPractice::start(wanted);
        if (!started) return pass(started.error());
        world = std::move(*started);
        world->enclose(options);
    }
    auto server = server::Server::start(options);
    if (!server) return pass(server.error());
    return std::make_unique<Serving>(std::move(*server), std::move(world));
}

Result<std::unique_ptr<cli::Practice>> practice_alone(const cli::PracticeAsked& asked) {
    auto world = RunningPractice::start(asked);
    if (!world) return pass(world.error());
    return std::unique_ptr<cli::Practice>(std::move(*world));
}

Result<cli::HoldingSet> holding(store::Store& store) {
    return server::holding_set(store).map(
        [](const server::HoldingSet& set) { return cli::HoldingSet{.on = set.on, .quota = set.quota}; });
}

}  // namespace
}  // namespace rushlight::app

int main(int argc, char** argv) {
    using namespace rushlight::app;
    return rushlight::cli::main(
        argc, argv,
        {.schemas = all_schemas(), .serve = serve, .holding = holding, .practice = practice_alone});
}
