// What Lists holds, and what its files share. Private to match.
#pragma once

#include "match/list_store.h"
#include "match/lists.h"

#include <mutex>
#include <optional>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <vector>

namespace rushlight::match {

struct Lists::State {
    State(store::Store& open_store, std::string folder, const Clock& the_clock)
        : store(open_store), data(std::move(folder)), clock(the_clock) {}

    store::Store& store;
    std::string data;
    const Clock& clock;
    std::mutex mutex;
    std::vector<ListObserver*> observers;  // guarded by mutex

    std::string index_folder() const { return data + "/index"; }
    void notify();
};

// The imports whose entries are visible.
class Published {
  public:
    static Result<Published> load(store::Reader& reader, std::optional<std::int64_t> list);

    bool contains(ImportId import) const { return import == 0 || imports_.contains(import); }
    // Who brought it and when; null for entries added one by one.
    const list_store::Import* find(ImportId import) const;

  private:
    std::unordered_map<ImportId, list_store::Import> imports_;
};

// A running reader: visible entries only, page after page, each page in its own transaction, so that a long
// export holds up nobody. `use` returns false to end.
Status each_visible(store::Store& store, std::int64_t list, const std::function<Status(const Entry&)>& use);
Entry entry_from(const StoredEntry& stored, const Published& published, Value value);

// Every visible entry of a list, inside the caller's transaction, in which `list` and `published` were read
// too. Fails with `corrupt` where they are not as many, in each state, as the list says: the store is
// damaged, and a search in what is left would find less than there is, in silence.
Status every_entry(store::Reader& reader, const List& list, const Published& published,
                   const std::function<void(const StoredEntry&)>& use);

Status no_such_list(std::string_view name);

// Who runs an import, so that a later one can tell whether that process is still alive.
std::string this_process();
// Surely dead (on this machine), or silent for longer than kSilence.
bool is_dead(const list_store::Import& import, Time now);

// Deletes what dead imports of that list (none: of all) left, and what removed lists left, until the
// deadline.
Status purge_leftovers(store::Store& store, std::optional<std::int64_t> list, Time now,
                       Steady::time_point deadline);
Status purge_import(store::Store& store, std::int64_t list, ImportId import, Steady::time_point deadline);
Status purge_list(store::Store& store, std::int64_t list, Steady::time_point deadline);

}  // namespace rushlight::match
