#include "match/list_store.h"

#include <random>

namespace rushlight::match::list_store {
namespace {

using store::Reader;
using store::Row;
using store::Writer;

constexpr std::int64_t kLogKept = 16'384;  // changes; whoever is further behind builds from the entries

constexpr std::string_view kTables = R"(
CREATE TABLE hash_list (
    id INTEGER PRIMARY KEY,
    name TEXT UNIQUE,
    kind INTEGER NOT NULL,
    category TEXT NOT NULL,
    source TEXT NOT NULL,
    pdq INTEGER NOT NULL,
    vpdq INTEGER NOT NULL,
    vpdq_share INTEGER NOT NULL,
    expires INTEGER,
    created INTEGER NOT NULL,
    created_by TEXT NOT NULL,
    changed INTEGER NOT NULL,
    active INTEGER NOT NULL DEFAULT 0,
    quarantined INTEGER NOT NULL DEFAULT 0,
    disabled INTEGER NOT NULL DEFAULT 0,
    purged INTEGER NOT NULL DEFAULT 0) STRICT;
CREATE TABLE hash_import (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    list INTEGER NOT NULL,
    owner TEXT NOT NULL,
    alive INTEGER NOT NULL,
    published INTEGER NOT NULL DEFAULT 0,
    who TEXT NOT NULL,
    format TEXT NOT NULL,
    started INTEGER NOT NULL,
    taken_active INTEGER NOT NULL DEFAULT 0,
    taken_quarantined INTEGER NOT NULL DEFAULT 0,
    taken_disabled INTEGER NOT NULL DEFAULT 0) STRICT;
CREATE INDEX hash_import_by_list ON hash_import (list);
CREATE TABLE hash_entry (
    list INTEGER NOT NULL,
    method INTEGER NOT NULL,
    hash BLOB NOT NULL,
    state INTEGER NOT NULL,
    import INTEGER NOT NULL,
    detail BLOB,
    note TEXT,
    who TEXT,
    changed INTEGER,
    PRIMARY KEY (list, method, hash)) WITHOUT ROWID, STRICT;
CREATE TABLE hash_change (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    nonce INTEGER NOT NULL,
    kind INTEGER NOT NULL,
    list INTEGER NOT NULL,
    import INTEGER NOT NULL,
    entries BLOB) STRICT;
)";

constexpr std::string_view kListColumns =
    "SELECT id, name, kind, category, source, pdq, vpdq, vpdq_share, expires, created, created_by, changed, "
    "active, quarantined, disabled FROM hash_list ";
constexpr std::string_view kEntryColumns =
    "SELECT method, hash, state, import, detail, note, who, changed FROM hash_entry ";

std::string operator+(std::string_view a, const char* b) { return std::string(a).append(b); }

List list_of(const Row& row) {
    List list;
    list.id = row.integer(0);
    list.name = row.text(1);
    list.kind = row.integer(2) == 0 ? ListKind::known : ListKind::negative;
    list.category = row.text(3);
    list.source = row.text(4);
    list.thresholds = {static_cast<int>(row.integer(5)), static_cast<int>(row.integer(6)),
                       static_cast<int>(row.integer(7))};
    if (const auto expires = row.integer_or_null(8)) list.expires = Time{*expires};
    list.created = row.time(9);
    list.created_by = row.text(10);
    list.changed = row.time(11);
    list.entries = {static_cast<std::uint64_t>(row.integer(12)), static_cast<std::uint64_t>(row.integer(13)),
                    static_cast<std::uint64_t>(row.integer(14))};
    return list;
}

// False where the row can't be one of ours.
bool entry_of(const Row& row, StoredEntry& entry) {
    const std::int64_t method = row.integer(0);
    const Bytes hash = row.bytes(1);
    const std::int64_t state = row.integer(2);
    if (method < 0 || method >= static_cast<std::int64_t>(formats::kMethods) || state < 0 || state > 2)
        return false;
    entry.key = {static_cast<Method>(method), {}};
    if (hash.size() != Key::size_of(entry.key.method)) return false;
    std::memcpy(entry.key.bytes.data(), hash.data(), hash.size());
    entry.state = static_cast<EntryState>(state);
    entry.import = row.integer(3);
    entry.detail = row.is_null(4) ? Bytes{} : row.bytes(4);
    entry.note = row.text_or_empty(5);
    entry.who = row.text_or_empty(6);
    entry.changed.reset();
    if (const auto changed = row.integer_or_null(7)) entry.changed = Time{*changed};
    return true;
}

Status damaged() {
    return fail(
        ErrorCode::corrupt,
        "the store is damaged: its table hash_entry holds a row that is no entry, or one out of its order. " +
            std::string(kWhatToDoAboutDamage));
}

// Rows come in the order of their keys, each once. Where they do not, a page of the file is not what was
// written, and a search in it passes over entries that are there.
class Rising {
  public:
    bool take(const Key& key) {
        if (last_ && !(*last_ < key)) return false;
        last_ = key;
        return true;
    }

