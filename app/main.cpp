// rushlight: the one program. It joins the command line with the server, which know nothing of each other.

#include "app/schemas.h"
#include "cli/cli.h"
#include "server/server.h"

#include <utility>

namespace rushlight::app {
namespace {

class Serving final : public cli::Served {
  public:
    explicit Serving(server::Server server) : server_(std::move(server)) {}
    const std::string& url() const override { return server_.url(); }
    const std::optional<std::string>& setup_url() const override { return server_.setup_url(); }
    void stop() override { server_.stop(); }

  private:
    server::Server server_;
};

Result<std::unique_ptr<cli::Served>> serve(const cli::ServeAsked& asked) {
    auto server = server::Server::start({.schemas = all_schemas(),
                                         .config = asked.config,
                                         .light_program = asked.light_program,
                                         .all_program = asked.all_program,
                                         .passphrase = asked.passphrase,
                                         .console = asked.console,
                                         .allowed_targets = asked.allowed_targets});
    if (!server) return pass(server.error());
    return std::make_unique<Serving>(std::move(*server));
}

Result<cli::HoldingSet> holding(store::Store& store) {
    return server::holding_set(store).map(
        [](const server::HoldingSet& set) { return cli::HoldingSet{.on = set.on, .quota = set.quota}; });
}

}  // namespace
}  // namespace rushlight::app

int main(int argc, char** argv) {
    using namespace rushlight::app;
    return rushlight::cli::main(argc, argv, {.schemas = all_schemas(), .serve = serve, .holding = holding});
}
