// Bringing a backup back: look, stage, prove, keep what is there, put in place.
#include "accounts/accounts.h"
#include "audit/audit.h"
#include "audit/verify.h"
#include "backup/backup.h"
#include "backup/header.h"
#include "backup/rows.h"
#include "backup/tar.h"
#include "base/text.h"
#include "vault/copy.h"

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <set>
#include <utility>

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

namespace rushlight::backup {
namespace {

namespace fs = std::filesystem;
using vault::HeldId;

// The file, and what it says it is.
struct Opened {
    TarReader tar;
    Header header;
    std::vector<std::pair<HeldId, const Member*>> held;
    std::map<std::string, std::vector<const Member*>> chunks;  // table → its members in order
};

tl::unexpected<Error> none_of_ours(const std::string& what) {
    return fail(ErrorCode::corrupt,
                "this is no backup that Rushlight made: " + what + ". Nothing was changed");
}

// Every member has its place, and a table's chunks are all there.
Status sort_members(Opened& opened) {
    for (const Member& member : opened.tar.members()) {
        const std::string_view name = member.name;
        const auto parts = split(name, '/');
        if (name == kHeader || name == kConfig || name == kKeyFile || name == "keys/audit.pub" ||
            name == "keys/receipt.pub")
            continue;
        if (parts.size() == 2 && parts[0] == "holding" && parts[1].ends_with(".sealed")) {
            const auto id = HeldId::parse(parts[1].substr(0, parts[1].size() - 7));
            if (id && held_name(id->hex()) == name) {
                opened.held.emplace_back(*id, &member);
                continue;
            }
        }
        if (parts.size() == 3 && parts[0] == "tables") {
            auto& chunks = opened.chunks[std::string(parts[1])];
            const bool known = std::ranges::find(opened.header.tables, parts[1], &store::Table::name) !=
                               opened.header.tables.end();
            if (known && chunk_name(parts[1], static_cast<std::int64_t>(chunks.size()) + 1) == name) {
                chunks.push_back(&member);
                continue;
            }
        }
        return none_of_ours("it holds '" + member.name + "'");
    }
    const bool has_keys = opened.tar.find(kKeyFile) != nullptr;
    if (has_keys != (opened.header.keys != Keys::left_out))
        return none_of_ours("it says otherwise of its keys");
    return {};
}

Result<Opened> open_backup(const std::string& file, const Progress& progress) {
    auto content = Content::open(file);
    if (!content) return pass(content.error());
    auto tar = TarReader::open(std::move(*content), [&](std::uint64_t done, std::uint64_t total) {
        if (progress) progress("reading", done, total);
    });
    if (!tar) return fail(tar.error().code, "'" + printable(file) + "': " + tar.error().message);
    if (tar->members().empty() || tar->members().front().name != kHeader)
        return none_of_ours("it does not say what it is");
    const auto text = tar->read(tar->members().front(), kMostText);
    if (!text) return pass(text.error());
    auto header = parse_header(*text);
    if (!header) return pass(header.error());
    Opened opened{.tar = std::move(*tar), .header = std::move(*header), .held = {}, .chunks = {}};
    if (auto sorted = sort_members(opened); !sorted) return pass(sorted.error());
    return opened;
}

About about(const Opened& opened) {
    return {.bytes = opened.tar.bytes(),
            .sha256 = opened.tar.sha256().hex(),
            .made = opened.header.made,
            .program = opened.header.program,
            .made_from = opened.header.made_from,
            .schema = opened.header.schema,
            .keys = opened.header.keys,
            .held = static_cast<std::int64_t>(opened.held.size())};
}

Status refuse_newer(const Header& header, const std::vector<store::Schema>& schemas) {
    for (const auto& [room, number] : header.schema) {
        if (room == "store") continue;  // looked at when it is opened
        const auto known = std::ranges::find(schemas, room, &store::Schema::room);
        const int last = known == schemas.end() ? 0 : static_cast<int>(known->migrations.size());
        if (number > last)
            return fail(ErrorCode::conflict,
                        "the backup was made by a newer Rushlight (" + printable(header.program) +
                            "): schema " + std::to_string(number) + " of '" + room + "', this one knows " +
                            std::to_string(last) + ". Restore it with that one. Nothing was changed");
    }
    return {};
}

bool same_tables(std::vector<store::Table> a, std::vector<store::Table> b) {
    std::ranges::sort(a, {}, &store::Table::name);
    std::ranges::sort(b, {}, &store::Table::name);
    return std::ranges::equal(a, b, [](const store::Table& x, const store::Table& y) {
        return x.name == y.name && x.columns == y.columns;
    });
}

class Restorer {
  public:
    Restorer(const RestoreOptions& options, Opened opened)
        : options_(options), opened_(std::move(opened)), staging_(options.data + "/restoring") {}
    Restorer(const Restorer&) = delete;
    Restorer& operator=(const Restorer&) = delete;
    ~Restorer() {
        std::error_code ignored;
        fs::remove_all(staging_, ignored);
    }

