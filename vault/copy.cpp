#include "vault/copy.h"

#include "base/text.h"
#include "vault/held_folder.h"
#include "vault/key_file.h"
#include "vault/vault_store.h"

#include <algorithm>
#include <cerrno>
#include <thread>

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

namespace rushlight::vault {
namespace {

constexpr std::string_view kNotInBackup = "not in the backup: it was destroyed while that was made";

// The ids stand in the clear, whether the keys are sealed or not.
std::vector<KeyId> ids_in(std::string_view text) {
    std::vector<KeyId> ids;
    for (const std::string_view line : split(text, '\n')) {
        const auto words = split(line, ' ');
        if (words.size() != 3 || (words[0] != "key" && words[0] != "sealed")) continue;
        if (const auto id = KeyId::parse(words[1])) ids.push_back(*id);
    }
    return ids;
}

}  // namespace

Result<std::optional<std::string>> key_file_text(const std::string& data) {
    return KeyFile(data, std::nullopt, {}).text();
}

bool wants_passphrase(std::string_view text) {
    const auto lines = split(text, '\n');
    return lines.size() > 1 && lines[1].starts_with("passphrase ");
}

Result<KeysAdopted> adopt_keys(const std::string& data, std::string_view text,
                               const std::optional<std::string>& passphrase) {
    if (text.size() > kMostKeyFile || ids_in(text).empty())
        return fail(ErrorCode::corrupt, "the backup's key file is none");
    const KeyFile ours(data, passphrase, {});
    const auto present = ours.text();
    if (!present) return pass(present.error());
    if (!*present) return ours.make_as(text).map([] { return KeysAdopted::made; });
    const auto have = ids_in(**present);
    if (std::ranges::all_of(ids_in(text),
                            [&](const KeyId& id) { return std::ranges::find(have, id) != have.end(); }))
        return KeysAdopted::there_already;
    const auto opened = [&](std::string_view file) {
        return KeyFile(data, wants_passphrase(file) ? passphrase : std::nullopt, {}).parse(file);
    };
    auto ring = opened(**present);
    if (!ring) return pass(ring.error());
    const auto theirs = opened(text);
    if (!theirs)
        return fail(theirs.error().code == ErrorCode::corrupt ? ErrorCode::corrupt : ErrorCode::denied,
                    "the backup was sealed with other keys than '" + ours.path() +
                        "' holds, and they cannot be put together: the backup's are under another passphrase "
                        "(or this machine's settings name none). Restore into an empty folder with "
                        "[keys] passphrase_file set to the backup's passphrase");
    for (const Key& key : theirs->keys)
        if (ring->find(key.id()) == nullptr) ring->keys.push_back(key);
    // What was under a passphrase stays so.
    const bool sealed = wants_passphrase(**present) || wants_passphrase(text);
    return KeyFile(data, sealed ? passphrase : std::nullopt, {}).replace(*ring).map([] {
        return KeysAdopted::added;
    });
}

Result<std::vector<KeyId>> missing_keys(store::Reader& reader, const std::string& data) {
    auto known = known_keys(reader);
    if (!known) return pass(known.error());
    const auto text = key_file_text(data);
    if (!text) return pass(text.error());
    const auto have = *text ? ids_in(**text) : std::vector<KeyId>();
    std::erase_if(*known, [&](const KeyId& id) { return std::ranges::find(have, id) != have.end(); });
    return known;
}

Result<HeldCopies> HeldCopies::open(const std::string& data) {
    auto folder = HeldFolder::open(data + "/holding");
    if (!folder) return pass(folder.error());
    return HeldCopies(data + "/holding", folder->place());
}

std::string HeldCopies::path(const HeldId& id) const { return path_ + '/' + id.hex() + ".sealed"; }

bool HeldCopies::has(const HeldId& id) const { return ::access(path(id).c_str(), F_OK) == 0; }

Result<Fd> HeldCopies::pause_sweeps() const {
    Fd fd(::open((path_ + "/place").c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW));
    if (!fd) return fail_errno("cannot open '" + path_ + "/place'");
    const auto until = Steady::now() + std::chrono::seconds(10);
    while (::flock(fd.get(), LOCK_EX | LOCK_NB) != 0) {
        if (Steady::now() >= until)
            return fail(ErrorCode::unavailable,
                        "the holding area is being swept by another process: try again in a minute");
        std::this_thread::sleep_for(std::chrono::milliseconds(5));
    }
    return fd;
}

Result<Fd> HeldCopies::make(const HeldId& id) const {
    const std::string name = path_ + '/' + id.hex() + ".part";
    ::unlink(name.c_str());
    Fd fd(::open(name.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600));
    if (!fd) return fail_errno("cannot make '" + name + "'");
    return fd;
}

Status HeldCopies::finish(const HeldId& id, int fd) const {
    const std::string name = path_ + '/' + id.hex() + ".part";
    Status status;
    if (::fsync(fd) != 0) status = fail_errno("cannot flush '" + name + "' to the disk");
    if (status && ::rename(name.c_str(), path(id).c_str()) != 0)
        status = fail_errno("cannot rename '" + name + "'");
    if (!status) ::unlink(name.c_str());
    return status;
}

void HeldCopies::remove(const HeldId& id) const {
    ::unlink((path_ + '/' + id.hex() + ".part").c_str());
    ::unlink(path(id).c_str());
}

Status HeldCopies::flush() const { return sync_folder(path_); }

Result<LedgerAdopted> adopt_ledger(store::Writer& writer, std::string_view from, std::string_view place,
                                   const std::set<HeldId>& files, const std::set<HeldId>& destroyed_since,
                                   Time now) {
    LedgerAdopted adopted;
    const auto rows = held_of(writer, from);
    if (!rows) return pass(rows.error());
    for (const HeldId& id : *rows) {
        const bool since = destroyed_since.contains(id);
        if (!since && files.contains(id)) {
            ++adopted.held;
            continue;
        }
        ++(since ? adopted.destroyed : adopted.missing);
        auto marked = mark_destroyed(
            writer, id, "system", since ? "destroyed after the backup that was restored" : kNotInBackup, now);
        if (!marked) return pass(marked.error());
    }
    if (auto moved = move_held(writer, from, place); !moved) return pass(moved.error());
    return adopted;
}

}  // namespace rushlight::vault