  private:
    std::optional<Key> last_;
};

store::Value text_or_null(std::string_view text) {
    return text.empty() ? store::Value() : store::Value(text);
}
store::Value bytes_or_null(Bytes bytes) { return bytes.empty() ? store::Value() : store::Value(bytes); }
std::int64_t number(Method method) { return static_cast<std::int64_t>(method); }
std::int64_t number(EntryState state) { return static_cast<std::int64_t>(state); }

Status done(Result<std::int64_t> rows) { return rows ? Status{} : Status(pass(std::move(rows.error()))); }

std::int64_t random_number() {
    std::random_device device;
    return static_cast<std::int64_t>((std::uint64_t(device()) << 32 | device()) >> 1);
}

}  // namespace

store::Schema schema() { return {"match", {{1, "hash lists", kTables, {}}}}; }

Result<std::optional<List>> find(Reader& reader, std::string_view name) {
    std::optional<List> list;
    auto found =
        reader.one(kListColumns + "WHERE name = $1", {name}, [&](const Row& row) { list = list_of(row); });
    if (!found) return pass(found.error());
    return list;
}

Result<std::vector<List>> all(Reader& reader) {
    std::vector<List> lists;
    auto status = reader.each(kListColumns + "WHERE name IS NOT NULL ORDER BY name", {},
                              [&](const Row& row) { lists.push_back(list_of(row)); });
    if (!status) return pass(status.error());
    return lists;
}

namespace {

// A row without a name is one more each time; `purged` says that there is nothing to be deleted of it.
Result<std::optional<std::int64_t>> insert_row(Writer& writer, const ListSettings& settings, bool hidden,
                                               std::string_view who, Time now) {
    return writer.integer(
        "INSERT INTO hash_list (name, kind, category, source, pdq, vpdq, vpdq_share, expires, created, "
        "created_by, changed, purged) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $9, $11) "
        "ON CONFLICT (name) DO NOTHING RETURNING id",
        {hidden ? store::Value() : store::Value(settings.name), settings.kind == ListKind::known ? 0 : 1,
         settings.category, settings.source, settings.thresholds.pdq, settings.thresholds.vpdq,
         settings.thresholds.vpdq_share, settings.expires ? store::Value(*settings.expires) : store::Value(),
         now, who, hidden ? 1 : 0});
}

Status there_is_one(std::string_view name) {
    return fail(ErrorCode::conflict, "there is a list '" + std::string(name) + "' already");
}

}  // namespace

Result<std::int64_t> insert(Writer& writer, const ListSettings& settings, std::string_view who, Time now) {
    auto id = insert_row(writer, settings, false, who, now);
    if (!id) return pass(id.error());
    if (!*id) return pass(there_is_one(settings.name).error());
    return **id;
}

Result<std::int64_t> insert_hidden(Writer& writer, const ListSettings& settings, std::string_view who,
                                   Time now) {
    auto id = insert_row(writer, settings, true, who, now);
    if (!id) return pass(id.error());
    return id->value_or(0);
}

Status reveal(Writer& writer, std::int64_t list, std::string_view name, Time now) {
    auto other = find(writer, name);
    if (!other) return pass(other.error());
    if (*other) return there_is_one(name);
    return done(writer.run("UPDATE hash_list SET name = $2, purged = 0, changed = $3 WHERE id = $1",
                           {list, name, now}));
}

