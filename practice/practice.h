// practice: a small world on loopback to learn and to test with: websites of benign drawn scenes, a DNS
// server that knows them, and a receiver of webhooks with a page that shows what came.
//
//   auto world = World::start({.files = "share/rushlight/practice", .seed = 7});
//   for (const Site& site : world->sites()) print(site.name, site.url);
//   …
//   world->stop();          // or let it go
//
// Nothing outside is touched: every server listens on 127.0.0.1, the names end in .test (RFC 6761), and the
// DNS server knows no others. The same seed and files give the same sites with the same names, pages and
// pictures; ports may differ, and are no part of what is shown. Some albums appear later, after days of the
// world's own time, which `speed` makes shorter.
//
// Each site has a port of its own, so that http://127.0.0.1:PORT/ shows it in a browser that does not ask our
// DNS server. What every picture is, and what a check with the practice lists says of it, stands in
// scenes.csv and comes with the picture: tests and people can hold answers against it.
//
// Threads: start and stop are the owner's; all else may be called from any thread. Errors: `not_found`, `io`,
// `invalid` for the files; `unavailable` where a server can't listen.
#pragma once

#include "base/result.h"
#include "base/time.h"

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace rushlight::practice {

struct Options {
    std::string files;       // the folder with set/, scenes.csv and the lists
    std::uint64_t seed = 1;  // who sees what, and where
    std::int64_t speed = 1;  // of the sites' time; 3600: an hour passes in a second
    std::uint16_t port = 0;  // DNS and receiver get it, the sites the ones after it; 0, or where one is
                             // taken: any that is free
    const Clock* clock = &system_clock();
};

struct Picture {
    std::string url;
    std::string kind;            // listed, copy, unknown, quarantined, harmless
    std::string decision;        // of a check with the practice lists: exact, near, none
    std::chrono::hours after{};  // of the world's time, until it is there
};
struct Site {
    std::string name;     // "harbour-photos.test"
    std::string url;      // "http://harbour-photos.test:8101/"
    std::string address;  // "http://127.0.0.1:8101/": the same for who does not ask our DNS server
    std::string title;
    std::vector<Picture> pictures;
};

class World {
  public:
    // All of it answers when this returns.
    static Result<World> start(const Options& options);
    World(World&&) noexcept;
    World& operator=(World&&) noexcept;
    ~World();

    const std::vector<Site>& sites() const;
    const std::string& dns() const;       // "127.0.0.1:8100"
    const std::string& webhooks() const;  // "http://127.0.0.1:8100/hooks": to post to, and to look at
    // HOST:PORT of everything that a guard has to admit: the sites under both addresses, and the receiver.
    std::vector<std::string> targets() const;
    void stop();

  private:
    struct State;
    explicit World(std::unique_ptr<State> state);
    std::unique_ptr<State> state_;
};

}  // namespace rushlight::practice
