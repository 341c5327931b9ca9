// BulkLoad on PostgreSQL: COPY in binary, a few megabytes a transaction.
#pragma once

#include "store/engine.h"

#include <functional>

namespace rushlight::store {

// `copy` runs one COPY with its whole data.
std::unique_ptr<Loader> make_postgres_loader(
    std::function<Status(std::string_view sql, std::string_view data)> copy, std::string_view table,
    const std::vector<std::string>& columns);

}  // namespace rushlight::store