Status change(Writer& writer, std::int64_t list, const ListSettings& settings, Time now) {
    return done(writer.run(
        "UPDATE hash_list SET category = $2, source = $3, pdq = $4, vpdq = $5, vpdq_share = $6, expires = "
        "$7, changed = $8 WHERE id = $1",
        {list, settings.category, settings.source, settings.thresholds.pdq, settings.thresholds.vpdq,
         settings.thresholds.vpdq_share, settings.expires ? store::Value(*settings.expires) : store::Value(),
         now}));
}

Status mark_removed(Writer& writer, std::int64_t list, Time now) {
    return done(writer.run("UPDATE hash_list SET name = NULL, changed = $2 WHERE id = $1", {list, now}));
}

Status add_counts(Writer& writer, std::int64_t list, const std::array<std::int64_t, 3>& by_state, Time now) {
    return done(writer.run(
        "UPDATE hash_list SET active = active + $2, quarantined = quarantined + $3, disabled = disabled + "
        "$4, changed = $5 WHERE id = $1",
        {list, by_state[0], by_state[1], by_state[2], now}));
}

Result<std::vector<std::int64_t>> removed_with_entries(Reader& reader) {
    std::vector<std::int64_t> lists;
    auto status = reader.each("SELECT id FROM hash_list WHERE name IS NULL AND purged = 0", {},
                              [&](const Row& row) { lists.push_back(row.integer(0)); });
    if (!status) return pass(status.error());
    return lists;
}

Status mark_purged(Writer& writer, std::int64_t list) {
    if (auto status = done(writer.run("DELETE FROM hash_import WHERE list = $1", {list})); !status)
        return status;
    return done(writer.run("UPDATE hash_list SET purged = 1 WHERE id = $1", {list}));
}

Result<bool> each_entry(Reader& reader, std::int64_t list, const std::optional<Key>& after,
                        std::int64_t limit, const std::function<bool(const StoredEntry&)>& use) {
    std::int64_t rows = 0;
    bool good = true;
    Rising rising;
    const auto take = [&](const Row& row) {
        StoredEntry entry;
        ++rows;
        good = entry_of(row, entry) && rising.take(entry.key);
        return good && use(entry);
    };
    const Status status = after
                              ? reader.each(kEntryColumns +
                                                "WHERE list = $1 AND (method, hash) > ($2, $3) "
                                                "ORDER BY method, hash LIMIT $4",
                                            {list, number(after->method), after->view(), limit}, take)
                              : reader.each(kEntryColumns + "WHERE list = $1 ORDER BY method, hash LIMIT $2",
                                            {list, limit}, take);
    if (!status) return pass(status.error());
    if (!good) return pass(damaged().error());
    return rows == limit;
}

Status each_entry_of(Reader& reader, std::int64_t list, const std::function<bool(const StoredEntry&)>& use) {
    bool good = true;
    Rising rising;
    auto status =
        reader.each(kEntryColumns + "WHERE list = $1 ORDER BY method, hash", {list}, [&](const Row& row) {
            StoredEntry entry;
            good = entry_of(row, entry) && rising.take(entry.key);
            return good && use(entry);
        });
    return !status || good ? status : damaged();
}

Result<bool> one_entry(Reader& reader, std::int64_t list, const Key& key,
                       const std::function<void(const StoredEntry&)>& use) {
    bool good = true;
    auto found = reader.one(kEntryColumns + "WHERE list = $1 AND method = $2 AND hash = $3",
                            {list, number(key.method), key.view()}, [&](const Row& row) {
                                StoredEntry entry;
                                good = entry_of(row, entry);
                                if (good) use(entry);
                            });
    if (found && !good) return pass(damaged().error());
    return found;
}

Result<bool> each_key(Reader& reader, std::int64_t list, const Key& first, std::int64_t limit,
                      const std::function<void(const Key&, ImportId)>& use) {
    std::int64_t rows = 0;
    bool good = true;
    auto status = reader.each(kEntryColumns +
                                  "WHERE list = $1 AND (method, hash) >= ($2, $3) "
                                  "ORDER BY method, hash LIMIT $4",
                              {list, number(first.method), first.view(), limit}, [&](const Row& row) {
                                  StoredEntry entry;
                                  ++rows;
                                  good = entry_of(row, entry);
                                  if (good) use(entry.key, entry.import);
                                  return good;
                              });
    if (!status) return pass(status.error());
    if (!good) return pass(damaged().error());
    return rows == limit;
}

