#include "cli/warn_about.h"

#include "base/text.h"
#include "base/time.h"
#include "cli/terminal.h"

#include <algorithm>
#include <cstdio>

#include <fmt/format.h>

namespace rushlight::cli {
namespace {

constexpr std::size_t kNamed = 3;  // bad lines of one file

void warn(const std::string& what) { std::fprintf(stderr, "rushlight: %s\n", what.c_str()); }

void warn_of_bad_lines(const match::ImportReport& file) {
    if (file.bad_lines == 0) return;
    std::string text = fmt::format("{} has {} bad {}, left out:", printable(file.list),
                                   grouped(file.bad_lines), file.bad_lines == 1 ? "line" : "lines");
    for (std::size_t i = 0; i < std::min(kNamed, file.bad.size()); ++i) {
        text += fmt::format("{} line {}: {}", i == 0 ? "" : ";", grouped(file.bad[i].line),
                            printable(file.bad[i].reason));
    }
    warn(text + (file.bad_lines > kNamed ? "; …" : ""));
}

bool has_expired(const match::List& list, Time now) { return list.expires && *list.expires <= now; }

}  // namespace

void warn_about(const match::Matcher& matcher) {
    for (const match::ImportReport& file : matcher.files()) warn_of_bad_lines(file);
    const Time now = system_clock().now();
    const auto lists = matcher.lists();
    std::uint64_t searched = 0;
    for (const match::List& list : lists) {
        if (has_expired(list, now)) {
            warn(fmt::format("the list {} has expired ({}): it is not searched", printable(list.name),
                             list.expires->rfc3339()));
        } else if (list.kind == match::ListKind::known) {
            searched += list.entries.active + list.entries.quarantined;
        }
    }
    if (searched > 0) return;
    warn(lists.empty()
             ? "there is no list, so nothing can be found: `rushlight list import NAME FILE` brings one in"
             : "no list has an entry to search for, so nothing can be found: see `rushlight list show`");
}

}  // namespace rushlight::cli
