#include "match/loader.h"

#include "base/digest.h"
#include "base/text.h"
#include "match/import_read.h"
#include "match/lists_state.h"
#include "match/sorter.h"

#include <algorithm>
#include <array>
#include <cstdlib>
#include <fstream>

#include <fcntl.h>
#include <unistd.h>

namespace rushlight::match {
namespace {

using store::Reader;

std::uint32_t number_of(std::int64_t list) { return static_cast<std::uint32_t>(list); }
bool wanted(const Chosen& chosen, std::int64_t list) { return !chosen || chosen->contains(list); }

// What names one state of one store: the snapshot's files carry it.
std::uint64_t stamp_of(Position position) {
    auto mixed = static_cast<std::uint64_t>(position.change) * 0x9E3779B97F4A7C15U;
    mixed ^= static_cast<std::uint64_t>(position.nonce);
    return mixed ^ (mixed >> 32);
}

// The snapshot in use: "rushlight-match-snapshot 1 CHANGE NONCE".
constexpr std::string_view kManifest = "rushlight-match-snapshot";
std::string manifest_path(const std::string& folder) { return folder + "/snapshot"; }
std::optional<Position> read_manifest(const std::string& folder) {
    std::ifstream file(manifest_path(folder));
    std::string name;
    int version = 0;
    Position position;
    if (!(file >> name >> version >> position.change >> position.nonce) || name != kManifest ||
        version != 1) {
        return std::nullopt;
    }
    return position;
}

}  // namespace

Result<Loaded> load_from_store(store::Store& store, const Chosen& chosen) {
    Loaded loaded;
    auto status = store.read([&](Reader& reader) -> Status {
        loaded.tables = std::make_shared<Tables>();
        auto position = list_store::position(reader);
        if (!position) return pass(position.error());
        loaded.position = *position;
        auto lists = list_store::all(reader);
        if (!lists) return pass(lists.error());
        auto published = Published::load(reader, std::nullopt);
        if (!published) return pass(published.error());
        Batch batch;
        for (const auto& list : *lists) {
            if (!wanted(chosen, list.id) || list.id >= kFirstFileList) continue;
            auto read = every_entry(reader, list, *published, [&](const StoredEntry& entry) {
                loaded.tables->add_new(entry.key, entry.detail, {number_of(list.id), entry.state}, batch);
            });
            if (!read) return read;
        }
        loaded.tables->build(batch);
        return {};
    });
    if (!status) return pass(status.error());
    return loaded;
}

namespace {

// One item of the log, onto the tables.
Status take_item(Reader& reader, const LogItem& item, const std::vector<Change>& changes, Tables& tables) {
    Batch batch;
    const std::uint32_t list = number_of(item.list);
    if (item.kind == LogItem::Kind::import) {
        auto lists = list_store::all(reader);
        if (!lists) return pass(lists.error());
        const auto found = std::ranges::find(*lists, item.list, &List::id);
        if (found == lists->end()) return {};  // removed since
        auto published = Published::load(reader, item.list);
        if (!published) return pass(published.error());
        auto read = every_entry(reader, *found, *published, [&](const StoredEntry& entry) {
            if (entry.import == item.import) tables.add(entry.key, entry.detail, {list, entry.state}, batch);
        });
        if (!read) return read;
    }
    for (const Change& change : changes) {
        if (change.after && *change.after != EntryState::disabled) {
            if (change.key.method == Method::vpdq) {
                // The log has its digest only; where it has gone since, a later item says so.
                auto found =
                    list_store::one_entry(reader, item.list, change.key, [&](const StoredEntry& entry) {
                        tables.add(change.key, entry.detail, {list, *change.after}, batch);
                    });
                if (!found) return pass(found.error());
            } else {
                tables.add(change.key, {}, {list, *change.after}, batch);
            }
        }
        if (change.before && change.before != change.after)
            tables.remove(change.key, {list, *change.before}, batch);
    }
    tables.apply(batch);
    return {};
}

}  // namespace

Result<bool> follow_log(store::Store& store, const Chosen& chosen, Tables& tables, Position& position,
                        bool& changed) {
    bool reaches = false;
    Position reached = position;
    auto status = store.read([&](Reader& reader) -> Status {
        struct Kept {
            LogItem item;
            std::vector<Change> changes;
        };
        std::vector<Kept> items;
        Status bad;
        auto found = list_store::log_behind(reader, position, [&](const LogItem& item) {
            reached = item.position;
            changed = true;
            if (!wanted(chosen, item.list) || item.kind == LogItem::Kind::lists) return;
            auto changes = unpack_changes(item.changes);
            if (!changes) {
                bad = pass(changes.error());
                return;
            }
            items.push_back({item, std::move(*changes)});
            items.back().item.changes = {};
        });
        if (!found) return pass(found.error());
        if (!bad) return bad;
        reaches = *found;
        for (const auto& kept : items) {
            if (auto taken = take_item(reader, kept.item, kept.changes, tables); !taken) return taken;
        }
        return {};
    });
    if (!status) return pass(status.error());
    if (reaches) position = reached;
    return reaches;
}

Result<Loaded> load_snapshot(store::Store& store, const std::string& folder) {
    const auto position = read_manifest(folder);
    if (!position) return fail(ErrorCode::not_found, "there is no snapshot in " + folder);
    Loaded loaded{std::make_shared<Tables>(), *position};
    if (auto status = loaded.tables->load(folder, stamp_of(*position)); !status) return pass(status.error());
    bool changed = false;
    auto reached = follow_log(store, std::nullopt, *loaded.tables, loaded.position, changed);
    if (!reached) return pass(reached.error());
    if (!*reached)
        return fail(ErrorCode::conflict, "the snapshot in " + folder + " is too old, or of another store");
    return loaded;
}

Status save_snapshot(const std::string& folder, const Tables& tables, Position position) {
    const auto old = read_manifest(folder);
    const std::uint64_t stamp = stamp_of(position);
    if (auto status = tables.save(folder, stamp); !status) return status;
    const std::string beside = manifest_path(folder) + "." + std::to_string(::getpid()) + ".new";
    Fd file(::open(beside.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600));
    if (!file) return fail_errno("cannot write " + beside);
    const std::string text = std::string(kManifest) + " 1 " + std::to_string(position.change) + " " +
                             std::to_string(position.nonce) + "\n";
    if (auto status = write_all(file.get(), bytes_of(text), beside); !status) return status;
    if (::fsync(file.get()) != 0 || ::rename(beside.c_str(), manifest_path(folder).c_str()) != 0) {
        return fail_errno("cannot write " + manifest_path(folder));
    }
    if (old && stamp_of(*old) != stamp) Tables::forget(folder, stamp_of(*old));
    return {};
}

namespace {

// One number for all that a list holds: a hash over the hash of what came before and the next piece.
class ContentHash {
  public:
    void add(const Sorter::Sorted& sorted) {
        piece_ += static_cast<char>(sorted.key.method);
        piece_ += static_cast<char>(sorted.state);
        piece_ += text_of(sorted.key.bytes);
        if (piece_.size() >= kPiece) take();
    }
    Sha256 finish() {
        take();
        return so_far_;
    }

