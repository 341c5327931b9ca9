// One website of the practice world, on a port of its own.
//
//   /               the albums that are there by now, and links to the other sites
//   /albums/N       pictures with captions, and the way to the next album
//   /pictures/…     a picture
//   /newest         redirects to the newest picture
//   /inside         redirects to an address that a guard must refuse
//   /robots.txt     everybody may read everything
#pragma once

#include "base/result.h"
#include "base/time.h"
#include "http/http.h"
#include "practice/plan.h"

#include <memory>
#include <mutex>
#include <string>
#include <vector>

namespace rushlight::practice {

// What a site knows of the others; told once all of them have their ports.
class Neighbours {
  public:
    struct Link {
        std::string url, address, title;  // as practice::Site has them
    };
    void set(std::vector<Link> links) {
        const std::lock_guard lock(mutex_);
        links_ = std::move(links);
    }
    std::vector<Link> get() const {
        const std::lock_guard lock(mutex_);
        return links_;
    }

  private:
    mutable std::mutex mutex_;
    std::vector<Link> links_;
};

// Thread-safe. Plan, neighbours and clock must outlive it.
class SiteServer {
  public:
    // Port 0, or one that is taken: any that is free.
    static Result<SiteServer> start(const SitePlan& plan, const Neighbours& neighbours, const Clock& clock,
                                    std::uint16_t port);
    std::uint16_t port() const { return http_.port(); }
    void stop() { http_.stop(); }

  private:
    explicit SiteServer(http::Server server) : http_(std::move(server)) {}
    http::Server http_;
};

// On 127.0.0.1 at that port; where it is 0 or taken, at any that is free.
Result<http::Server> serve_near(std::uint16_t port, int workers, const http::Handler& handler);

}  // namespace rushlight::practice
