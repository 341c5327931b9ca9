// Store::replace() on SQLite.
#pragma once

#include "store/sqlite_connection.h"

namespace rushlight::store {

// One transaction around `work` on a connection that is used for nothing else.
Status replace_sqlite(SqliteConnection& connection, FunctionRef<Status(Refill&)> work);

}  // namespace rushlight::store
