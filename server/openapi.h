// openapi: the API's description, made of the routes themselves.
#pragma once

#include "server/routes.h"

#include <nlohmann/json_fwd.hpp>

namespace rushlight::server {

// OpenAPI 3.1.
nlohmann::ordered_json openapi_of(const RouteList& routes);

}  // namespace rushlight::server
