// The routes of the API, by subject. Each file adds its own.
#pragma once

#include "server/call.h"

#include <vector>

namespace rushlight::server {

using RouteList = std::vector<Route>;

void add_check_routes(RouteList& routes);
void add_list_routes(RouteList& routes);
void add_scan_routes(RouteList& routes);
void add_account_routes(RouteList& routes);
void add_session_routes(RouteList& routes);
void add_webhook_routes(RouteList& routes);
void add_audit_routes(RouteList& routes);
void add_system_routes(RouteList& routes);
RouteList all_routes();

}  // namespace rushlight::server
