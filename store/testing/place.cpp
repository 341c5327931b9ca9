#include "store/testing/place.h"

#include "store/testing/postgres.h"

#include <cstdlib>
#include <filesystem>
#include <stdexcept>

namespace rushlight::store::testing {

Place::Place(Kind kind) : kind_(kind) {
    if (kind == Kind::postgres) {
        database_ = PostgresServer::shared().create_database();
        where_ = PostgresServer::shared().address(database_);
        return;
    }
    std::string folder = (std::filesystem::temp_directory_path() / "rushlight-store-XXXXXX").string();
    if (::mkdtemp(folder.data()) == nullptr)
        throw std::runtime_error("cannot make a temporary folder: " + folder);
    where_ = folder;
}

Place::~Place() {
    if (kind_ == Kind::postgres) {
        try {
            PostgresServer::shared().drop_database(database_);
        } catch (const std::exception&) {  // it goes with the server
        }
    } else {
        std::error_code ignored;
        std::filesystem::remove_all(where_, ignored);
    }
}

Store open(const Place& place, std::vector<Schema> schemas) {
    auto store = Store::open({.where = place.where(), .schemas = std::move(schemas)});
    if (!store) throw std::runtime_error("cannot open the store: " + store.error().message);
    return std::move(*store);
}

}  // namespace rushlight::store::testing
