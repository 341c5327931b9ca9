// What killed imports and removals left, and how it is told that they were killed.
#include "base/text.h"
#include "match/lists_state.h"

#include <array>
#include <climits>
#include <fstream>

#include <unistd.h>

namespace rushlight::match {
namespace {

constexpr std::chrono::seconds kSilence{60};  // an import says every few seconds that it lives
constexpr std::int64_t kPurgeRows = 10'000;   // a transaction

// The name of this machine's running system and of our view of its processes: only where both are the same
// does a process number mean the same process.
std::string this_machine() {
    std::string boot;
    std::ifstream("/proc/sys/kernel/random/boot_id") >> boot;
    std::array<char, 64> name{};
    const ssize_t size = ::readlink("/proc/self/ns/pid", name.data(), name.size());
    return boot + "/" + std::string(name.data(), size > 0 ? static_cast<std::size_t>(size) : 0);
}

// When it started, in ticks since boot; empty where there is no such process.
std::string start_of(const std::string& pid) {
    std::ifstream file("/proc/" + pid + "/stat");
    std::string text;
    std::getline(file, text);
    const auto end = text.rfind(')');  // its name may hold anything
    if (end == std::string::npos) return {};
    const auto fields = split(std::string_view(text).substr(end + 1), ' ');
    constexpr std::size_t kStart = 20;  // field 22 of proc(5), counted from behind the name
    return fields.size() > kStart ? std::string(fields[kStart]) : std::string();
}

}  // namespace

std::string this_process() {
    const std::string pid = std::to_string(::getpid());
    return this_machine() + " " + pid + " " + start_of(pid);
}

bool is_dead(const list_store::Import& import, Time now) {
    const auto parts = split(import.owner, ' ');
    if (parts.size() == 3 && parts[0] == this_machine()) return start_of(std::string(parts[1])) != parts[2];
    return import.alive + kSilence < now;
}

namespace {

Status purge(store::Store& store, std::int64_t list, std::optional<ImportId> import,
             Steady::time_point deadline, bool& finished) {
    std::optional<Key> after;
    while (Steady::now() < deadline) {
        std::optional<Key> next;
        auto status = store.write(
            [&](store::Writer& writer) -> Status {
                auto last = list_store::purge_some(writer, list, import, after, kPurgeRows);
                if (!last) return pass(last.error());
                next = *last;
                return {};
            },
            store::Durability::process);
        if (!status) return status;
        if (!next) {
            finished = true;
            return {};
        }
        after = next;
    }
    return {};
}

}  // namespace

Status purge_import(store::Store& store, std::int64_t list, ImportId import, Steady::time_point deadline) {
    bool finished = false;
    if (auto status = purge(store, list, import, deadline, finished); !status || !finished) return status;
    return store.write([&](store::Writer& writer) { return list_store::forget_import(writer, import); });
}

Status purge_list(store::Store& store, std::int64_t list, Steady::time_point deadline) {
    bool finished = false;
    if (auto status = purge(store, list, std::nullopt, deadline, finished); !status || !finished)
        return status;
    return store.write([&](store::Writer& writer) { return list_store::mark_purged(writer, list); });
}

Status purge_leftovers(store::Store& store, std::optional<std::int64_t> list, Time now,
                       Steady::time_point deadline) {
    std::vector<list_store::Import> dead;
    std::vector<std::int64_t> removed;
    auto status = store.read([&](store::Reader& reader) -> Status {
        auto imports = list_store::imports(reader, list);
        if (!imports) return pass(imports.error());
        auto lists = list_store::removed_with_entries(reader);
        if (!lists) return pass(lists.error());
        removed = std::move(*lists);
        dead = std::move(*imports);
        std::erase_if(dead, [&](const auto& import) { return import.published || !is_dead(import, now); });
        return {};
    });
    for (const auto& import : dead) {
        if (!status || Steady::now() >= deadline) return status;
        status = purge_import(store, import.list, import.id, deadline);
    }
    if (list) return status;
    for (const std::int64_t gone : removed) {
        if (!status || Steady::now() >= deadline) return status;
        status = purge_list(store, gone, deadline);
    }
    return status;
}

}  // namespace rushlight::match
