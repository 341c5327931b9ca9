// outgoing: what a command may reach beside public addresses, and the client that keeps to it.
#pragma once

#include "base/result.h"
#include "cli/context.h"
#include "net/net.h"

#include <string>
#include <vector>

namespace rushlight::cli {

// HOST:PORT pairs that may lead to any address: the command line's, and those of the setting net.allow.
std::vector<std::string> allowed_targets(const Context& context, std::vector<std::string> of_command);

// Looks names up where the setting net.dns says. Fails with `invalid` where a pair or the setting is none.
Result<net::Client> make_client(const Context& context, const std::vector<std::string>& allowed);

// Who let which targets in goes on record before any of them is reached. Nothing where there is none.
Status audit_targets(Context& context, const std::vector<std::string>& allowed);

}  // namespace rushlight::cli
