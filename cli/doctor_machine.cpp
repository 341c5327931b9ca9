// doctor: the machine itself.
#include "base/text.h"
#include "cli/doctor.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <clocale>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <optional>
#include <string_view>
#include <thread>
#include <vector>

#include <fcntl.h>
#include <fmt/format.h>
#include <langinfo.h>
#include <linux/magic.h>
#include <sys/resource.h>
#include <sys/statfs.h>
#include <unistd.h>

namespace rushlight::cli {
namespace {

constexpr std::uintmax_t kLittleDisk = std::uintmax_t{1} << 30;
constexpr std::uint64_t kLittleMemory = std::uint64_t{1} << 30;
constexpr rlim_t kFewDescriptors = 4'096;
constexpr int kSyncs = 20;
constexpr double kSlowSync = 100;  // ms: ten stored matches a second
constexpr long kCifsMagic = 0xFF534D42, kSmb2Magic = 0xFE534D42, kFuseMagic = 0x65735546;

double gb(std::uint64_t bytes) { return static_cast<double>(bytes) / 1e9; }

std::optional<std::uint64_t> first_number(const std::string& path) {
    std::ifstream in(path);
    std::uint64_t number = 0;
    if (in >> number) return number;
    return std::nullopt;
}

// Of /proc/meminfo, in bytes.
std::uint64_t meminfo(std::string_view wanted) {
    std::ifstream in("/proc/meminfo");
    std::string name;
    std::string unit;
    for (std::uint64_t kb = 0; in >> name >> kb; std::getline(in, unit)) {
        if (name == wanted) return kb * 1024;
    }
    return 0;
}

std::string_view text_of(const char* text) { return text != nullptr ? text : ""; }

// The first of the variables that decide about characters which is set.
std::string wanted_locale() {
    for (const char* name : {"LC_ALL", "LC_CTYPE", "LANG"}) {
        if (const auto value = text_of(std::getenv(name)); !value.empty()) return std::string(value);
    }
    return {};
}

// One small file written and synced over and over, as the store does it: how long each took, in ms.
std::optional<std::vector<double>> sync_times(const std::string& folder) {
    std::string path = folder + "/doctor-XXXXXX";
    const Fd fd(::mkostemp(path.data(), O_CLOEXEC));
    if (!fd) return std::nullopt;
    ::unlink(path.c_str());
    std::vector<double> times;
    const std::array<char, 4096> page{};
    for (int i = 0; i < kSyncs; ++i) {
        const auto began = Steady::now();
        if (::pwrite(fd.get(), page.data(), page.size(), 0) != static_cast<ssize_t>(page.size()) ||
            ::fsync(fd.get()) != 0)
            return std::nullopt;
        times.push_back(std::chrono::duration<double, std::milli>(Steady::now() - began).count());
    }
    std::ranges::sort(times);
    return times;
}

}  // namespace

Finding look_at_kernel(const Context& context) {
    const sandbox::Kernel kernel = sandbox::probe_kernel();
    const bool contained = kernel.seccomp || kernel.landlock_abi > 0;
    if (contained) return Finding::well("sandbox", kernel.describe());
    return Finding::wrong(
        "sandbox",
        kernel.describe() + (context.config().sandbox.allow_weak
                                 ? "; files are read all the same, as the settings say"
                                 : "; so no untrusted file is read"),
        "use a kernel with seccomp or landlock (in a container: its default seccomp profile "
        "allows both), or accept the risk with --allow-weak-sandbox");
}

Finding look_at_memory(const Context& context) {
    std::uint64_t most = meminfo("MemTotal:");
    const std::uint64_t free = meminfo("MemAvailable:");
    std::string limited;
    if (const auto limit = first_number("/sys/fs/cgroup/memory.max"); limit && *limit < most) {
        most = *limit;
        limited = " (this service's limit)";
    }
    const auto found = fmt::format("{:.1f} GB{}, {:.1f} GB free; a reader of one file may use up to {} MB",
                                   gb(most), limited, gb(free), context.config().sandbox.memory_mb);
    if (most >= kLittleMemory) return Finding::well("memory", found);
    return Finding::wrong("memory", found,
                          "give it 1 GB or more; large pictures are unreadable where there is less");
}

Finding look_at_descriptors() {
    rlimit limit{};
    if (::getrlimit(RLIMIT_NOFILE, &limit) != 0)
        return Finding::wrong("descriptors", std::strerror(errno), "");
    const auto found = fmt::format("{} open files at most", limit.rlim_max);
    if (limit.rlim_max >= kFewDescriptors) return Finding::well("descriptors", found);
    return Finding::wrong("descriptors", found + ": each connection and each file needs one",
                          "raise the limit: `ulimit -Hn 65536`, or LimitNOFILE=65536 in the service's unit");
}

Finding look_at_core_dumps() {
    rlimit limit{};
    const bool known = ::getrlimit(RLIMIT_CORE, &limit) == 0;
    if (known && limit.rlim_cur <= 1) return Finding::well("core_dumps", "off");
    return Finding::wrong("core_dumps", "a crash would write this program's memory to a file, with its keys",
                          "run it with `ulimit -c 0`, or LimitCORE=0 in the service's unit");
}

// What a name's bytes mean on this terminal. Rushlight itself speaks UTF-8, and UTC, always.
Finding look_at_locale() {
    const std::string wanted = wanted_locale();
    const bool plain = wanted.empty() || wanted == "C" || wanted == "POSIX";
    if (plain) return Finding::well("locale", "none set: output is UTF-8, times are UTC");
    const char* got = std::setlocale(LC_CTYPE, "");
    const std::string charset(text_of(got != nullptr ? ::nl_langinfo(CODESET) : nullptr));
    std::setlocale(LC_CTYPE, "C");
    if (charset == "UTF-8") return Finding::well("locale", wanted + ": output is UTF-8, times are UTC");
    return Finding::wrong("locale", got == nullptr ? wanted + " is not installed" : wanted + " is " + charset,
                          "set LANG=C.UTF-8, or names with other letters are shown wrongly");
}

Finding look_at_disk(const Context& context) {
    if (auto made = context.make_data_folder(); !made)
        return Finding::wrong("disk", made.error().message,
                              "give this user a folder to write in: --data DIR, or RUSHLIGHT_DATA");
    const std::string& data = context.config().data;
    std::error_code error;
    const auto space = std::filesystem::space(data, error);
    if (error)
        return Finding::wrong("disk", "cannot look at " + data + ": " + error.message(),
                              "is the folder's disk mounted?");
    const auto found = fmt::format("{:.1f} GB free for {}", gb(space.available), data);
    if (space.available >= kLittleDisk) return Finding::well("disk", found);
    return Finding::wrong("disk", found,
                          "make room, or move the data folder: below 1 GB matches soon cannot be stored");
}

Finding look_at_fsync(const Context& context) {
    const std::string& data = context.config().data;
    struct statfs where{};
    if (::statfs(data.c_str(), &where) == 0) {
        const auto type = static_cast<long>(where.f_type);
        if (type == TMPFS_MAGIC || type == RAMFS_MAGIC)
            return Finding::wrong("fsync",
                                  data + " lies in memory: everything is gone when the machine restarts",
                                  "put the data folder on a disk: --data DIR, or RUSHLIGHT_DATA");
        const bool shared =
            type == NFS_SUPER_MAGIC || type == kCifsMagic || type == kSmb2Magic || type == kFuseMagic;
        if (shared && context.config().store.empty())
            return Finding::wrong(
                "fsync", data + " lies on a network's file system, where SQLite's locks do not hold",
                "put the data folder on a disk of this machine, or use PostgreSQL (--store)");
    }
    const auto times = sync_times(data);
    if (!times)
        return Finding::wrong("fsync", fmt::format("cannot write to {}: {}", data, std::strerror(errno)),
                              "give this user the right to write there, and the disk some room");
    const double median = (*times)[times->size() / 2];
    const auto found = fmt::format("{} writes reached the disk, {:.2f} ms each, the slowest {:.2f} ms",
                                   times->size(), median, times->back());
    if (median <= kSlowSync) return Finding::well("fsync", found);
    return Finding::wrong("fsync", found,
                          "use a faster disk (an SSD) for the data folder: each match waits for this");
}

}  // namespace rushlight::cli
