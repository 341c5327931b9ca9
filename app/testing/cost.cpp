#include "app/testing/cost.h"

#include "base/text.h"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <map>
#include <sstream>
#include <string>
#include <utility>

#include <unistd.h>

namespace rushlight::app::testing {
namespace {

namespace fs = std::filesystem;

std::string text_of(const fs::path& path) {
    std::ifstream file(path);
    std::ostringstream text;
    text << file.rdbuf();
    return text.str();
}

// proc(5), /proc/PID/stat, behind the name in brackets: state, parent, …; the 12th to 15th are the ticks of
// itself and of the children that it has waited for.
struct Used {
    pid_t parent = 0;
    double ticks = 0;
};
Used used_by(const fs::path& folder) {
    const std::string stat = text_of(folder / "stat");
    std::istringstream fields(stat.substr(std::min(stat.size(), stat.rfind(')') + 1)));
    Used used;
    std::string field;
    for (int i = 1; i <= 15 && fields >> field; ++i) {
        if (i == 2) used.parent = std::stoi(field);
        if (i >= 12) used.ticks += std::stod(field);
    }
    return used;
}

double ticks_below(pid_t process, const std::multimap<pid_t, std::pair<pid_t, double>>& children) {
    double ticks = 0;
    const auto [first, last] = children.equal_range(process);
    for (auto child = first; child != last; ++child)
        ticks += child->second.second + ticks_below(child->second.first, children);
    return ticks;
}

}  // namespace

double cpu_seconds(pid_t process) {
    std::multimap<pid_t, std::pair<pid_t, double>> children;
    for (const auto& folder : fs::directory_iterator("/proc")) {
        const auto number = parse_integer(folder.path().filename().string());
        if (!number) continue;
        const Used used = used_by(folder.path());
        children.emplace(used.parent, std::pair(static_cast<pid_t>(*number), used.ticks));
    }
    const double own = used_by("/proc/" + std::to_string(process)).ticks;
    return (own + ticks_below(process, children)) / static_cast<double>(::sysconf(_SC_CLK_TCK));
}

Memory memory_of(pid_t process) {
    std::istringstream lines(text_of("/proc/" + std::to_string(process) + "/smaps_rollup"));
    Memory memory;
    for (std::string word; lines >> word;) {
        double* const value = word == "Rss:"         ? &memory.resident
                              : word == "Pss:"       ? &memory.proportional
                              : word == "Anonymous:" ? &memory.own
                                                     : nullptr;
        double kibibytes = 0;
        if (value != nullptr && lines >> kibibytes) *value = kibibytes * 1024 / 1e6;
    }
    return memory;
}

}  // namespace rushlight::app::testing