  private:
    void take() {
        piece_ += text_of(so_far_.value);
        so_far_ = sha256_of(bytes_of(piece_));
        piece_.clear();
    }

    static constexpr std::size_t kPiece = 64 << 10;
    std::string piece_;
    Sha256 so_far_{};
};

}  // namespace

Result<LoadedFile> load_file(const std::string& path, std::uint32_t list, std::optional<Method> method,
                             std::optional<Method> undecided, Tables& tables) {
    const Fd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
    if (!file) return fail_errno("cannot open the hash list '" + printable(path) + "'");
    const char* folder = std::getenv("TMPDIR");
    Sorter sorter(folder != nullptr && *folder != '\0' ? folder : "/tmp");
    ImportReport report;
    report.list = path;
    ImportOptions options;
    options.method = method;
    options.undecided = undecided;
    const auto named = [&](Error error) {
        error.message = "'" + printable(path) + "': " + error.message;
        return pass(std::move(error));
    };
    if (auto status = read_into(file.get(), options, sorter, report); !status) return named(status.error());
    auto decided = decide_undecided(sorter, undecided);
    if (!decided) return named(decided.error());
    Batch batch;
    ContentHash content;
    auto status = sorter.each(*decided, [&](const Sorter::Sorted& sorted) -> Status {
        ++report.added;
        content.add(sorted);
        tables.add_new(sorted.key, sorted.detail, {list, sorted.state}, batch);
        return {};
    });
    if (!status) return named(status.error());
    tables.apply(batch);
    report.duplicate = report.read - report.added;
    return LoadedFile{std::move(report), content.finish()};
}

}  // namespace rushlight::match
