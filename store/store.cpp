#include "store/store.h"

#include "base/text.h"
#include "store/engine.h"

#include <algorithm>

namespace rushlight::store {

void CheckedRow::mismatch(int column, const char* wanted, const char* found) const {
    if (faulty_) return;
    faulty_ = true;
    message_ =
        "column " + std::to_string(column) + " of the answer was read as " + wanted + " and is " + found;
}

Status check_values(std::span<const Value> values) {
    constexpr std::size_t kMost = std::size_t{256} << 20;  // PostgreSQL's own limit is 1 GB
    for (std::size_t i = 0; i < values.size(); ++i) {
        const bool data = values[i].kind() == Value::Kind::text || values[i].kind() == Value::Kind::bytes;
        if (data && values[i].text().size() > kMost)
            return fail(ErrorCode::limit, "parameter $" + std::to_string(i + 1) + " is larger than 256 MiB");
        if (values[i].kind() != Value::Kind::text) continue;
        const std::string_view text = values[i].text();
        if (text.find('\0') != std::string_view::npos || !is_utf8(text))
            return fail(ErrorCode::invalid, "parameter $" + std::to_string(i + 1) +
                                                " is no UTF-8 text: it can only be kept as bytes");
    }
    return {};
}

Result<std::int64_t> Reader::execute(std::string_view sql, Params params,
                                     const FunctionRef<bool(const Row&)>* use) {
    if (failed_) return pass(*failed_);
    if (busy_)
        return fail(ErrorCode::invalid,
                    "a statement was begun while another one of its transaction was being read");
    auto result = check_values(params.values()).and_then([&]() -> Result<std::int64_t> {
        struct Busy {
            bool& flag;
            explicit Busy(bool& f) : flag(f) { flag = true; }
            ~Busy() { flag = false; }
        } busy(busy_);
        return connection_.run(sql, params.values(), use);
    });
    if (!result) failed_ = result.error();
    return result;
}

Result<std::optional<std::int64_t>> Reader::integer(std::string_view sql, Params params) {
    std::optional<std::int64_t> value;
    return one(sql, params, [&](const Row& row) { value = row.integer_or_null(0); }).map([&](bool) {
        return value;
    });
}

Result<std::int64_t> Writer::run(std::string_view sql, Params params) {
    return execute(sql, params, nullptr);
}

Status Writer::take_turn(std::string_view name) {
    if (failed_) return pass(*failed_);
    auto status = connection_.take_turn(name);
    if (!status) failed_ = status.error();
    return status;
}

void Writer::announce(std::string_view topic) {
    if (std::ranges::find(announced_, topic) == announced_.end()) announced_.emplace_back(topic);
}

Status Claimer::execute_free(std::string_view sql, Params params, const FunctionRef<bool(const Row&)>& use) {
    return execute(std::string(sql).append(connection_.skip_locked()), params, &use).map([](std::int64_t) {});
}

Status Engine::run_reader(Connection& connection, FunctionRef<Status(Reader&)> work) {
    Reader reader(connection);
    auto status = work(reader);
    if (status && reader.failed_) return pass(*reader.failed_);
    return status;
}

Status Engine::run_writer(Connection& connection, FunctionRef<Status(Writer&)> work,
                          std::vector<std::string>& announced) {
    Claimer writer(connection);  // as which claim() uses it
    auto status = work(writer);
    if (status && writer.failed_) return pass(*writer.failed_);
    announced = std::move(writer.announced_);
    return status;
}

Watch::Watch(std::unique_ptr<Watcher> watcher) : watcher_(std::move(watcher)) {}
Watch::Watch(Watch&&) noexcept = default;
Watch& Watch::operator=(Watch&&) noexcept = default;
Watch::~Watch() = default;

bool Watch::wait_for_change(std::chrono::milliseconds timeout, const std::stop_token& stop) {
    return watcher_->wait(timeout, stop);
}

BulkLoad::BulkLoad(std::unique_ptr<Loader> loader) : loader_(std::move(loader)) {}
BulkLoad::BulkLoad(BulkLoad&&) noexcept = default;
BulkLoad& BulkLoad::operator=(BulkLoad&&) noexcept = default;
BulkLoad::~BulkLoad() = default;

Status BulkLoad::add(Params row) {
    auto status = loader_->add(row.values());
    if (status) ++added_;
    return status;
}

Status BulkLoad::finish() { return loader_->finish(); }

Store::Store(std::unique_ptr<Engine> engine) : engine_(std::move(engine)) {}
Store::Store(Store&&) noexcept = default;
Store& Store::operator=(Store&&) noexcept = default;
Store::~Store() = default;

Result<Store> Store::open(Options options) {
    const bool server =
        options.where.starts_with("postgresql://") || options.where.starts_with("postgres://");
    if (options.where.empty()) return fail(ErrorCode::invalid, "the store's folder has an empty name");
    options.schemas.insert(options.schemas.begin(), own_schema());
    if (options.stop_at) {
        for (Schema& schema : options.schemas) {
            const auto last = options.stop_at->find(std::string(schema.room));
            const int wanted = last == options.stop_at->end() ? 0 : last->second;
            std::erase_if(schema.migrations, [&](const Migration& m) { return m.number > wanted; });
        }
    }
    auto engine = server ? open_postgres(options) : open_sqlite(options);
    if (!engine) return pass(std::move(engine.error()));
    return Store(std::move(*engine));
}

Status Store::read_with(FunctionRef<Status(Reader&)> work) { return engine_->read(work); }
Status Store::write_with(FunctionRef<Status(Writer&)> work, Durability durability) {
    return engine_->write(work, durability, Isolation::serial);
}
Status Store::claim_with(FunctionRef<Status(Writer&)> work, Durability durability) {
    return engine_->write(work, durability, Isolation::claim);
}
Status Store::replace_with(FunctionRef<Status(Writer&, Refill&)> work) { return engine_->replace(work); }
Result<std::int64_t> Store::life() {
    std::int64_t life = 0;
    const auto ask = [&](Reader& reader) -> Status {
        return reader.integer("SELECT max(life) FROM store_life").map([&](std::optional<std::int64_t> found) {
            life = found.value_or(0);
        });
    };
    return engine_->read(ask).map([&] { return life; });
}
Result<Watch> Store::watch(std::string_view topic) {
    auto watcher = engine_->watch(topic);
    if (!watcher) return pass(std::move(watcher.error()));
    return Watch(std::move(*watcher));
}
Result<BulkLoad> Store::bulk_load(std::string_view table, std::vector<std::string> columns) {
    if (columns.empty()) return fail(ErrorCode::invalid, "a bulk load without columns");
    return BulkLoad(engine_->load(table, std::move(columns)));
}
Result<std::int64_t> Store::changes() { return engine_->changes(); }
Status Store::check_integrity() { return engine_->check_integrity(); }
int Store::schema_version() const { return engine_->schema_version; }
const std::string& Store::where() const { return engine_->where; }

}  // namespace rushlight::store
