// Names to addresses, through c-ares on a server of our choice.
#pragma once

#include "base/time.h"
#include "net/address.h"
#include "net/net.h"
#include "net/waiter.h"

#include <stop_token>
#include <string>
#include <vector>

namespace rushlight::net {

struct Lookup {
    std::string name;  // ASCII, as in a link
    std::string dns;   // as in Client::Options
    Steady::time_point deadline;
    std::chrono::milliseconds limit;  // for the words only
};

// Every A and AAAA answer, IPv4 first, without duplicates; never empty.
Outcome<std::vector<Address>> look_up(const Lookup& lookup, const Waiter& waiter,
                                      const std::stop_token& stop);

// Whether `servers` can be understood.
bool is_dns_setting(const std::string& servers);

}  // namespace rushlight::net
