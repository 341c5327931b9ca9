// One hop: one request to one checked address, over libcurl.
#pragma once

#include "base/time.h"
#include "net/net.h"
#include "net/waiter.h"

#include <optional>
#include <stop_token>
#include <string>
#include <vector>

namespace rushlight::net {

struct HopRequest {
    const Url& url;
    std::string method;
    const std::vector<Header>& headers;
    const std::string& body;
    const Limits& limits;
    bool follows_redirects = true;

    // To whom the connection goes, and nowhere else: the link's own host, or the proxy.
    Endpoint peer;
    // The host's checked address; none where the proxy resolves the name (.onion).
    std::optional<Address> address;
    bool by_proxy = false;

    const std::string& user_agent;
    const std::string& ca_file;
    Steady::time_point connect_deadline, deadline;
};

struct HopResponse {
    int status = 0;
    std::vector<Header> headers;
    std::uint64_t bytes = 0;
    std::optional<std::string> redirect;  // where it leads; then nothing was handed to the sink
};

// `begin` is called with the head of a response that is no redirect to follow, before its content.
class Receiver {
  public:
    virtual ~Receiver() = default;
    virtual Status begin(const HopResponse& head) = 0;
    virtual Status take(Bytes content) = 0;
};

// `connected` is set once the request may have been sent.
Outcome<HopResponse> transfer(const HopRequest& request, Receiver& receiver, const Waiter& waiter,
                              const std::stop_token& stop, bool& connected);

}  // namespace rushlight::net
