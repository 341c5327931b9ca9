// BulkLoad on SQLite: rows are gathered and written as one of many small transactions.
#pragma once

#include "store/engine.h"

namespace rushlight::store {

std::unique_ptr<Loader> make_sqlite_loader(Engine& engine, std::string_view table,
                                           std::vector<std::string> columns);

}  // namespace rushlight::store
