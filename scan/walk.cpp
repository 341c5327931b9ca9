#include "scan/walk.h"

#include "base/fd.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <memory>
#include <system_error>
#include <vector>

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace rushlight::scan {
namespace {

constexpr int kMaxDepth = 256;  // folders within folders; one open descriptor each

Found unreadable(std::string path, std::string message) {
    return {std::move(path), Found::What::unreadable, std::move(message)};
}

std::string words_of(int error_number) { return std::generic_category().message(error_number); }

std::string words_for_special(mode_t mode) {
    if (S_ISSOCK(mode)) return "a socket, not a file";
    if (S_ISFIFO(mode)) return "a named pipe, not a file";
    if (S_ISCHR(mode) || S_ISBLK(mode)) return "a device, not a file";
    return "not a regular file";
}

struct CloseDir {
    void operator()(DIR* dir) const { ::closedir(dir); }
};

// Names in byte order, so that two scans of one folder go the same way.
std::vector<std::string> names_in(DIR* dir, int& error_number) {
    std::vector<std::string> names;
    for (;;) {
        errno = 0;
        const dirent* entry = ::readdir(dir);
        if (entry == nullptr) break;
        const std::string_view name = entry->d_name;
        if (name != "." && name != "..") names.emplace_back(name);
    }
    error_number = errno;
    std::ranges::sort(names);
    return names;
}

}  // namespace

bool Walk::visit(const std::string& target, const Sink& sink) {
    return visit_entry(target, AT_FDCWD, target.c_str(), 0, sink);
}

bool Walk::visit_entry(const std::string& path, int parent_fd, const char* name, int depth,
                       const Sink& sink) {
    struct stat st{};
    if (::fstatat(parent_fd, name, &st, 0) != 0) {
        std::string words = words_of(errno);
        if (path.ends_with('\r'))
            words += "; its name ends with a carriage return: was the list of paths made on Windows?";
        return sink(unreadable(path, std::move(words)));
    }
    if (S_ISREG(st.st_mode)) return sink({path, Found::What::file, {}});
    if (!S_ISDIR(st.st_mode)) return sink({path, Found::What::special, words_for_special(st.st_mode)});
    if (!entered_.emplace(st.st_dev, st.st_ino).second) return true;
    return visit_folder(path, parent_fd, name, depth, sink);
}

bool Walk::visit_folder(const std::string& path, int parent_fd, const char* name, int depth,
                        const Sink& sink) {
    if (depth >= kMaxDepth) return sink(unreadable(path, "more than 256 folders deep"));
    Fd fd(::openat(parent_fd, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!fd) return sink(unreadable(path, words_of(errno)));
    const std::unique_ptr<DIR, CloseDir> dir(::fdopendir(fd.get()));
    if (!dir) return sink(unreadable(path, words_of(errno)));
    fd.release();  // closedir closes it

    int error_number = 0;
    const std::vector<std::string> names = names_in(dir.get(), error_number);
    const std::string prefix = path.ends_with('/') ? path : path + '/';
    for (const std::string& entry : names) {
        if (!visit_entry(prefix + entry, ::dirfd(dir.get()), entry.c_str(), depth + 1, sink)) return false;
    }
    if (error_number != 0) return sink(unreadable(path, "its listing broke off: " + words_of(error_number)));
    return true;
}

}  // namespace rushlight::scan
