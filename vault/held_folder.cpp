#include "vault/held_folder.h"

#include "base/text.h"
#include "vault/key_file.h"
#include "vault/secret.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <filesystem>

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

namespace rushlight::vault {
namespace {

constexpr std::string_view kPart = ".part";
constexpr std::string_view kSealed = ".sealed";

using PlaceId = Hash<8, struct PlaceIdTag>;

Result<std::string> read_place(const std::string& path) {
    const Fd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW));
    if (!file) return fail_errno("cannot open '" + path + "'");
    std::array<char, 64> text{};
    const ssize_t got = ::read(file.get(), text.data(), text.size());
    if (got < 0) return fail_errno("cannot read '" + path + "'");
    const auto place = PlaceId::parse(trim({text.data(), static_cast<std::size_t>(got)}));
    if (!place) return fail(ErrorCode::corrupt, "'" + path + "' is damaged: remove it, a new one is made");
    return place->hex();
}

}  // namespace

Result<HeldFolder> HeldFolder::open(std::string path) {
    if (auto made = make_private_folder(path); !made) return pass(made.error());
    const std::string name = path + "/place";
    if (::access(name.c_str(), F_OK) != 0) {
        PlaceId id;
        random_bytes(id.value);
        const auto beside = write_file_beside(name, id.hex() + '\n', 0600);
        if (!beside) return pass(beside.error());
        const int failed = ::link(beside->c_str(), name.c_str()) != 0 ? errno : 0;
        ::unlink(beside->c_str());
        if (failed != 0 && failed != EEXIST) return fail_errno("cannot make '" + name + "'", failed);
        if (auto synced = sync_folder(path); !synced) return pass(synced.error());
    }
    auto place = read_place(name);
    if (!place) return pass(place.error());
    return HeldFolder(std::move(path), std::move(*place));
}

std::string HeldFolder::path_of(const HeldId& id, Stage stage) const {
    return path_ + '/' + id.hex() + std::string(stage == Stage::kept ? kSealed : kPart);
}

Result<LockedFile> HeldFolder::make(const HeldId& id) const {
    const std::string path = path_of(id, Stage::incoming);
    for (int attempt = 0; attempt < 3; ++attempt) {
        Fd file(::open(path.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600));
        if (!file) return fail_errno("cannot make '" + path + "'");
        // Another process's sweep may have come between the two and taken the file for a stray.
        struct stat info{};
        if (::flock(file.get(), LOCK_EX | LOCK_NB) == 0 && ::fstat(file.get(), &info) == 0 &&
            info.st_nlink == 1)
            return LockedFile(std::move(file));
        ::unlink(path.c_str());
    }
    return fail(ErrorCode::unavailable, "cannot lock '" + path + "'");
}

Status HeldFolder::keep(const HeldId& id, const LockedFile& file) const {
    const std::string from = path_of(id, Stage::incoming);
    if (::fsync(file.fd()) != 0) return fail_errno("cannot flush '" + from + "' to the disk");
    if (::rename(from.c_str(), path_of(id, Stage::kept).c_str()) != 0)
        return fail_errno("cannot rename '" + from + "'");
    return sync_folder(path_);
}

Result<LockedFile> HeldFolder::open(const HeldId& id) const {
    const std::string path = path_of(id, Stage::kept);
    Fd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW));
    if (!file) return fail_errno("cannot open '" + path + "'");
    return LockedFile(std::move(file));
}

std::optional<LockedFile> HeldFolder::try_lock(const HeldId& id, Stage stage) const {
    Fd file(::open(path_of(id, stage).c_str(), O_RDWR | O_CLOEXEC | O_NOFOLLOW));
    if (!file || ::flock(file.get(), LOCK_EX | LOCK_NB) != 0) return std::nullopt;
    return LockedFile(std::move(file));
}

bool HeldFolder::has(const HeldId& id) const { return ::access(path_of(id, Stage::kept).c_str(), F_OK) == 0; }

Fd HeldFolder::may_sweep() const {
    Fd fd(::open((path_ + "/place").c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW));
    if (fd && ::flock(fd.get(), LOCK_SH | LOCK_NB) != 0) fd.reset();
    return fd;
}

void HeldFolder::remove(const HeldId& id, Stage stage) const { ::unlink(path_of(id, stage).c_str()); }

void HeldFolder::shred(const HeldId& id) const {
    const std::string path = path_of(id, Stage::kept);
    if (const Fd file(::open(path.c_str(), O_WRONLY | O_CLOEXEC | O_NOFOLLOW)); file) {
        struct stat info{};
        std::uint64_t left = ::fstat(file.get(), &info) == 0 ? static_cast<std::uint64_t>(info.st_size) : 0;
        static constexpr std::array<std::byte, 64 * 1024> kZeros{};
        while (left > 0) {
            const auto size = static_cast<std::size_t>(std::min<std::uint64_t>(left, kZeros.size()));
            if (!write_all(file.get(), Bytes(kZeros).first(size), path)) break;
            left -= size;
        }
        ::fsync(file.get());
    }
    ::unlink(path.c_str());
}

std::vector<std::pair<HeldId, HeldFolder::Stage>> HeldFolder::list() const {
    std::vector<std::pair<HeldId, Stage>> files;
    std::error_code error;
    for (std::filesystem::directory_iterator entry(path_, error), end; !error && entry != end;
         entry.increment(error)) {
        const std::string name = entry->path().filename().string();
        for (const auto& [suffix, stage] :
             {std::pair(kPart, Stage::incoming), std::pair(kSealed, Stage::kept)}) {
            if (!name.ends_with(suffix)) continue;
            const auto id = HeldId::parse(std::string_view(name).substr(0, name.size() - suffix.size()));
            if (id && id->hex() + std::string(suffix) == name) files.emplace_back(*id, stage);
        }
    }
    return files;
}

}  // namespace rushlight::vault
