// Making a backup.
#include "backup/backup.h"
#include "backup/header.h"
#include "backup/rows.h"
#include "backup/tar.h"
#include "base/text.h"
#include "vault/copy.h"

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <utility>

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

namespace rushlight::backup {
namespace {

namespace fs = std::filesystem;

// FILE.part until it is whole. Nobody else writes to it.
class PartFile {
  public:
    static Result<PartFile> create(const std::string& path, bool force) {
        std::error_code error;
        if (fs::is_directory(path, error))
            return fail(ErrorCode::invalid, "'" + printable(path) + "' is a folder: name a file in it");
        if (!force && fs::exists(fs::symlink_status(path, error)))
            return fail(ErrorCode::conflict,
                        "'" + printable(path) +
                            "' is there already, and is left as it is: name another file, "
                            "or say --force to replace it");
        const std::string part = path + ".part";
        Fd fd(::open(part.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600));
        if (!fd) return fail_errno("cannot make the backup '" + printable(part) + "'");
        if (::flock(fd.get(), LOCK_EX | LOCK_NB) != 0)
            return fail(ErrorCode::unavailable,
                        "another backup is being written to '" + printable(path) + "'");
        struct stat info{};
        if (::fstat(fd.get(), &info) != 0 || !S_ISREG(info.st_mode))
            return fail(ErrorCode::invalid, "'" + printable(part) + "' is no regular file");
        (void)::fchmod(fd.get(), 0600);  // a stick's file system may not know of it: told in the end
        if (::ftruncate(fd.get(), 0) != 0) return fail_errno("cannot write '" + printable(part) + "'");
        return PartFile(path, part, std::move(fd), force);
    }
    PartFile(PartFile&& other) noexcept
        : path_(std::move(other.path_)),
          part_(std::exchange(other.part_, {})),
          fd_(std::move(other.fd_)),
          force_(other.force_) {}
    PartFile& operator=(PartFile&&) = delete;
    ~PartFile() {
        if (!part_.empty()) ::unlink(part_.c_str());
    }

    int fd() const { return fd_.get(); }
    const std::string& part() const { return part_; }
    bool is_private() const {
        struct stat info{};
        return ::fstat(fd_.get(), &info) == 0 && (info.st_mode & 077) == 0;
    }
    Status keep() {
        const unsigned rule = force_ ? 0U : RENAME_NOREPLACE;
        int failed = ::renameat2(AT_FDCWD, part_.c_str(), AT_FDCWD, path_.c_str(), rule) != 0 ? errno : 0;
        if (failed == EINVAL) failed = ::rename(part_.c_str(), path_.c_str()) != 0 ? errno : 0;
        if (failed != 0) return fail_errno("cannot name the backup '" + printable(path_) + "'", failed);
        part_.clear();
        return sync_folder_of(path_);
    }

  private:
    PartFile(std::string path, std::string part, Fd fd, bool force)
        : path_(std::move(path)), part_(std::move(part)), fd_(std::move(fd)), force_(force) {}
    std::string path_, part_;
    Fd fd_;
    bool force_;
};

// A small file of the data folder; nullopt where there is none.
Result<std::optional<std::string>> small_file(const std::string& path) {
    const Fd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW));
    if (!fd && errno == ENOENT) return std::optional<std::string>();
    if (!fd) return fail_errno("cannot read '" + path + "'");
    std::string text(kMostText + 1, '\0');
    std::size_t size = 0;
    for (ssize_t got = 1; got != 0 && size < text.size();) {
        got = ::read(fd.get(), text.data() + size, text.size() - size);
        if (got < 0 && errno != EINTR) return fail_errno("cannot read '" + path + "'");
        if (got > 0) size += static_cast<std::size_t>(got);
    }
    if (size > kMostText) return fail(ErrorCode::limit, "'" + path + "' is larger than 1 MiB");
    text.resize(size);
    return std::optional(std::move(text));
}

class Maker {
  public:
    Maker(store::Store& store, const BackupOptions& options, TarWriter& tar)
        : store_(store), options_(options), tar_(tar) {}

    Result<BackedUp> make() {
        auto held = vault::HeldCopies::open(options_.data);
        if (!held) return pass(held.error());
        if (options_.keys) {
            auto text = vault::key_file_text(options_.data);
            if (!text) return pass(text.error());
            keys_ = std::move(*text);
        }
        std::vector<vault::HeldId> files;
        const Status read = store_.read([&](store::Reader& reader) -> Status {
            auto elsewhere = vault::held_elsewhere(reader, held->place());
            if (!elsewhere) return pass(elsewhere.error());
            done_.held_elsewhere = *elsewhere;
            auto here = vault::held_of(reader, held->place());
            if (!here) return pass(here.error());
            files = std::move(*here);
            return write_tables(reader, held->place());
        });
        if (!read) return pass(read.error());
        for (const vault::HeldId& id : files)
            if (auto copied = copy_held(*held, id); !copied) return pass(copied.error());
        const auto sha256 = tar_.finish();
        if (!sha256) return pass(sha256.error());
        done_.sha256 = sha256->hex();
        done_.bytes = tar_.bytes();
        done_.schema = store_.schema_version();
        return done_;
    }

