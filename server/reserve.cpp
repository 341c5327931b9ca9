#include "server/reserve.h"

#include "base/fd.h"

#include <algorithm>

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

namespace rushlight::server {
namespace {

constexpr std::uint64_t kLeast = 1 << 20;

// Whether the file stands there with all of its blocks.
bool is_there(const std::string& path, std::uint64_t bytes) {
    struct stat info{};
    return ::stat(path.c_str(), &info) == 0 && static_cast<std::uint64_t>(info.st_size) == bytes &&
           static_cast<std::uint64_t>(info.st_blocks) * 512 >= bytes;
}

}  // namespace

Reserve::Reserve(const std::string& folder, std::uint64_t bytes)
    : folder_(folder), path_(folder + "/disk.reserve"), bytes_(bytes), low_(std::max(kLeast, bytes / 4)) {
    held_ = bytes_ > 0 && is_there(path_, bytes_);
    if (!held_) ::unlink(path_.c_str());
    look();
}

// Truly allocated, or not at all.
bool Reserve::make() const {
    const Fd file(::open(path_.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600));
    if (file && ::posix_fallocate(file.get(), 0, static_cast<off_t>(bytes_)) == 0) return true;
    ::unlink(path_.c_str());
    return false;
}

bool Reserve::look() {
    struct statvfs disk{};
    if (::statvfs(folder_.c_str(), &disk) != 0) return false;
    const std::uint64_t available = std::uint64_t{disk.f_bavail} * disk.f_frsize;
    free_ = available;
    const bool was_full = full_;
    if (available >= bytes_ + 2 * low_) {
        if (!held_ && bytes_ > 0) held_ = make();
        full_ = false;
    } else if (available < low_ || (bytes_ > 0 && !held_)) {
        // Also at a start in what a reserve has left: it is not for new things.
        full_ = true;
        held_ = false;
        ::unlink(path_.c_str());
    }
    return full_ != was_full;
}

}  // namespace rushlight::server
