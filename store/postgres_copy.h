// Store::replace() on PostgreSQL: rows go in by COPY.
#pragma once

#include "store/engine.h"
#include "store/postgres_connection.h"

#include <memory>
#include <string>

namespace rushlight::store {

class PostgresRefill final : public Refill {
  public:
    explicit PostgresRefill(PostgresConnection& connection) : connection_(connection) {}

    Status empty(const std::vector<Table>& all) override;
    Status begin(const Table& table) override;
    Status add(std::span<const Value> row) override { return loader_->add(row); }
    Status end() override;
    Status count_from(const std::string& table, std::int64_t last) override;

  private:
    PostgresConnection& connection_;
    std::unique_ptr<Loader> loader_;
    std::string table_;
};

}  // namespace rushlight::store
