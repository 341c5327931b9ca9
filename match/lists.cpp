#include "match/lists.h"

#include "base/text.h"
#include "match/key_range.h"
#include "match/lists_state.h"

#include <algorithm>

#include <sys/stat.h>

namespace rushlight::match {
namespace {

constexpr std::size_t kMaxPage = 10'000;
constexpr std::size_t kMostLookedAt = 100'000;  // for one page of what a filter wants
constexpr std::int64_t kExportPage = 5'000;
constexpr std::size_t kMaxWords = 1'000;  // bytes of category, source, who
constexpr auto kCleaningAtOpen = std::chrono::milliseconds(300);

using list_store::NewEntry;
using store::Reader;
using store::Writer;

// What a person typed, fit for the store.
std::string words(std::string_view text) {
    std::string clean = to_utf8(text);
    std::erase(clean, '\0');
    if (clean.size() <= kMaxWords) return clean;
    std::size_t end = kMaxWords;
    while (end > 0 && (static_cast<unsigned char>(clean[end]) & 0xC0) == 0x80) --end;
    clean.resize(end);
    return clean;
}

Result<List> must_find(Reader& reader, std::string_view name) {
    auto list = list_store::find(reader, name);
    if (!list) return pass(list.error());
    if (!*list) return pass(no_such_list(name).error());
    return **list;
}

// A list, and which imports into it are there for everybody to see.
struct OpenedList {
    List list;
    Published published;
};
Result<OpenedList> must_open(Reader& reader, std::string_view name) {
    auto list = must_find(reader, name);
    if (!list) return pass(list.error());
    auto published = Published::load(reader, list->id);
    if (!published) return pass(published.error());
    return OpenedList{std::move(*list), std::move(*published)};
}

std::array<std::int64_t, 3> one_more(EntryState state, std::int64_t by) {
    std::array<std::int64_t, 3> counts{};
    counts.at(static_cast<std::size_t>(state)) = by;
    return counts;
}

// "METHOD:KEY" of the last entry of a page.
std::string cursor_of(const Key& key) {
    return std::string(to_string(key.method)) + ":" + to_hex(key.view());
}
std::optional<Key> parse_cursor(std::string_view text) {
    const auto colon = text.find(':');
    const auto method = formats::parse_method(text.substr(0, colon));
    if (!method || colon == std::string_view::npos) return std::nullopt;
    Key key{*method, {}};
    if (!parse_hex(text.substr(colon + 1), std::span(key.bytes).first(Key::size_of(*method))))
        return std::nullopt;
    return key;
}

// One entry as it is stored, however visible.
struct Found {
    EntryState state = EntryState::active;
    ImportId import = 0;
};
Result<std::optional<Found>> look_up(Reader& reader, std::int64_t list, const Key& key) {
    std::optional<Found> found;
    auto there = list_store::one_entry(
        reader, list, key, [&](const StoredEntry& entry) { found = Found{entry.state, entry.import}; });
    if (!there) return pass(there.error());
    return found;
}

Status make_fit(ListSettings& settings) {
    const auto& t = settings.thresholds;
    if (t.pdq < 0 || t.pdq > kMaxThreshold || t.vpdq < 0 || t.vpdq > kMaxThreshold || t.vpdq_share < 1 ||
        t.vpdq_share > 100) {
        return fail(ErrorCode::invalid, "a threshold is from 0 to " + std::to_string(kMaxThreshold) +
                                            " bits, and a share from 1 to 100 per cent");
    }
    settings.category = words(trim(settings.category));
    settings.source = words(trim(settings.source));
    if (settings.category.empty()) {
        settings.category = settings.kind == ListKind::known ? kDefaultCategory : kDefaultNegativeCategory;
    }
    return {};
}

Status append_changes(Writer& writer, std::int64_t list, std::span<const Change> changes) {
    if (changes.empty()) return {};
    return list_store::append(writer, LogItem::Kind::entries, list, 0, pack_changes(changes));
}

// The end of a change: what goes along with it.
template <class T>
Status finish(const Status& done, Writer& writer, const Along<T>& along, const T& what) {
    return done && along ? along(writer, what) : done;
}

}  // namespace

Status no_such_list(std::string_view name) {
    return fail(ErrorCode::not_found,
                "there is no list '" + printable(name) + "': `rushlight list show` names those there are");
}

void Lists::State::notify() {
    const std::scoped_lock lock(mutex);
    for (auto* observer : observers) observer->lists_changed();
}

Result<Published> Published::load(Reader& reader, std::optional<std::int64_t> list) {
    auto imports = list_store::imports(reader, list);
    if (!imports) return pass(imports.error());
    Published published;
    for (auto& import : *imports) {
        if (import.published) published.imports_.emplace(import.id, std::move(import));
    }
    return published;
}

const list_store::Import* Published::find(ImportId import) const {
    const auto found = imports_.find(import);
    return found == imports_.end() ? nullptr : &found->second;
}

Entry entry_from(const StoredEntry& stored, const Published& published, Value value) {
    const auto* import = published.find(stored.import);
    return {std::move(value), stored.state, std::string(stored.note),
            stored.who.empty() && import != nullptr ? import->who : std::string(stored.who),
            stored.changed      ? *stored.changed
            : import != nullptr ? import->started
                                : Time{}};
}

Lists::Lists(std::unique_ptr<State> state) : state_(std::move(state)) {}
Lists::~Lists() = default;

Result<std::unique_ptr<Lists>> Lists::open(store::Store& store, std::string data, const Clock& clock) {
    auto state = std::make_unique<State>(store, std::move(data), clock);
    if (::mkdir(state->index_folder().c_str(), 0700) != 0 && errno != EEXIST) {
        return fail_errno("cannot make the folder " + state->index_folder());
    }
    if (auto status = purge_leftovers(store, std::nullopt, clock.now(), Steady::now() + kCleaningAtOpen);
        !status) {
        return pass(status.error());
    }
    return std::unique_ptr<Lists>(new Lists(std::move(state)));
}

void Lists::observe(ListObserver& observer) {
    const std::scoped_lock lock(state_->mutex);
    state_->observers.push_back(&observer);
}
void Lists::forget(ListObserver& observer) {
    const std::scoped_lock lock(state_->mutex);
    std::erase(state_->observers, &observer);
}

Result<List> Lists::create(const ListSettings& wanted, std::string_view who, const Along<List>& along) {
    if (auto status = check_list_name(wanted.name); !status) return pass(status.error());
    ListSettings settings = wanted;
    if (auto status = make_fit(settings); !status) return pass(status.error());
    const std::string by = words(who);
    const Time now = state_->clock.now();
    Result<List> made = List{};
    auto status = state_->store.write([&](Writer& writer) -> Status {
        auto id = list_store::insert(writer, settings, by, now);
        if (!id) return pass(id.error());
        made = must_find(writer, settings.name);
        if (!made) return pass(made.error());
        return finish(list_store::append(writer, LogItem::Kind::lists, *id, 0, {}), writer, along, *made);
    });
    if (!status) return pass(status.error());
    state_->notify();
    return made;
}

Result<List> Lists::change(std::string_view name, const std::function<Status(ListSettings&)>& edit,
                           const Along<List>& along) {
    Result<List> changed = List{};
    auto status = state_->store.write([&](Writer& writer) -> Status {
        const auto list = must_find(writer, name);
        if (!list) return pass(list.error());
        ListSettings settings = *list;
        if (auto edited = edit(settings); !edited) return edited;
        settings.kind = list->kind;
        if (auto fit = make_fit(settings); !fit) return fit;
        if (auto kept = list_store::change(writer, list->id, settings, state_->clock.now()); !kept)
            return kept;
        changed = must_find(writer, name);
        if (!changed) return pass(changed.error());
        return finish(list_store::append(writer, LogItem::Kind::lists, list->id, 0, {}), writer, along,
                      *changed);
    });
    if (!status) return pass(status.error());
    state_->notify();
    return changed;
}

Status Lists::remove(std::string_view name, const Along<List>& along) {
    std::int64_t id = 0;
    auto status = state_->store.write([&](Writer& writer) -> Status {
        auto list = must_find(writer, name);
        if (!list) return pass(list.error());
        id = list->id;
        if (auto marked = list_store::mark_removed(writer, id, state_->clock.now()); !marked) return marked;
        return finish(list_store::append(writer, LogItem::Kind::lists, id, 0, {}), writer, along, *list);
    });
    if (!status) return status;
    state_->notify();
    return purge_list(state_->store, id, Steady::time_point::max());
}

Result<List> Lists::find(std::string_view name) const {
    Result<List> list = List{};
    auto status = state_->store.read([&](Reader& reader) -> Status {
        list = must_find(reader, name);
        return list ? Status{} : Status(pass(list.error()));
    });
    if (!status) return pass(status.error());
    return list;
}

Result<std::vector<List>> Lists::all() const {
    Result<std::vector<List>> lists = std::vector<List>{};
    auto status = state_->store.read([&](Reader& reader) -> Status {
        lists = list_store::all(reader);
        return lists ? Status{} : Status(pass(lists.error()));
    });
    if (!status) return pass(status.error());
    return lists;
}

Result<Added> Lists::add(std::string_view name, std::span<const Value> values, std::string_view who,
                         std::string_view note, EntryState state, const Along<Added>& along) {
    const std::string by = words(who);
    const std::string noted = formats::clean_note(note);
    Added result;
    auto status = state_->store.write([&](Writer& writer) -> Status {
        result = {};
        auto opened = must_open(writer, name);
        if (!opened) return pass(opened.error());
        const auto& [list, published] = *opened;
        const Time now = state_->clock.now();
        std::vector<Change> changes;
        for (const auto& value : values) {
            NewEntry entry{key_of(value), {}, state, noted, by};
            if (Key::is_digest(value.method)) entry.detail = value.bytes;
            auto fresh = list_store::insert_entry(writer, list.id, entry, now);
            if (!fresh) return pass(fresh.error());
            if (!*fresh) {
                // It is there: for everybody to see, or staged by an import that is still running.
                auto found = look_up(writer, list.id, entry.key);
                if (!found) return pass(found.error());
                if (!*found || published.contains((*found)->import)) {
                    ++result.duplicate;
                    continue;
                }
                auto taken =
                    list_store::take_over(writer, list.id, entry, (*found)->import, (*found)->state, now);
                if (!taken) return taken;
            }
            ++result.added;
            changes.push_back({entry.key, std::nullopt, state});
        }
        if (changes.empty()) return finish({}, writer, along, result);
        auto counted = list_store::add_counts(
            writer, list.id, one_more(state, static_cast<std::int64_t>(changes.size())), now);
        return finish(counted ? append_changes(writer, list.id, changes) : counted, writer, along, result);
    });
    if (!status) return pass(status.error());
    if (result.added > 0) state_->notify();
    return result;
}

Result<Dropped> Lists::drop(std::string_view name, std::span<const Value> values,
                            const Along<Dropped>& along) {
    Dropped result;
    auto status = state_->store.write([&](Writer& writer) -> Status {
        result = {};
        auto opened = must_open(writer, name);
        if (!opened) return pass(opened.error());
        const auto& [list, published] = *opened;
        std::array<std::int64_t, 3> counts{};
        std::vector<Change> changes;
        for (const auto& value : values) {
            const Key key = key_of(value);
            auto found = look_up(writer, list.id, key);
            if (!found) return pass(found.error());
            if (!*found || !published.contains((*found)->import)) {
                ++result.missing;
                continue;
            }
            if (auto gone = list_store::delete_entry(writer, list.id, key); !gone) return gone;
            ++result.dropped;
            --counts.at(static_cast<std::size_t>((*found)->state));
            changes.push_back({key, (*found)->state, std::nullopt});
        }
        if (changes.empty()) return finish({}, writer, along, result);
        auto counted = list_store::add_counts(writer, list.id, counts, state_->clock.now());
        return finish(counted ? append_changes(writer, list.id, changes) : counted, writer, along, result);
    });
    if (!status) return pass(status.error());
    if (result.dropped > 0) state_->notify();
    return result;
}

Status Lists::set(std::string_view name, const Value& value, EntryState state,
                  std::optional<std::string> note, std::string_view who, const Along<List>& along) {
    const std::string by = words(who);
    const std::optional<std::string> noted = note ? std::optional(formats::clean_note(*note)) : std::nullopt;
    auto status = state_->store.write([&](Writer& writer) -> Status {
        auto opened = must_open(writer, name);
        if (!opened) return pass(opened.error());
        const auto& [list, published] = *opened;
        const Key key = key_of(value);
        auto found = look_up(writer, list.id, key);
        if (!found) return pass(found.error());
        if (!*found || !published.contains((*found)->import)) {
            return fail(ErrorCode::not_found,
                        "the list '" + list.name + "' has no entry " + value.text().substr(0, 200));
        }
        const Time now = state_->clock.now();
        auto set = list_store::set_state(writer, list.id, key, state, noted, by, now);
        if (!set) return set;
        const EntryState before = (*found)->state;
        auto counts = one_more(before, -1);
        counts.at(static_cast<std::size_t>(state)) += 1;
        if (auto counted = list_store::add_counts(writer, list.id, counts, now); !counted) return counted;
        if (before == state) return finish({}, writer, along, list);
        const Change change{key, before, state};
        return finish(append_changes(writer, list.id, {&change, 1}), writer, along, list);
    });
    if (status) state_->notify();
    return status;
}

Result<std::optional<Entry>> Lists::entry(std::string_view name, const Value& value) const {
    std::optional<Entry> entry;
    auto status = state_->store.read([&](Reader& reader) -> Status {
        entry.reset();
        auto opened = must_open(reader, name);
        if (!opened) return pass(opened.error());
        const auto& [list, published] = *opened;
        auto found = list_store::one_entry(reader, list.id, key_of(value), [&](const StoredEntry& stored) {
            if (published.contains(stored.import)) entry = entry_from(stored, published, value);
        });
        return found ? Status{} : Status(pass(found.error()));
    });
    if (!status) return pass(status.error());
    return entry;
}

Result<EntryPage> Lists::entries(std::string_view name, std::string_view cursor, std::size_t limit,
                                 const EntryFilter& filter) const {
    const auto from = cursor.empty() ? std::nullopt : parse_cursor(cursor);
    if (!cursor.empty() && !from)
        return fail(ErrorCode::invalid, "the cursor is none that a page ended with");
    const auto range = KeyRange::of(filter.prefix);
    if (!range) return fail(ErrorCode::invalid, "a hash begins with hexadecimal digits, at most 64");
    limit = std::clamp<std::size_t>(limit, 1, kMaxPage);
    const bool picks = filter.state || !filter.prefix.empty();
    const auto rows_at_once = static_cast<std::int64_t>(picks ? std::max<std::size_t>(limit, 1'000) : limit);
    EntryPage page;
    auto status = state_->store.read([&](Reader& reader) -> Status {
        page = {};
        auto opened = must_open(reader, name);
        if (!opened) return pass(opened.error());
        const auto& [list, published] = *opened;
        std::optional<Key> after = from;
        bool more = true;
        std::size_t looked_at = 0;
        Status bad;
        while (more && page.entries.size() < limit && looked_at < kMostLookedAt) {
            if (!filter.prefix.empty() && !range->skip(after)) {
                more = false;
                break;
            }
            bool outside = false;
            bool full = false;
            auto rows =
                list_store::each_entry(reader, list.id, after, rows_at_once, [&](const StoredEntry& stored) {
                    full = page.entries.size() == limit;
                    if (full) return false;
                    after = stored.key;
                    ++looked_at;
                    outside = !filter.prefix.empty() && !range->contains(stored.key);
                    if (outside) return false;
                    if (!published.contains(stored.import)) return true;
                    if (filter.state && stored.state != *filter.state) return true;
                    auto value = Value::unpack(stored.key.method, stored.packed());
                    if (!value) {
                        bad = pass(value.error());
                        return false;
                    }
                    page.entries.push_back(entry_from(stored, published, std::move(*value)));
                    return true;
                });
            if (!rows) return pass(rows.error());
            if (!bad) return bad;
            more = *rows || outside || full;  // ended early: there may be more all the same
        }
        if (more && after) page.next = cursor_of(*after);
        return {};
    });
    if (!status) return pass(status.error());
    return page;
}

Status each_visible(store::Store& store, std::int64_t list, const std::function<Status(const Entry&)>& use) {
    std::optional<Key> after;
    bool more = true;
    while (more) {
        std::vector<Entry> page;
        auto status = store.read([&](Reader& reader) -> Status {
            page.clear();
            auto published = Published::load(reader, list);
            if (!published) return pass(published.error());
            Status bad;
            std::optional<Key> last = after;
            auto rows =
                list_store::each_entry(reader, list, after, kExportPage, [&](const StoredEntry& stored) {
                    last = stored.key;
                    if (!published->contains(stored.import)) return true;
                    auto value = Value::unpack(stored.key.method, stored.packed());
                    if (!value) {
                        bad = pass(value.error());
                        return false;
                    }
                    page.push_back(entry_from(stored, *published, std::move(*value)));
                    return true;
                });
            if (!rows) return pass(rows.error());
            more = *rows;
            after = last;
            return bad;
        });
        if (!status) return status;
        for (const auto& entry : page) {
            if (auto used = use(entry); !used) return used;
        }
    }
    return {};
}

Status Lists::export_to(std::string_view name, formats::Format format,
                        const std::function<Status(std::string_view)>& write) const {
    if (format != formats::Format::csv && format != formats::Format::jsonl &&
        format != formats::Format::text) {
        return fail(ErrorCode::invalid, "a list is exported as csv, jsonl or text");
    }
    auto list = find(name);
    if (!list) return pass(list.error());
    std::string out(format == formats::Format::csv ? formats::csv_header() : std::string_view{});
    std::uint64_t entries = 0;
    auto status = each_visible(state_->store, list->id, [&](const Entry& entry) -> Status {
        ++entries;
        formats::write_entry(format, {entry.value, entry.state, entry.note, entry.who, entry.when.rfc3339()},
                             out);
        if (out.size() < (64 << 10)) return {};
        auto written = write(out);
        out.clear();
        return written;
    });
    // What can be read is written in any case.
    if (auto written = out.empty() ? Status{} : write(out); !written) return written;
    if (!status || entries == list->entries.total()) return status;
    return verify(name);  // it may only have changed meanwhile
}

}  // namespace rushlight::match