    Result<Restored> restore() {
        done_.about = about(opened_);
        Status status = lock();
        if (status) status = open_target();
        if (status) status = stage();
        if (status) status = look_at_keys();
        if (status) status = keep_present();
        if (status) status = adopt_keys();
        if (status) status = put_in_place();
        if (!status) return pass(status.error());
        put_files_beside();
        say_what_to_know();
        return std::move(done_);
    }

  private:
    Status lock() {
        const std::string path = options_.data + "/restore.lock";
        lock_ = Fd(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600));
        if (!lock_) return fail_errno("cannot write to the data folder: '" + path + "'");
        if (::flock(lock_.get(), LOCK_EX | LOCK_NB) != 0)
            return fail(ErrorCode::unavailable, "another restore into '" + options_.data + "' is under way");
        return {};
    }

    Status open_target() {
        auto store = store::Store::open(
            {.where = options_.store.empty() ? options_.data : options_.store, .schemas = options_.schemas});
        if (!store) return pass(store.error());
        target_.emplace(std::move(*store));
        const Status looked = target_->read([&](store::Reader& reader) -> Status {
            const auto empty = store::is_empty(reader);
            if (!empty) return pass(empty.error());
            was_empty_ = *empty;
            return {};
        });
        if (!looked) return looked;
        if (was_empty_ || options_.force) return {};
        return fail(ErrorCode::conflict,
                    "there is something in '" + target_->where() +
                        "' already, and it was left as it is. Restore into another folder (--data), or say "
                        "--force: what is there is then first kept as a backup of its own");
    }

    // A store of its own, at the schema that the backup has; then brought up to date and proved.
    Status stage() {
        std::error_code error;
        fs::remove_all(staging_, error);
        store::Options options{.where = staging_, .schemas = options_.schemas};
        options.stop_at = opened_.header.schema;
        auto old = store::Store::open(options);
        if (!old) return pass(old.error());
        if (auto filled = fill(*old); !filled) {
            Error told = filled.error();
            if (told.code == ErrorCode::conflict || told.code == ErrorCode::invalid)
                told.code = ErrorCode::corrupt;
            told.message = "the backup cannot be used: " + told.message + ". Nothing was changed";
            return pass(std::move(told));
        }
        old = fail(ErrorCode::cancelled, "closed");
        auto staged = store::Store::open({.where = staging_, .schemas = options_.schemas});
        if (!staged) return pass(staged.error());
        staged_.emplace(std::move(*staged));
        const auto verdict = audit::verify(*staged_, {});
        if (!verdict) return pass(verdict.error());
        if (!verdict->ok)
            return fail(ErrorCode::corrupt,
                        "the audit log in the backup is broken (" + verdict->problem +
                            "): it was changed before or after the backup was made. Nothing "
                            "was changed. Look at an older backup");
        return {};
    }

    Status fill(store::Store& old) {
        return old.replace([&](store::Writer& writer, store::Refill& refill) -> Status {
            done_.rows = 0;
            const auto tables = store::tables(writer);
            if (!tables) return pass(tables.error());
            if (!same_tables(*tables, opened_.header.tables))
                return fail(ErrorCode::corrupt, "its tables are not those of its schema");
            // What a migration put there by itself is in the backup, too.
            Status status = refill.empty(*tables);
            for (const store::Table& table : opened_.header.tables)
                if (status) status = fill_table(refill, table);
            for (const auto& [table, last] : opened_.header.counters)
                if (status) status = refill.count_from(table, last);
            return status;
        });
    }

    Status fill_table(store::Refill& refill, const store::Table& table) {
        Status status = refill.begin(table);
        std::vector<store::Value> row;
        for (const Member* chunk : opened_.chunks[table.name]) {
            if (!status) return status;
            const auto bytes = opened_.tar.read(*chunk, kMostChunk);
            if (!bytes) return pass(bytes.error());
            RowReader rows(*bytes, table);
            for (auto more = rows.next(row);; more = rows.next(row)) {
                if (!more) return pass(more.error());
                if (!*more) break;
                if (status = refill.add(row); !status) return status;
                ++done_.rows;
            }
            tell("checking rows", done_.rows);
        }
        return status ? refill.end() : status;
    }