Result<bool> insert_entry(Writer& writer, std::int64_t list, const NewEntry& entry, Time now) {
    auto rows = writer.run(
        "INSERT INTO hash_entry (list, method, hash, state, import, detail, note, who, changed) "
        "VALUES ($1, $2, $3, $4, 0, $5, $6, $7, $8) ON CONFLICT (list, method, hash) DO NOTHING",
        {list, number(entry.key.method), entry.key.view(), number(entry.state), bytes_or_null(entry.detail),
         text_or_null(entry.note), text_or_null(entry.who), now});
    if (!rows) return pass(rows.error());
    return *rows > 0;
}

Status take_over(Writer& writer, std::int64_t list, const NewEntry& entry, ImportId from, EntryState staged,
                 Time now) {
    auto status =
        done(writer.run("UPDATE hash_entry SET import = 0, state = $4, note = $5, who = $6, changed = $7 "
                        "WHERE list = $1 AND method = $2 AND hash = $3",
                        {list, number(entry.key.method), entry.key.view(), number(entry.state),
                         text_or_null(entry.note), text_or_null(entry.who), now}));
    if (!status) return status;
    return done(
        writer.run("UPDATE hash_import SET taken_active = taken_active + $2, taken_quarantined = "
                   "taken_quarantined + $3, taken_disabled = taken_disabled + $4 WHERE id = $1",
                   {from, staged == EntryState::active, staged == EntryState::quarantined,
                    staged == EntryState::disabled}));
}

Status set_state(Writer& writer, std::int64_t list, const Key& key, EntryState state,
                 std::optional<std::string_view> note, std::string_view who, Time now) {
    auto status =
        done(writer.run("UPDATE hash_entry SET state = $4, who = $5, changed = $6 WHERE list = $1 AND method "
                        "= $2 AND hash = $3",
                        {list, number(key.method), key.view(), number(state), text_or_null(who), now}));
    if (!status || !note) return status;
    return done(writer.run("UPDATE hash_entry SET note = $4 WHERE list = $1 AND method = $2 AND hash = $3",
                           {list, number(key.method), key.view(), text_or_null(*note)}));
}

Status delete_entry(Writer& writer, std::int64_t list, const Key& key) {
    return done(writer.run("DELETE FROM hash_entry WHERE list = $1 AND method = $2 AND hash = $3",
                           {list, number(key.method), key.view()}));
}

Result<std::optional<Key>> purge_some(Writer& writer, std::int64_t list, std::optional<ImportId> import,
                                      const std::optional<Key>& after, std::int64_t limit) {
    std::optional<Key> last;
    bool any = false;
    auto more = each_entry(writer, list, after, limit, [&](const StoredEntry& entry) {
        last = entry.key;
        any = any || !import || entry.import == *import;
        return true;
    });
    if (!more) return pass(more.error());
    if (any) {
        // Every key is behind this one, which no hash is.
        const Key first = after.value_or(Key{});
        const Bytes from = after ? first.view() : Bytes(first.bytes).first(0);
        auto status =
            import
                ? done(writer.run(
                      "DELETE FROM hash_entry WHERE list = $1 AND (method, hash) > ($2, $3) AND "
                      "(method, hash) <= ($4, $5) AND import = $6",
                      {list, number(first.method), from, number(last->method), last->view(), *import}))
                : done(writer.run("DELETE FROM hash_entry WHERE list = $1 AND (method, hash) > ($2, $3) AND "
                                  "(method, hash) <= ($4, $5)",
                                  {list, number(first.method), from, number(last->method), last->view()}));
        if (!status) return pass(status.error());
    }
    return *more ? last : std::nullopt;
}

std::vector<std::string> entry_columns() {
    return {"list", "method", "hash", "state", "import", "detail", "note"};
}
std::array<store::Value, 7> staged_row(std::int64_t list, ImportId import, const NewEntry& entry) {
    return {list,   number(entry.key.method),    entry.key.view(),        number(entry.state),
            import, bytes_or_null(entry.detail), text_or_null(entry.note)};
}

