// The receiver of webhooks, on a port of its own.
//
//   POST /hooks     takes a delivery; answered 204, or what was set on the page
//   GET  /hooks     the page that shows what came, newest first; as JSON where Accept asks for it:
//                   {"items":[{"number","at","type","event","signature","answered","headers","body"}]}
//   POST /secret    the form with which a person gives it the secret of a webhook
//   POST /answer    the form with which a person makes it answer an error, to see what is sent again
//
// It answers only those who call it by the address it listens on, so that no page of the internet can read
// it through a browser; its forms take nothing from other pages.
#pragma once

#include "base/result.h"
#include "base/time.h"
#include "http/http.h"

#include <string>

namespace rushlight::practice {

// Thread-safe. The clock must outlive it.
class Receiver {
  public:
    // Port 0, or one that is taken: any that is free.
    static Result<Receiver> start(const Clock& clock, std::uint16_t port);
    std::string url() const { return "http://" + http_.address() + "/hooks"; }
    std::uint16_t port() const { return http_.port(); }
    void stop() { http_.stop(); }

  private:
    explicit Receiver(http::Server server) : http_(std::move(server)) {}
    http::Server http_;
};

}  // namespace rushlight::practice