    // Before anything is changed: whether what is sealed in the backup will open.
    Status look_at_keys() {
        if (opened_.header.keys != Keys::left_out) return {};
        std::vector<vault::KeyId> missing;
        const Status looked = staged_->read([&](store::Reader& reader) -> Status {
            auto found = vault::missing_keys(reader, options_.data);
            if (!found) return pass(found.error());
            missing = std::move(*found);
            return {};
        });
        if (!looked) return looked;
        if (missing.empty()) {
            done_.keys = "not in the backup; this folder's own key file fits";
            return {};
        }
        const std::string path = options_.data + "/keys/rushlight.key";
        if (!options_.without_keys)
            return fail(
                ErrorCode::denied,
                "the backup was made without keys, and what is sealed in it (second factors, signing "
                "keys, webhook secrets, held files) needs the key " +
                    missing.front().hex() + ", which '" + path +
                    "' does not hold. Put a copy of the key file there (mode 600) and restore again, or "
                    "say --without-keys and put it there later. Nothing was changed");
        done_.keys = "missing";
        done_.words.push_back(
            "The server will not start before '" + path +
            "' holds the keys that were in use when the backup was made. If they are lost for "
            "good: rushlight vault new-key --accept-loss");
        return {};
    }

    Status keep_present() {
        if (was_empty_) return {};
        std::string time = options_.now.rfc3339();
        std::erase_if(time, [](char c) { return c == ':' || c == '-'; });
        const std::string folder = options_.data + "/backup";
        if (::mkdir(folder.c_str(), 0700) != 0 && errno != EEXIST)
            return fail_errno("cannot make '" + folder + "'");
        const std::string file = folder + "/before-restore-" + time + ".rushlight";
        const auto kept = back_up(*target_, {.data = options_.data,
                                             .file = file,
                                             .program = options_.program,
                                             .now = options_.now,
                                             .progress = options_.progress});
        if (!kept) {
            Error told = kept.error();
            told.message = "what is there now cannot be kept, so it was not replaced: " + told.message;
            return pass(std::move(told));
        }
        done_.kept = file;
        return {};
    }

    // Added to those that are there: the old state opens with this file and so does the new one.
    Status adopt_keys() {
        const Member* member = opened_.tar.find(kKeyFile);
        if (member == nullptr) return {};
        auto text = opened_.tar.read(*member, vault::kMostKeyFile);
        if (!text) return pass(text.error());
        const auto adopted = vault::adopt_keys(options_.data, *text, options_.passphrase);
        std::ranges::fill(*text, '\0');
        if (!adopted) return pass(adopted.error());
        done_.keys = *adopted == vault::KeysAdopted::made    ? "restored"
                     : *adopted == vault::KeysAdopted::added ? "added to this folder's key file"
                                                             : "in this folder's key file already";
        return {};
    }

    Status put_in_place() {
        auto held = vault::HeldCopies::open(options_.data);
        if (!held) return pass(held.error());
        const auto pause = held->pause_sweeps();
        if (!pause) return pass(pause.error());
        std::vector<HeldId> placed;
        Status status = place_held(*held, placed);
        if (status) status = held->flush();
        if (status) status = replace(*held);
        if (status) return {};
        for (const HeldId& id : placed) held->remove(id);
        return status;
    }

    // In no ledger yet: where we are killed here the next sweep takes them away again.
    Status place_held(const vault::HeldCopies& held, std::vector<HeldId>& placed) {
        std::set<HeldId> destroyed;
        const Status looked = target_->read([&](store::Reader& reader) -> Status {
            auto ids = vault::destroyed_ids(reader);
            if (!ids) return pass(ids.error());
            destroyed = std::move(*ids);
            return {};
        });
        if (!looked) return looked;
        for (const auto& [id, member] : opened_.held) {
            if (destroyed.contains(id) || held.has(id)) continue;
            const auto fd = held.make(id);
            if (!fd) return pass(fd.error());
            placed.push_back(id);
            auto written = opened_.tar.each_piece(
                *member, [&](Bytes piece) { return write_all(fd->get(), piece, held.path(id)); });
            if (written) written = held.finish(id, fd->get());
            if (!written) return written;
            tell("held files", static_cast<std::int64_t>(placed.size()));
        }
        return {};
    }

    // The one transaction.
    Status replace(const vault::HeldCopies& held) {
        std::set<HeldId> files;
        for (const auto& [id, member] : opened_.held) files.insert(id);
        return target_->replace([&](store::Writer& writer, store::Refill& refill) -> Status {
            const auto end = audit::last_entry(writer);
            if (!end) return pass(end.error());
            const auto destroyed = vault::destroyed_ids(writer);
            if (!destroyed) return pass(destroyed.error());
            if (auto copied = copy_staged(refill); !copied) return copied;
            const auto ledger = vault::adopt_ledger(writer, opened_.header.place, held.place(), files,
                                                    *destroyed, options_.now);
            if (!ledger) return pass(ledger.error());
            done_.held = ledger->held;
            done_.held_destroyed = ledger->destroyed;
            done_.held_missing = ledger->missing;
            if (auto ended = accounts::end_all_sessions(writer); !ended) return ended;
            return append_event(writer, *end);
        });
    }

