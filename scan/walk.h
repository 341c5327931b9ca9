// walk: every regular file below a target, in a stable order, without ever going in circles.
//
// Symbolic links are followed; a folder is entered once, however many links lead to it. Sockets, devices and
// pipes are named with the reason why they are left out. A folder that cannot be read is named too.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <set>
#include <string>
#include <utility>

namespace rushlight::scan {

struct Found {
    enum class What {
        file,
        special,     // a socket, a device, a pipe: there is nothing to read
        unreadable,  // the system refused, or it vanished
    };
    std::string path;
    What what = What::file;
    std::string message;  // why it is not a file
};

// Keeps what it has entered over several targets, so that nested targets are not read twice.
class Walk {
  public:
    // False from the sink ends the walk.
    using Sink = std::function<bool(Found)>;

    bool visit(const std::string& target, const Sink& sink);

  private:
    bool visit_folder(const std::string& path, int parent_fd, const char* name, int depth, const Sink& sink);
    bool visit_entry(const std::string& path, int parent_fd, const char* name, int depth, const Sink& sink);

    std::set<std::pair<std::uint64_t, std::uint64_t>> entered_;  // device and inode of each folder
};

}  // namespace rushlight::scan
