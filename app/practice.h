// Joins the practice world with the command line, and with a server that runs inside it.
#pragma once

#include "base/result.h"
#include "cli/cli.h"
#include "practice/practice.h"
#include "server/server.h"

#include <memory>
#include <string>

namespace rushlight::app {

class RunningPractice final : public cli::Practice {
  public:
    static Result<std::unique_ptr<RunningPractice>> start(const cli::PracticeAsked& asked);
    const cli::PracticeSeen& seen() const override { return seen_; }
    void stop() override { world_.stop(); }

    // So that a server can reach this world, and nothing else; with its lists.
    void enclose(server::ServerOptions& options) const;

  private:
    RunningPractice(practice::World world, std::string files);

    practice::World world_;
    std::string files_;
    cli::PracticeSeen seen_;
};

// The first of its ports for a server that listens there: 20 above, so that webhooks to it are good after the
// next start, too; 0 (any) where the server takes any.
std::uint16_t practice_port(const std::string& listen);

}  // namespace rushlight::app
