// An HTTP/1.1 server on loopback that says exactly what a test wants said, however wrong that is.
#pragma once

#include "net/testing/listener.h"

#include <map>
#include <mutex>
#include <string>
#include <vector>

namespace rushlight::net::testing {

struct SeenRequest {
    std::string method, target, body;
    std::map<std::string, std::string> headers;  // names in lower case
};

class HttpServer {
  public:
    using Handler = std::function<void(const SeenRequest&, Connection&)>;
    explicit HttpServer(Handler handler, const std::string& address = "127.0.0.1", ssl_ctx_st* tls = nullptr);

    std::uint16_t port() const { return listener_.port(); }
    std::string target(const std::string& host) const { return listener_.target(host); }
    int connections() { return listener_.connections(); }
    std::vector<SeenRequest> requests() const;

  private:
    void serve(Connection& connection);

    Handler handler_;
    mutable std::mutex mutex_;
    std::vector<SeenRequest> requests_;
    Listener listener_;  // last: its threads end before what they use
};

// A whole response with its Content-Length. `extra` are header lines, each with "\r\n".
std::string response(int status, std::string_view body, std::string_view extra = {});
std::string redirect_to(std::string_view location, int status = 302);

}  // namespace rushlight::net::testing
