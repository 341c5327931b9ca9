#include "store/sqlite_files.h"

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <thread>

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

namespace rushlight::store {

namespace fs = std::filesystem;

Status make_folder(const std::string& folder) {
    std::error_code error;
    if (!fs::is_directory(folder, error)) {
        const fs::path parent = fs::path(folder).lexically_normal().parent_path();
        if (!parent.empty()) fs::create_directories(parent, error);
        if (::mkdir(folder.c_str(), 0700) != 0 && errno != EEXIST)
            return fail_errno("cannot make the data folder '" + folder +
                              "' (choose another, or mend its rights)");
        if (!fs::is_directory(folder, error))
            return fail(ErrorCode::invalid, "the data folder '" + folder + "' is no folder");
    }
    if (::access(folder.c_str(), W_OK | X_OK) != 0)
        return fail_errno("cannot write to the data folder '" + folder +
                          "' (choose another, or mend its rights)");
    return {};
}

Result<Fd> lock_folder(const std::string& folder, std::chrono::milliseconds timeout) {
    const std::string path = folder + "/rushlight.lock";
    Fd fd(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
    if (!fd) return fail_errno("cannot write to the data folder: '" + path + "'");
    const auto until = Steady::now() + timeout;
    while (::flock(fd.get(), LOCK_EX | LOCK_NB) != 0) {
        if (errno != EWOULDBLOCK && errno != EINTR) return fail_errno("cannot lock '" + path + "'");
        if (Steady::now() >= until)
            return fail(ErrorCode::unavailable,
                        "another process has been opening or upgrading the store in '" + folder + "' for " +
                            std::to_string(timeout.count() / 1000) +
                            " s. Wait until it is done, and try again.");
        std::this_thread::sleep_for(std::chrono::milliseconds(5));
    }
    return fd;
}

Status back_up_folder(SqliteConnection& connection, const std::string& folder, int version, int kept) {
    const fs::path backups = fs::path(folder) / "backup";
    if (auto made = make_folder(backups.string()); !made) return made;
    std::string time = system_clock().now().rfc3339();  // sorts as it reads; no colons, for every file system
    std::erase_if(time, [](char c) { return c == ':' || c == '-'; });
    const fs::path name = backups / ("rushlight-" + time + "-schema-" + std::to_string(version) + ".db");
    if (auto copied = connection.back_up_to(name.string()); !copied) return copied;

    std::vector<fs::path> all;
    std::error_code error;
    for (const auto& entry : fs::directory_iterator(backups, error)) {
        const std::string file = entry.path().filename().string();
        if (file.starts_with("rushlight-") && file.ends_with(".db")) all.push_back(entry.path());
    }
    std::sort(all.begin(), all.end());
    const auto most = static_cast<std::size_t>(std::max(1, kept));
    for (std::size_t i = 0; i + most < all.size(); ++i)
        fs::remove(all[i], error);  // one too many does no harm
    return {};
}

}  // namespace rushlight::store
