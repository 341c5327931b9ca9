#include "store/postgres_loader.h"

#include "store/postgres_wire.h"

namespace rushlight::store {
namespace {

using namespace std::string_view_literals;

constexpr std::size_t kTransactionBytes = 4U << 20;
// Signature, no flags, no extension.
constexpr std::string_view kHeader = "PGCOPY\n\377\r\n\0\0\0\0\0\0\0\0\0"sv;

class PostgresLoader final : public Loader {
  public:
    PostgresLoader(std::function<Status(std::string_view, std::string_view)> copy, std::string_view table,
                   const std::vector<std::string>& columns)
        : copy_(std::move(copy)), columns_(columns.size()) {
        std::string names;
        for (const std::string& column : columns) names += (names.empty() ? "" : ", ") + column;
        sql_ = "COPY " + std::string(table) + " (" + names + ") FROM STDIN (FORMAT binary)";
        data_ = kHeader;
    }

    Status add(std::span<const Value> row) override {
        if (failed_) return pass(*failed_);
        if (row.size() != columns_)
            return remember(fail(ErrorCode::invalid, "a row with a wrong number of columns"));
        if (auto checked = check_values(row); !checked) return remember(checked);
        put_big_endian(data_, columns_, 2);
        for (const Value& value : row) {
            switch (value.kind()) {
                case Value::Kind::null:
                    put_big_endian(data_, 0xffff'ffff, 4);  // a length of -1
                    break;
                case Value::Kind::integer:
                case Value::Kind::real:
                    put_big_endian(data_, 8, 4);
                    put_big_endian(data_, bits_of(value), 8);
                    break;
                case Value::Kind::text:
                case Value::Kind::bytes:
                    put_big_endian(data_, value.text().size(), 4);
                    data_ += value.text();
                    break;
            }
        }
        return data_.size() >= kTransactionBytes ? flush() : Status();
    }

    Status finish() override { return failed_ ? Status(pass(*failed_)) : flush(); }

  private:
    Status remember(Status status) {
        if (!status) failed_ = status.error();
        return status;
    }

    Status flush() {
        if (data_.size() == kHeader.size()) return {};
        put_big_endian(data_, 0xffff, 2);  // no more rows
        auto status = copy_(sql_, data_);
        data_ = kHeader;
        return remember(std::move(status));
    }

    std::function<Status(std::string_view, std::string_view)> copy_;
    std::size_t columns_;
    std::string sql_;
    std::string data_;
    std::optional<Error> failed_;
};

}  // namespace

std::unique_ptr<Loader> make_postgres_loader(std::function<Status(std::string_view, std::string_view)> copy,
                                             std::string_view table,
                                             const std::vector<std::string>& columns) {
    return std::make_unique<PostgresLoader>(std::move(copy), table, columns);
}

}  // namespace rushlight::store
