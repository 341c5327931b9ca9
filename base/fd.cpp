#include "base/fd.h"

#include <cerrno>

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

namespace rushlight {

void Fd::reset(int fd) {
    if (fd_ >= 0) ::close(fd_);
    fd_ = fd;
}

Status write_all(int fd, Bytes bytes, const std::string& what) {
    while (!bytes.empty()) {
        const ssize_t n = ::write(fd, bytes.data(), bytes.size());
        if (n < 0) {
            if (errno == EINTR) continue;
            return fail_errno("cannot write " + what);
        }
        bytes = bytes.subspan(static_cast<std::size_t>(n));
    }
    return {};
}

Status sync_folder(const std::string& folder) {
    const Fd fd(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!fd || ::fsync(fd.get()) != 0)
        return fail_errno("cannot flush the folder '" + folder + "' to the disk");
    return {};
}

Status sync_folder_of(const std::string& file) {
    const auto slash = file.rfind('/');
    return sync_folder(slash == std::string::npos ? "." : slash == 0 ? "/" : file.substr(0, slash));
}

Result<Fd> make_memory_file(const char* name) {
    Fd fd(::memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING));
    if (!fd) return fail_errno("cannot make a memory file");
    return fd;
}

Status seal_memory_file(int fd) {
    if (::fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_SEAL) != 0) {
        if (errno == EBUSY)
            return fail(ErrorCode::denied, "a memory file is still mapped for writing elsewhere");
        return fail_errno("cannot seal a memory file");
    }
    return {};
}

}  // namespace rushlight
