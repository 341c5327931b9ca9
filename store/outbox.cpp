// The outbox: two tables and four statements. And the table with the store's life (copy.cpp).
#include "store/engine.h"

namespace rushlight::store {

Schema own_schema() {
    return {"store",
            {{1, "outbox",
              R"(CREATE TABLE store_outbox (
                     id INTEGER PRIMARY KEY AUTOINCREMENT,
                     topic TEXT NOT NULL,
                     body TEXT NOT NULL,
                     created_at INTEGER NOT NULL) STRICT;
                 CREATE INDEX store_outbox_by_topic ON store_outbox (topic, id);
                 CREATE TABLE store_outbox_position (
                     consumer TEXT NOT NULL,
                     topic TEXT NOT NULL,
                     position INTEGER NOT NULL,
                     PRIMARY KEY (consumer, topic)) STRICT;)"},
             {2, "the store's life",
              "CREATE TABLE store_life (life INTEGER NOT NULL PRIMARY KEY) STRICT, WITHOUT ROWID"}}};
}

namespace outbox {

Status append(Writer& writer, std::string_view topic, std::string_view body, Time at) {
    if (auto turn = writer.take_turn("store_outbox"); !turn) return turn;
    return writer
        .run("INSERT INTO store_outbox (topic, body, created_at) VALUES ($1, $2, $3)", {topic, body, at})
        .map([](std::int64_t) {});
}

Result<std::int64_t> position(Reader& reader, std::string_view consumer, std::string_view topic) {
    return reader
        .integer("SELECT position FROM store_outbox_position WHERE consumer = $1 AND topic = $2",
                 {consumer, topic})
        .map([](std::optional<std::int64_t> position) { return position.value_or(0); });
}

Status items(Reader& reader, std::string_view topic, std::int64_t after, int limit,
             FunctionRef<void(const Item&)> use) {
    return reader.each(
        "SELECT id, created_at, body FROM store_outbox WHERE topic = $1 AND id > $2 ORDER BY id LIMIT $3",
        {topic, after, limit}, [&](const Row& row) { use({row.integer(0), row.time(1), row.text(2)}); });
}

Status advance(Writer& writer, std::string_view consumer, std::string_view topic, std::int64_t to) {
    return writer
        .run(
            "INSERT INTO store_outbox_position (consumer, topic, position) VALUES ($1, $2, $3) "
            "ON CONFLICT (consumer, topic) DO UPDATE SET position = excluded.position",
            {consumer, topic, to})
        .map([](std::int64_t) {});
}

}  // namespace outbox
}  // namespace rushlight::store
