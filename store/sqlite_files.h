// The files around the database: the folder, its lock, and the backups.
#pragma once

#include "base/fd.h"
#include "store/sqlite_connection.h"

namespace rushlight::store {

// Makes the folder, private to this user, and those above it; fails in words where it cannot be written to.
Status make_folder(const std::string& folder);
// Waits for the one lock of the folder; let go when the descriptor closes, or the process ends.
Result<Fd> lock_folder(const std::string& folder, std::chrono::milliseconds timeout);
// folder/backup/rushlight-TIME-schema-VERSION.db; of older ones the newest `kept` - 1 stay.
Status back_up_folder(SqliteConnection& connection, const std::string& folder, int version, int kept);

}  // namespace rushlight::store
