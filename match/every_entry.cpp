// A list's entries, counted against what the list says it has.
#include "base/text.h"
#include "match/lists_state.h"

#include <array>

namespace rushlight::match {

Status every_entry(store::Reader& reader, const List& list, const Published& published,
                   const std::function<void(const StoredEntry&)>& use) {
    std::array<std::uint64_t, 3> read{};
    auto status = list_store::each_entry_of(reader, list.id, [&](const StoredEntry& entry) {
        if (!published.contains(entry.import)) return true;
        ++read.at(static_cast<std::size_t>(entry.state));
        use(entry);
        return true;
    });
    if (!status) return status;
    const Counts& said = list.entries;
    if (read == std::array{said.active, said.quarantined, said.disabled}) return {};
    const std::uint64_t found = read[0] + read[1] + read[2];
    const std::string found_of =
        found == said.total()
            ? "its entries' states are not those it counts"
            : std::to_string(found) + " of its " + std::to_string(said.total()) + " entries can be read";
    return fail(ErrorCode::corrupt, "the store is damaged: of the list '" + printable(list.name) + "', " +
                                        found_of + ". " + std::string(kWhatToDoAboutDamage));
}

Status Lists::verify(std::string_view name) const {
    return state_->store.read([&](store::Reader& reader) -> Status {
        auto list = list_store::find(reader, name);
        if (!list) return pass(list.error());
        if (!*list) return no_such_list(name);
        auto published = Published::load(reader, (*list)->id);
        if (!published) return pass(published.error());
        return every_entry(reader, **list, *published, [](const StoredEntry&) {});
    });
}

}  // namespace rushlight::match