    Status copy_staged(store::Refill& refill) {
        return staged_->read([&](store::Reader& reader) -> Status {
            const auto tables = store::tables(reader);
            if (!tables) return pass(tables.error());
            const auto counters = store::counters(reader);
            if (!counters) return pass(counters.error());
            std::int64_t rows = 0;
            Status status = refill.empty(*tables);
            for (const store::Table& table : *tables) {
                if (status) status = refill.begin(table);
                if (!status) return status;
                Status added;
                auto read = store::each_row(reader, table, [&](std::span<const store::Value> row) {
                    added = refill.add(row);
                    if (++rows % 100'000 == 0) tell("restoring rows", rows);
                    return added.has_value();
                });
                status = added ? read : added;
                if (status) status = refill.end();
            }
            for (const auto& [table, last] : *counters)
                if (status) status = refill.count_from(table, last);
            return status;
        });
    }

    Status append_event(store::Writer& writer, const audit::LastEntry& end) {
        auto entry = audit::append(
            writer,
            {.who = options_.who,
             .what = "store.restored",
             .on = {"backup", done_.about.sha256},
             .detail = audit::detail({{"made_at", opened_.header.made.rfc3339()},
                                      {"made_from", opened_.header.made_from},
                                      {"program", opened_.header.program},
                                      {"replaced_entries", end.number},
                                      {"replaced_digest", end.number > 0 ? end.digest.hex() : ""},
                                      {"kept_in", fs::path(done_.kept).filename().string()}})},
            options_.now);
        if (!entry) return pass(entry.error());
        done_.audit_entry = *entry;
        return {};
    }

    // After the transaction: nothing here decides anything.
    void put_files_beside() {
        const auto member_text = [&](std::string_view name) -> std::optional<std::string> {
            const Member* member = opened_.tar.find(name);
            if (member == nullptr) return std::nullopt;
            auto text = opened_.tar.read(*member, kMostText);
            return text ? std::optional(std::move(*text)) : std::nullopt;
        };
        const auto write = [&](const std::string& path, std::string_view text, mode_t mode) {
            const Fd fd(::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, mode));
            return fd && write_all(fd.get(), bytes_of(text), path) && ::fsync(fd.get()) == 0;
        };
        if (const auto config = member_text(kConfig)) {
            const std::string path = options_.data + "/rushlight.toml";
            const auto present = Content::open(path);
            std::string text(present ? std::min<std::uint64_t>(present->size(), kMostText) : 0, '\0');
            const bool same =
                present &&
                present->read_at(0, std::as_writable_bytes(std::span(text))).value_or(0) == text.size() &&
                text == *config;
            if (!same && !write(path, *config, 0600)) {
                const std::string beside = path + ".restored";
                ::unlink(beside.c_str());
                (void)write(beside, *config, 0600);
                done_.words.push_back("This machine's rushlight.toml was left as it is; the backup's is '" +
                                      beside + "'.");
            }
        }
        for (const char* name : {"audit", "receipt"}) {
            const std::string member = std::string("keys/") + name + ".pub";
            if (const auto text = member_text(member)) (void)write(options_.data + '/' + member, *text, 0644);
        }
    }

    void say_what_to_know() {
        done_.words.push_back(
            "Everybody has to sign in again. Keys that were revoked, accounts and roles that were changed, "
            "and "
            "recovery codes that were used after " +
            opened_.header.made.rfc3339() + " are as they were then: look at People & keys.");
        if (!done_.kept.empty())
            done_.words.push_back(
                "What was there before is kept in '" + done_.kept +
                "', held files and keys included. Remove it when you do not need it any more.");
    }

    void tell(const char* what, std::int64_t done) const {
        if (options_.progress) options_.progress(what, static_cast<std::uint64_t>(done), 0);
    }

    const RestoreOptions& options_;
    Opened opened_;
    std::string staging_;
    Fd lock_;
    std::optional<store::Store> target_, staged_;
    bool was_empty_ = false;
    Restored done_;
};

}  // namespace

Result<About> look_at(const std::string& file, const Progress& progress) {
    const auto opened = open_backup(file, progress);
    if (!opened) return pass(opened.error());
    return about(*opened);
}

Result<Restored> restore(const RestoreOptions& options) {
    auto opened = open_backup(options.file, options.progress);
    if (!opened) return pass(opened.error());
    if (auto known = refuse_newer(opened->header, options.schemas); !known) return pass(known.error());
    std::error_code error;
    if (fs::create_directories(options.data, error))
        fs::permissions(options.data, fs::perms::owner_all, error);
    if (error)
        return fail(ErrorCode::io, "cannot make the data folder '" + options.data + "': " + error.message());
    return Restorer(options, std::move(*opened)).restore();
}

}  // namespace rushlight::backup
