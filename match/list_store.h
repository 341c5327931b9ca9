// The SQL of hash lists: every statement on this room's tables, and nothing else. Private to match.
//
// An entry belongs to the import that brought it (0: added one by one) and is visible when that import has
// been published. A list that was removed keeps its row, without a name, so that its number is never given
// again; a list that is still being imported for the first time has no name yet. Functions taking a Reader or
// Writer run inside the caller's transaction.
#pragma once

#include "match/change.h"
#include "match/lists.h"
#include "store/store.h"

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_set>
#include <vector>

namespace rushlight::match {

using ImportId = std::int64_t;

// One row of the entry table. Views live until the callback returns.
struct StoredEntry {
    Key key;
    EntryState state = EntryState::active;
    ImportId import = 0;
    Bytes detail;  // the packed value of vPDQ and PhotoDNA
    std::string_view note, who;
    std::optional<Time> changed;

    Bytes packed() const { return Key::is_digest(key.method) ? detail : key.view(); }
};

// Where the change log stands: the number of its last change, and the random number that this one carries, so
// that a restored backup, whose log went another way, is not taken for the same.
struct Position {
    std::int64_t change = 0;
    std::int64_t nonce = 0;

    bool operator==(const Position&) const = default;
};

struct LogItem {
    enum class Kind : std::int64_t { entries = 1, import = 2, lists = 3 };
    Position position;
    Kind kind = Kind::lists;
    std::int64_t list = 0;
    ImportId import = 0;  // Kind::import
    Bytes changes;        // Kind::entries
};

// What the words of every kind of damage end with.
inline constexpr std::string_view kWhatToDoAboutDamage =
    "Put a backup of the store in its place; without one, export what can still be read (rushlight list "
    "export "
    "NAME) and import it into a new data folder.";

namespace list_store {

store::Schema schema();

// Lists. `removed` lists have no name and are not found.
Result<std::optional<List>> find(store::Reader& reader, std::string_view name);
Result<std::vector<List>> all(store::Reader& reader);
Result<std::int64_t> insert(store::Writer& writer, const ListSettings& settings, std::string_view who,
                            Time now);
// A list that is not found until it is revealed: an import makes it so, and whatever becomes of the import,
// no list is seen without its entries. reveal() fails with `conflict` where there is one of that name by
// then.
Result<std::int64_t> insert_hidden(store::Writer& writer, const ListSettings& settings, std::string_view who,
                                   Time now);
Status reveal(store::Writer& writer, std::int64_t list, std::string_view name, Time now);
Status change(store::Writer& writer, std::int64_t list, const ListSettings& settings, Time now);
Status mark_removed(store::Writer& writer, std::int64_t list, Time now);
Status add_counts(store::Writer& writer, std::int64_t list, const std::array<std::int64_t, 3>& by_state,
                  Time now);
Result<std::vector<std::int64_t>> removed_with_entries(store::Reader& reader);
Status mark_purged(store::Writer& writer, std::int64_t list);

// Entries.
// A page in key order behind `after`; true where there may be more.
Result<bool> each_entry(store::Reader& reader, std::int64_t list, const std::optional<Key>& after,
                        std::int64_t limit, const std::function<bool(const StoredEntry&)>& use);
// Without paging: in key order from the first on; for building an index.
Status each_entry_of(store::Reader& reader, std::int64_t list,
                     const std::function<bool(const StoredEntry&)>& use);
Result<bool> one_entry(store::Reader& reader, std::int64_t list, const Key& key,
                       const std::function<void(const StoredEntry&)>& use);
// The keys from `first` on, that one included; true where there may be more.
Result<bool> each_key(store::Reader& reader, std::int64_t list, const Key& first, std::int64_t limit,
                      const std::function<void(const Key&, ImportId)>& use);
struct NewEntry {
    Key key;
    Bytes detail;
    EntryState state = EntryState::active;
    std::string_view note, who;
};
// False where there is one with that key already.
Result<bool> insert_entry(store::Writer& writer, std::int64_t list, const NewEntry& entry, Time now);
// Makes an entry of an unpublished import one that was added by itself.
Status take_over(store::Writer& writer, std::int64_t list, const NewEntry& entry, ImportId from,
                 EntryState staged, Time now);
Status set_state(store::Writer& writer, std::int64_t list, const Key& key, EntryState state,
                 std::optional<std::string_view> note, std::string_view who, Time now);
Status delete_entry(store::Writer& writer, std::int64_t list, const Key& key);
// Deletes up to `limit` rows behind `after` (of that import only, where one is given); returns the last key
// looked at, none where the list's end was reached.
Result<std::optional<Key>> purge_some(store::Writer& writer, std::int64_t list,
                                      std::optional<ImportId> import, const std::optional<Key>& after,
                                      std::int64_t limit);
std::vector<std::string> entry_columns();  // for bulk_load, in the order of staged_row()
std::array<store::Value, 7> staged_row(std::int64_t list, ImportId import, const NewEntry& entry);

// Imports.
struct Import {
    ImportId id = 0;
    std::int64_t list = 0;
    std::string owner;
    Time alive;
    bool published = false;
    std::string who;
    Time started;
};
Result<std::vector<Import>> imports(store::Reader& reader, std::optional<std::int64_t> list);
Result<ImportId> begin_import(store::Writer& writer, std::int64_t list, std::string_view owner,
                              std::string_view who, std::string_view format, Time now);
Status keep_alive(store::Writer& writer, ImportId import, Time now);
// The entries that were taken over meanwhile, by the state they were staged in; fails with `conflict` where
// the import is not there any more.
Result<std::array<std::int64_t, 3>> publish(store::Writer& writer, ImportId import, Time now);
Status forget_import(store::Writer& writer, ImportId import);

// The change log. Appending takes the log's turn, so that numbers become visible in order.
Status append(store::Writer& writer, LogItem::Kind kind, std::int64_t list, ImportId import, Bytes changes);
Result<Position> position(store::Reader& reader);
// The log's items behind `after`; false where they are not all there any more, or the log went another way.
Result<bool> log_behind(store::Reader& reader, Position after,
                        const std::function<void(const LogItem&)>& use);

}  // namespace list_store
}  // namespace rushlight::match