Result<std::vector<Import>> imports(Reader& reader, std::optional<std::int64_t> list) {
    std::vector<Import> found;
    const auto take = [&](const Row& row) {
        found.push_back({row.integer(0), row.integer(1), std::string(row.text(2)), row.time(3),
                         row.integer(4) != 0, std::string(row.text(5)), row.time(6)});
    };
    const Status status =
        list ? reader.each(
                   "SELECT id, list, owner, alive, published, who, started FROM hash_import WHERE list = $1",
                   {*list}, take)
             : reader.each("SELECT id, list, owner, alive, published, who, started FROM hash_import", {},
                           take);
    if (!status) return pass(status.error());
    return found;
}

Result<ImportId> begin_import(Writer& writer, std::int64_t list, std::string_view owner, std::string_view who,
                              std::string_view format, Time now) {
    auto id = writer.integer(
        "INSERT INTO hash_import (list, owner, alive, who, format, started) "
        "VALUES ($1, $2, $3, $4, $5, $3) RETURNING id",
        {list, owner, now, who, format});
    if (!id) return pass(id.error());
    return id->value_or(0);
}

Status keep_alive(Writer& writer, ImportId import, Time now) {
    return done(writer.run("UPDATE hash_import SET alive = $2 WHERE id = $1", {import, now}));
}

Result<std::array<std::int64_t, 3>> publish(Writer& writer, ImportId import, Time now) {
    std::array<std::int64_t, 3> taken{};
    auto there = writer.one(
        "SELECT taken_active, taken_quarantined, taken_disabled FROM hash_import WHERE id = $1 "
        "AND published = 0",
        {import}, [&](const Row& row) {
            for (int i = 0; i < 3; ++i) taken.at(static_cast<std::size_t>(i)) = row.integer(i);
        });
    if (!there) return pass(there.error());
    if (!*there) {
        return fail(ErrorCode::conflict,
                    "the import was taken for dead and cleaned up by another process: start again");
    }
    auto status =
        done(writer.run("UPDATE hash_import SET published = 1, alive = $2 WHERE id = $1", {import, now}));
    if (!status) return pass(status.error());
    return taken;
}

Status forget_import(Writer& writer, ImportId import) {
    return done(writer.run("DELETE FROM hash_import WHERE id = $1 AND published = 0", {import}));
}

Status append(Writer& writer, LogItem::Kind kind, std::int64_t list, ImportId import, Bytes changes) {
    if (auto status = writer.take_turn("match.changes"); !status) return status;
    auto id = writer.integer(
        "INSERT INTO hash_change (nonce, kind, list, import, entries) "
        "VALUES ($1, $2, $3, $4, $5) RETURNING id",
        {random_number(), static_cast<std::int64_t>(kind), list, import, bytes_or_null(changes)});
    if (!id) return pass(id.error());
    return done(writer.run("DELETE FROM hash_change WHERE id <= $1", {id->value_or(0) - kLogKept}));
}

Result<Position> position(Reader& reader) {
    Position position;
    auto found = reader.one("SELECT id, nonce FROM hash_change ORDER BY id DESC LIMIT 1", {},
                            [&](const Row& row) { position = {row.integer(0), row.integer(1)}; });
    if (!found) return pass(found.error());
    return position;
}

Result<bool> log_behind(Reader& reader, Position after, const std::function<void(const LogItem&)>& use) {
    // Change 0 is the empty log: then all of it must be there still, from number 1 on (numbers may be left
    // out by a transaction that failed, but none before the first).
    bool there = false;
    auto found = after.change == 0
                     ? reader.one("SELECT count(*) FROM hash_change", {},
                                  [&](const Row& row) { there = row.integer(0) < kLogKept; })
                     : reader.one("SELECT nonce FROM hash_change WHERE id = $1", {after.change},
                                  [&](const Row& row) { there = row.integer(0) == after.nonce; });
    if (!found) return pass(found.error());
    if (!there) return false;
    auto status = reader.each(
        "SELECT id, nonce, kind, list, import, entries FROM hash_change WHERE id > $1 ORDER BY id",
        {after.change}, [&](const Row& row) {
            use({{row.integer(0), row.integer(1)},
                 static_cast<LogItem::Kind>(row.integer(2)),
                 row.integer(3),
                 row.integer(4),
                 row.is_null(5) ? Bytes{} : row.bytes(5)});
        });
    if (!status) return pass(status.error());
    return true;
}

}  // namespace rushlight::match::list_store
