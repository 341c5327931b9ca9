// doctor: what is stored, and what opens it.
#include "audit/audit.h"
#include "base/text.h"
#include "cli/doctor.h"
#include "vault/holding.h"

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <utility>

#include <fmt/format.h>
#include <sys/stat.h>

namespace rushlight::cli {
namespace {

using namespace std::chrono_literals;
namespace fs = std::filesystem;

constexpr std::string_view kNothingHeld = "off: nothing that matched is kept";
constexpr auto kFuture = std::chrono::microseconds(10min);

bool on_postgresql(const Context& context) { return !context.config().store.empty(); }

// Others may read it, write it, or it is not there: 0600 is 0.
mode_t open_to_others(const std::string& path) {
    struct stat status{};
    return ::stat(path.c_str(), &status) == 0 ? status.st_mode & 077U : 0U;
}

std::string what_to_do_about_postgresql() {
    const char* file = std::getenv("PGPASSFILE");
    const std::string path = file != nullptr ? file : "";
    std::error_code error;
    if (!path.empty() && !fs::exists(path, error)) return "PGPASSFILE names " + path + ", which is not there";
    if (!path.empty() && open_to_others(path) != 0)
        return "chmod 600 " + path + " (PGPASSFILE): a password file that others may read is not used";
    return std::string("see that the server runs and lets this user in (pg_hba.conf), and that ") +
           (path.empty() ? "PGPASSFILE names a file (0600) with a line HOST:PORT:DATABASE:USER:PASSWORD"
                         : path + " has a line HOST:PORT:DATABASE:USER:PASSWORD for it") +
           "; `psql` with the same address tries the same";
}

std::string what_to_do_about_store(const Context& context, const Error& error) {
    switch (error.code) {
        case ErrorCode::corrupt:
            return "stop the server, keep a copy of the folder as it is, and restore the last backup";
        case ErrorCode::conflict:
            return "run the newer Rushlight that made it, or restore the backup from before its upgrade "
                   "(DATA/backup)";
        case ErrorCode::io:
            return "make room on the disk, and see that this user may write to the folder";
        default:
            return on_postgresql(context) ? what_to_do_about_postgresql()
                                          : "see that no other program holds the file, and try again";
    }
}

Time file_time(const fs::path& path) {
    struct stat status{};
    if (::stat(path.c_str(), &status) != 0) return {};
    return {std::int64_t{status.st_mtim.tv_sec} * 1'000'000 + status.st_mtim.tv_nsec / 1'000};
}

}  // namespace

Finding look_at_store(Context& context) {
    const auto wrong = [&](const Error& error) {
        return Finding::wrong("store", error.message, what_to_do_about_store(context, error));
    };
    const auto lists = context.lists();
    if (!lists) return wrong(lists.error());
    const auto all = (*lists)->all();
    if (!all) return wrong(all.error());
    if (const auto whole = (*context.store())->check_integrity(); !whole) return wrong(whole.error());
    std::uint64_t entries = 0;
    for (const match::List& list : *all) {
        if (const auto whole = (*lists)->verify(list.name); !whole) return wrong(whole.error());
        entries += list.entries.total();
    }
    return Finding::well(
        "store",
        fmt::format("{} is whole, schema {}; it holds {} hash lists with {} entries",
                    (*context.store())->where(), (*context.store())->schema_version(), all->size(), entries));
}

// Against the year this was written in, and against times that cannot be in the future.
Finding look_at_clock(Context& context) {
    constexpr std::string_view kDo = "set the clock; systemd-timesyncd or chrony keep it right";
    const Time now = system_clock().now();
    if (now < Time::parse("2026-01-01T00:00:00Z").value_or(Time{}))
        return Finding::wrong("clock", now.rfc3339() + " is long ago", std::string(kDo));
    const fs::path data = context.config().data;
    for (const char* name : {"rushlight.db", "rushlight.db-wal", "keys/rushlight.key"}) {
        if (const Time made = file_time(data / name); made > now + kFuture)
            return Finding::wrong(
                "clock",
                fmt::format("it says {}, and {} was written at {}", now.rfc3339(), name, made.rfc3339()),
                std::string(kDo));
    }
    const auto store = context.store();
    if (!store) return Finding::well("clock", now.rfc3339());
    const auto page = audit::read(**store, {}, std::nullopt, 1);
    if (page && !page->entries.empty() && page->entries.front().at > now + kFuture)
        return Finding::wrong("clock",
                              fmt::format("it says {}, and the audit log has an entry of {}", now.rfc3339(),
                                          page->entries.front().at.rfc3339()),
                              std::string(kDo) + "; what was dated wrongly stays so");
    return Finding::well("clock", now.rfc3339() + ", and nothing stored is from the future");
}

Finding look_at_key_file(Context& context) {
    const std::string path = context.config().data + "/keys/rushlight.key";
    const std::string back = "put the key file back from its backup as " + path +
                             " (0600); without it nothing that is sealed can be opened: second factors, "
                             "webhook secrets, held files";
    std::error_code error;
    const bool there = fs::exists(path, error);
    const bool used = fs::exists(context.config().data + "/keys/audit.pub", error);
    if (!there && !used) return Finding::well("key_file", "none yet: the first start makes " + path);
    if (there && open_to_others(path) != 0)
        return Finding::wrong("key_file", path + " is open to others", "chmod 600 " + path);
    const auto sealer = context.sealer();
    if (!sealer)
        return Finding::wrong("key_file", sealer.error().message,
                              there ? "see [keys] passphrase_file in the settings, or else " + back : back);
    // The seed of the audit log's key was sealed when the server first ran.
    if (used) {
        const auto key = (*sealer)->signing_key(**context.store(), "audit", system_clock().now());
        if (!key) return Finding::wrong("key_file", key.error().message, back);
    }
    const bool passphrase = !context.config().keys.passphrase_file.empty();
    return Finding::well("key_file", fmt::format("{} {}{}; keep a copy of it elsewhere", path,
                                                 used ? "opens what is sealed" : "can be read",
                                                 passphrase ? ", with its passphrase" : ""));
}

Finding look_at_holding(Context& context, const Services& services) {
    const auto store = context.store();
    if (!store) return Finding::wrong("holding", "the store cannot be opened", "mend the store first");
    const auto settings = services.holding(**store);
    if (!settings) return Finding::wrong("holding", settings.error().message, "mend the store first");
    // A key file is the first start's to make.
    std::error_code ignored;
    if (!settings->on && !fs::exists(context.config().data + "/keys/rushlight.key", ignored))
        return Finding::well("holding", std::string(kNothingHeld));
    const auto sealer = context.sealer();
    if (!sealer) return Finding::wrong("holding", "the key file cannot be used", "mend the key file first");
    const auto area = vault::HoldingArea::open(
        **store, **sealer, {.data = context.config().data, .on = settings->on, .quota = settings->quota},
        system_clock().now());
    const auto usage = area ? area->usage() : Result<vault::Usage>(pass(area.error()));
    if (!usage) return Finding::wrong("holding", usage.error().message, "mend the store first");
    if (!settings->on && usage->files == 0) return Finding::well("holding", std::string(kNothingHeld));
    const auto found = fmt::format("{}, {} files with {} of {} MB", settings->on ? "on" : "off", usage->files,
                                   usage->bytes >> 20, usage->quota >> 20);
    if (usage->bytes >= usage->quota / 10 * 9)
        return Finding::wrong("holding", found + ": nearly full, and then what matches is not kept",
                              "decide what is held, or allow more under Settings");
    std::error_code error;
    const auto space = fs::space(context.config().data, error);
    const std::uint64_t more = settings->on ? usage->quota - usage->bytes : 0;
    if (!error && space.available < more)
        return Finding::wrong(
            "holding", found + fmt::format(", and the disk has room for {} MB only", space.available >> 20),
            "make room, or allow less under Settings");
    return Finding::well("holding", found);
}

}  // namespace rushlight::cli
