#include "store/sqlite_loader.h"

#include <algorithm>
#include <thread>

namespace rushlight::store {
namespace {

constexpr std::chrono::milliseconds kTransaction{20};  // aimed at
constexpr std::chrono::milliseconds kGap{2};           // for other processes that wait for the lock
constexpr std::size_t kFewestRows = 256;
constexpr std::size_t kMostRows = 65'536;
constexpr std::size_t kMostText = 16U << 20;

class SqliteLoader final : public Loader {
  public:
    SqliteLoader(Engine& engine, std::string_view table, const std::vector<std::string>& columns)
        : engine_(engine), columns_(columns.size()) {
        std::string names;
        std::string places;
        for (std::size_t i = 0; i < columns.size(); ++i) {
            const std::string comma = i == 0 ? "" : ", ";
            names += comma + columns[i];
            places += comma + "$" + std::to_string(i + 1);
        }
        sql_ = "INSERT INTO " + std::string(table) + " (" + names + ") VALUES (" + places + ")";
    }

    Status add(std::span<const Value> row) override {
        if (failed_) return pass(*failed_);
        if (row.size() != columns_)
            return remember(fail(ErrorCode::invalid, "a row with a wrong number of columns"));
        for (const Value& value : row) {
            values_.push_back(value);
            if (value.kind() != Value::Kind::text && value.kind() != Value::Kind::bytes) continue;
            text_ += value.text();  // the caller's bytes are gone when this returns
        }
        if (values_.size() >= rows_ * columns_ || text_.size() >= kMostText) return flush();
        return {};
    }

    Status finish() override { return failed_ ? Status(pass(*failed_)) : flush(); }

  private:
    Status remember(Status status) {
        if (!status) failed_ = status.error();
        return status;
    }

    // Values point at the callers' bytes, which are gone: at our copies instead.
    void point_at_copies() {
        std::string_view rest = text_;
        for (Value& value : values_) {
            const bool text = value.kind() == Value::Kind::text;
            if (!text && value.kind() != Value::Kind::bytes) continue;
            const std::size_t size = value.text().size();
            value = text ? Value(rest.substr(0, size)) : Value(bytes_of(rest.substr(0, size)));
            rest.remove_prefix(size);
        }
    }

    Status flush() {
        if (values_.empty()) return {};
        point_at_copies();
        Steady::duration taken{};
        const auto insert = [&](Writer& writer) -> Status {
            const auto began = Steady::now();
            const std::span<const Value> all(values_);
            for (std::size_t at = 0; at < all.size(); at += columns_)
                if (auto done = writer.run(sql_, all.subspan(at, columns_)); !done)
                    return pass(std::move(done.error()));
            taken = Steady::now() - began;
            return {};
        };
        auto status = engine_.write(insert, Durability::process, Isolation::serial);
        const double rows = static_cast<double>(values_.size() / columns_);
        const double ratio =
            std::chrono::duration<double>(kTransaction) / std::max(taken, Steady::duration(1));
        rows_ = static_cast<std::size_t>(
            std::clamp(rows * std::clamp(ratio, 0.25, 2.0), double{kFewestRows}, double{kMostRows}));
        values_.clear();
        text_.clear();
        if (status) std::this_thread::sleep_for(kGap);
        return remember(status);
    }

    Engine& engine_;
    std::size_t columns_;
    std::string sql_;
    std::size_t rows_ = 4096;  // in the next transaction; follows the time that the last one took
    std::vector<Value> values_;
    std::string text_;
    std::optional<Error> failed_;
};

}  // namespace

std::unique_ptr<Loader> make_sqlite_loader(Engine& engine, std::string_view table,
                                           std::vector<std::string> columns) {
    return std::make_unique<SqliteLoader>(engine, table, columns);
}

}  // namespace rushlight::store
