// The practice world's names: a DNS server that knows its sites, a few names that lead where no guard may
// let anybody go, and nothing else (NXDOMAIN).
#pragma once

#include "base/result.h"
#include "net/testing/dns_server.h"

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace rushlight::practice {

using NameServer = net::testing::DnsServer;

// The sites lead to 127.0.0.1. Port 0, or one that is taken: any that is free.
//   inside.trap.test      10.0.0.7
//   metadata.trap.test    169.254.169.254
//   mapped.trap.test      ::ffff:127.0.0.1
//   alias.trap.test       is called inside.trap.test, 10.0.0.7
//   mixed.trap.test       203.0.113.7 and 127.0.0.1
Result<std::unique_ptr<NameServer>> start_names(const std::vector<std::string>& sites, std::uint16_t port);

}  // namespace rushlight::practice
