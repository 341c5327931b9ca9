#include "scan/scan.h"

#include "base/text.h"
#include "cli/commands.h"
#include "cli/outgoing.h"
#include "cli/output.h"
#include "cli/paths_from_stdin.h"
#include "cli/until_interrupted.h"
#include "cli/warn_about.h"

#include <algorithm>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace rushlight::cli {
namespace {

using check::Decision;

// What to do to the picture to see it as it is listed.
std::string_view words_of(match::Orientation orientation) {
    using match::Orientation;
    switch (orientation) {
        case Orientation::original:
            return "";
        case Orientation::rot90:
            return "turn right to see it as listed";
        case Orientation::rot180:
            return "turn upside down to see it as listed";
        case Orientation::rot270:
            return "turn left to see it as listed";
        case Orientation::flip_horizontal:
            return "mirrored";
        case Orientation::flip_vertical:
            return "mirrored top to bottom";
        case Orientation::transpose:
        case Orientation::transverse:
            break;
    }
    return "mirrored on a diagonal";
}

std::string how(const match::Match& match) {
    std::string text = fmt::format("{}", match::formats::to_string(match.method));
    if (match.shares) {
        text +=
            fmt::format(", {}% of its frames, {}% of the listed", match.shares->query, match.shares->listed);
    } else if (!match::formats::is_exact(match.method)) {
        text += fmt::format(" {} of {}", match.distance, match.threshold);
    }
    if (match.orientation != match::Orientation::original) {
        text += fmt::format(", {}", words_of(match.orientation));
    }
    return text;
}

// Items in no list are only counted.
bool wants_a_look(const scan::Item& item) {
    if (!item.outcome) return true;
    const check::Outcome& outcome = *item.outcome;
    return !outcome.answer.matches.empty() || !outcome.answer.suppressed.empty() ||
           (outcome.decision == Decision::unreadable && !item.skipped);
}

void add_rows(Table& table, const scan::Item& item) {
    const std::string name = printable(item.name);
    if (!item.outcome) {
        const bool special = item.skipped;
        table.add({{special ? "skipped" : "unreadable", special ? Tone::quiet : Tone::warn},
                   {name},
                   {""},
                   {printable(special        ? item.message
                              : item.problem ? item.problem->message
                                             : "")}});
        return;
    }
    const check::Outcome& outcome = *item.outcome;
    for (const match::Match& match : outcome.answer.matches) {
        const bool acts = match.state == match::EntryState::active && match.kind == match::ListKind::known;
        std::string what = match::formats::is_exact(match.method) ? "exact" : "near";
        if (match.kind == match::ListKind::negative) what = "harmless";
        if (match.state == match::EntryState::quarantined) what = "quarantined";
        if (item.skipped) what += " (before)";
        table.add({{what, acts ? Tone::bad : Tone::quiet}, {name}, {printable(match.list)}, {how(match)}});
    }
    if (outcome.answer.left_out > 0) {
        table.add({{"more", Tone::quiet},
                   {name},
                   {""},
                   {grouped(outcome.answer.left_out) + " further ones are not shown"}});
    }
    for (const match::Suppressed& suppressed : outcome.answer.suppressed) {
        table.add({{"suppressed", Tone::quiet},
                   {name},
                   {printable(suppressed.match.list)},
                   {fmt::format("{}; harmless by {} at {} bits", how(suppressed.match),
                                printable(suppressed.by.list), suppressed.by.distance)}});
    }
    if (outcome.decision == Decision::unreadable && !item.skipped) {
        table.add({{"unreadable", Tone::warn},
                   {name},
                   {""},
                   {fmt::format("{}: {}", to_string(outcome.problem->reason),
                                printable(outcome.problem->message))}});
    }
}

void print_summary(const scan::Summary& s, bool colour) {
    const double rate = s.seconds > 0 ? static_cast<double>(s.items) / s.seconds : 0;
    print_line(fmt::format(
        "{} {} in {:.1f} s ({:.0f}/s): {}, {}, {} in no list, {}, {} skipped", grouped(s.items),
        s.items == 1 ? "item" : "items", s.seconds, rate,
        toned(grouped(s.exact) + " exact", s.exact > 0 ? Tone::bad : Tone::plain, colour),
        toned(grouped(s.near) + " near", s.near > 0 ? Tone::bad : Tone::plain, colour), grouped(s.none),
        toned(grouped(s.unreadable) + " unreadable", s.unreadable > 0 ? Tone::warn : Tone::plain, colour),
        grouped(s.skipped)));
    std::string of_none;
    if (s.flat > 0) of_none += fmt::format("{} too flat for a near match", grouped(s.flat));
    if (s.not_media > 0) {
        of_none += fmt::format("{}{} no picture or video", of_none.empty() ? "" : ", ",
                               s.not_media == 1 ? "1 is" : grouped(s.not_media) + " are");
    }
    if (!of_none.empty())
        print_line("Of those in no list: " + of_none + " (compared by their exact hashes).");
    if (s.unsupported > 0) {
        print_line(fmt::format("Of the unreadable: {} of formats that this build does not read.",
                               grouped(s.unsupported)));
    }
    if (s.skipped_matches > 0) {
        print_line(fmt::format("Of the skipped, {} matched when an earlier scan checked them.",
                               grouped(s.skipped_matches)));
    }
    if (s.skipped_unreadable > 0) {
        print_line(fmt::format("Of the skipped, {} could not be read then; --again tries once more.",
                               grouped(s.skipped_unreadable)));
    }
}

void print_next(const scan::Summary& s) {
    if (s.stopped) print_line("Stopped. What was done is saved; the same command goes on from here.");
    if (s.exact + s.near + s.skipped_matches > 0) {
        print_line(
            "Next: what matched exactly is on a list; a near match wants a person's look before anything is "
            "done.");
    }
    if (s.unreadable > 0) {
        print_line(
            "Next: unreadable items were checked by their exact hashes only; docs/reasons.md says what to do "
            "about each.");
    }
    if (s.unopened > 0) {
        print_line(fmt::format("      {} of them could not be opened, and {} not checked at all.",
                               grouped(s.unopened), s.unopened == 1 ? "was" : "were"));
    }
}

archive::Limits archive_limits(const Config& config) {
    const auto megabytes = [](std::int64_t n) { return static_cast<std::uint64_t>(n) << 20; };
    archive::Limits limits;
    limits.depth = static_cast<int>(config.archive.depth);
    limits.members = static_cast<std::uint64_t>(config.archive.members);
    limits.member_bytes = megabytes(config.archive.member_mb);
    limits.total_bytes = megabytes(config.archive.total_mb);
    limits.ratio = static_cast<double>(config.archive.ratio);
    return limits;
}

}  // namespace

