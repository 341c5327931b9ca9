// A PostgreSQL server for one test program. See place.h, which is what tests use.
#pragma once

#include "base/fd.h"

#include <string>

#include <sys/types.h>

namespace rushlight::store::testing {

class PostgresServer {
  public:
    // Started by the first who asks; throws std::runtime_error in words where it cannot be.
    static PostgresServer& shared();
    ~PostgresServer();
    PostgresServer(const PostgresServer&) = delete;
    PostgresServer& operator=(const PostgresServer&) = delete;

    std::string create_database();  // a copy of the one template, empty
    void drop_database(const std::string& name);
    std::string address(const std::string& database) const;

  private:
    PostgresServer();
    void execute(const std::string& sql);

    std::string folder_;
    // A guardian process runs the server. It ends both, and the folder, when this pipe breaks: at our end or
    // our crash.
    Fd lifeline_;
    pid_t guardian_ = -1;
    int databases_ = 0;
};

}  // namespace rushlight::store::testing