  private:
    void tell(const char* what, std::int64_t done, std::int64_t total) const {
        if (options_.progress)
            options_.progress(what, static_cast<std::uint64_t>(done), static_cast<std::uint64_t>(total));
    }

    // One state of everything, from the first to the last byte.
    Status write_tables(store::Reader& reader, const std::string& place) {
        Header header{.made = options_.now,
                      .program = options_.program,
                      .made_from = store_.where().starts_with("postgres") ? "postgresql" : "sqlite",
                      .place = place};
        if (keys_)
            header.keys = vault::wants_passphrase(*keys_) ? Keys::under_passphrase : Keys::in_the_clear;
        done_.keys = header.keys;
        const auto schema = store::versions(reader);
        if (!schema) return pass(schema.error());
        header.schema = *schema;
        auto all = store::tables(reader);
        if (!all) return pass(all.error());
        header.tables = std::move(*all);
        auto counters = store::counters(reader);
        if (!counters) return pass(counters.error());
        header.counters = std::move(*counters);
        if (auto added = tar_.add(kHeader, bytes_of(header_text(header))); !added) return added;
        if (auto added = add_files(); !added) return added;
        for (const store::Table& table : header.tables)
            if (auto written = write_table(reader, table); !written) return written;
        return {};
    }

    Status add_files() {
        const auto config = small_file(options_.data + "/rushlight.toml");
        if (!config) return pass(config.error());
        if (*config)
            if (auto added = tar_.add(kConfig, bytes_of(**config)); !added) return added;
        if (keys_)
            if (auto added = tar_.add(kKeyFile, bytes_of(*keys_)); !added) return added;
        for (const char* name : {"audit", "receipt"}) {
            const std::string member = std::string("keys/") + name + ".pub";
            const auto text = small_file(options_.data + '/' + member);
            if (!text) return pass(text.error());
            if (*text)
                if (auto added = tar_.add(member, bytes_of(**text)); !added) return added;
        }
        return {};
    }

    Status write_table(store::Reader& reader, const store::Table& table) {
        std::string chunk;
        std::int64_t chunks = 0;
        Status written;
        const auto flush = [&] {
            written = tar_.add(chunk_name(table.name, ++chunks), bytes_of(chunk));
            chunk.clear();
            tell("rows", done_.rows, 0);
        };
        auto read = store::each_row(reader, table, [&](std::span<const store::Value> row) {
            write_row(chunk, row);
            ++done_.rows;
            if (chunk.size() >= kChunk) flush();
            return written.has_value();
        });
        if (!written) return written;
        if (!read) return read;
        if (!chunk.empty()) flush();
        ++done_.tables;
        return written;
    }

    // Destroying says so in the ledger first, and then overwrites: what the ledger still has after it was
    // copied was whole.
    Status copy_held(const vault::HeldCopies& held, const vault::HeldId& id) {
        const std::string path = held.path(id);
        const Fd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW));
        if (!fd && errno != ENOENT) return fail_errno("cannot read the held file '" + path + "'");
        bool whole = static_cast<bool>(fd);
        if (whole) {
            if (auto begun = tar_.begin(held_name(id.hex())); !begun) return begun;
            std::vector<std::byte> piece(1 << 20);
            for (;;) {
                const ssize_t got = ::read(fd.get(), piece.data(), piece.size());
                if (got < 0 && errno == EINTR) continue;
                if (got < 0) return fail_errno("cannot read the held file '" + path + "'");
                if (got == 0) break;
                if (auto put = tar_.write(Bytes(piece).first(static_cast<std::size_t>(got))); !put)
                    return put;
            }
            const Status looked = store_.read([&](store::Reader& reader) -> Status {
                const auto still = vault::is_held(reader, id);
                if (!still) return pass(still.error());
                whole = *still;
                return {};
            });
            if (!looked) return looked;
            if (auto ended = whole ? tar_.end() : tar_.drop(); !ended) return ended;
        }
        ++(whole ? done_.held : done_.held_gone);
        tell("held files", done_.held + done_.held_gone, 0);
        return {};
    }

    store::Store& store_;
    const BackupOptions& options_;
    TarWriter& tar_;
    std::optional<std::string> keys_;
    BackedUp done_;
};

}  // namespace

Result<BackedUp> back_up(store::Store& store, const BackupOptions& options) {
    auto part = PartFile::create(options.file, options.force);
    if (!part) return pass(part.error());
    TarWriter tar(part->fd(), part->part(), options.now.micros / 1'000'000);
    auto made = Maker(store, options, tar).make();
    if (!made) return pass(made.error());
    made->is_private = part->is_private();
    if (auto kept = part->keep(); !kept) return pass(kept.error());
    return made;
}

}  // namespace rushlight::backup