int run_scan(Context& context, const ScanCommand& command) {
    const UntilInterrupted until_interrupted;  // before any other thread
    std::optional<match::Method> method;
    if (command.method) method = match::formats::parse_method(*command.method);
    const unsigned workers = command.workers.value_or(static_cast<unsigned>(context.config().scan.workers));
    context.expect_at_once(workers);
    const std::vector<std::string> allowed = allowed_targets(context, command.allowed_targets);
    const auto client = make_client(context, allowed);
    if (!client) return report(client.error());
    auto store = context.store();
    if (!store) return report(store.error());
    auto fingerprinter = context.fingerprinter();
    if (!fingerprinter) return report(fingerprinter.error());
    auto matcher = context.matcher(command.lists, method);
    if (!matcher) return report(matcher.error());
    warn_about(**matcher);

    const Config& config = context.config();
    scan::Options options{.again = command.again};
    options.workers = workers;
    options.limits = archive_limits(config);
    options.stop = until_interrupted.token();
    options.fetching = [&] { return audit_targets(context, allowed); };
    PathsFromStdin paths(command.nul_separated ? '\0' : '\n');
    for (const std::string& target : command.targets) {
        if (target == "-") {
            options.more_targets = [&paths](const std::stop_token& stop) { return paths.next(stop); };
        } else {
            options.targets.push_back(target);
        }
    }

    std::size_t list_width = 8;
    for (const match::List& list : (*matcher)->lists()) {
        list_width = std::max(list_width, std::min<std::size_t>(20, columns_of(printable(list.name))));
    }
    Table table({"decision", "item", "list", "how"}, 1, {13, 64, list_width, 22});
    ProgressBar bar("scanning", !context.json());
    options.show = [&](const scan::Item& item) {
        if (context.json()) {
            print_json(to_json(item));
        } else if (wants_a_look(item)) {
            bar.clear();
            add_rows(table, item);
        }
        return printed();
    };
    options.progress = [&](const scan::Progress& progress) { bar.update(progress.files, progress.total); };

    const scan::Parts parts{.store = **store,
                            .pool = **context.pool(),
                            .fingerprinter = **fingerprinter,
                            .matcher = **matcher,
                            .clock = system_clock(),
                            .client = &*client};
    const auto summary = scan::run(parts, options);
    bar.clear();
    if (!context.json() && !table.empty()) print_line("");
    if (!summary) return report(summary.error());
    if (context.json()) {
        print_json(to_json(*summary));
    } else {
        print_summary(*summary, wants_colour(STDOUT_FILENO));
        print_next(*summary);
    }
    for (const std::string& target : summary->missing) {
        (void)report({ErrorCode::not_found, "there is no file or folder called " + printable(target)});
    }
    if (summary->stopped || !summary->missing.empty()) return kFailed;
    const bool any = summary->exact + summary->near + summary->skipped_matches > 0;
    return command.fail_on_match && any ? kSo : kDone;
}

}  // namespace rushlight::cli
