// Watch on PostgreSQL: LISTEN on a connection of its own.
#pragma once

#include "store/engine.h"

#include <memory>
#include <string>
#include <string_view>

namespace rushlight::store {

std::string channel_of(std::string_view topic);

// `address` and `name` as for PostgresConnection::open().
Result<std::unique_ptr<Watcher>> make_postgres_watcher(const std::string& address, const std::string& name,
                                                       std::string_view topic);

}  // namespace rushlight::store
