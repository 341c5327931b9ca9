#include "audit/audit.h"
#include "base/text.h"
#include "check/check.h"
#include "cli/commands.h"
#include "cli/output.h"
#include "match/list_json.h"
#include "store/store.h"

#include <algorithm>

#include <fcntl.h>
#include <fmt/format.h>
#include <nlohmann/json.hpp>
#include <unistd.h>

namespace rushlight::cli {
namespace {

using match::Method;
using match::Value;
using nlohmann::ordered_json;

std::optional<Method> method_of(const std::optional<std::string>& name) {
    return name ? match::formats::parse_method(*name) : std::nullopt;
}

std::string thresholds_of(const match::Thresholds& t) {
    return fmt::format("pdq {}, vpdq {} of {}%", t.pdq, t.vpdq, t.vpdq_share);
}

// "1 value", "1,350 values".
std::string counted(std::uint64_t number, const std::string& one, const std::string& many) {
    return grouped(number) + " " + (number == 1 ? one : many);
}

// What is kept and never looked for has to be said, or a list of it would look like one that works.
void say_photodna(std::uint64_t number) {
    if (number == 0) return;
    print_line("  " + counted(number, "PhotoDNA value is", "PhotoDNA values are") +
               " kept and handed on, but never matched: the algorithm is licensed");
}

// "1,350", or with those among them that do not act: "1,350, 2 quarantined".
std::string entries_of(const match::Counts& counts) {
    std::string text = grouped(counts.total());
    if (counts.quarantined > 0) text += ", " + grouped(counts.quarantined) + " quarantined";
    if (counts.disabled > 0) text += ", " + grouped(counts.disabled) + " disabled";
    return text;
}

void print_list(const Context& context, const match::List& list) {
    if (context.json()) return print_json(to_json(list));
    print_line(fmt::format("{}: {} list, category {}{}", printable(list.name), match::to_string(list.kind),
                           printable(list.category),
                           list.source.empty() ? "" : ", from " + printable(list.source)));
    print_line(fmt::format("  {}: {} active, {} quarantined, {} disabled",
                           counted(list.entries.total(), "entry", "entries"), grouped(list.entries.active),
                           grouped(list.entries.quarantined), grouped(list.entries.disabled)));
    print_line(fmt::format("  near means {}", thresholds_of(list.thresholds)));
    if (list.expires) {
        const bool over = *list.expires <= system_clock().now();
        print_line("  " + (over ? "expired " + list.expires->rfc3339() + ": it is not searched any more"
                                : "acts until " + list.expires->rfc3339()));
    }
    print_line(fmt::format("  made {} by {}, changed {}", list.created.rfc3339(), printable(list.created_by),
                           list.changed.rfc3339()));
}

// The values of the command line. 64 digits that nobody explains are an error here: a wrong guess would find
// nothing.
Result<std::vector<Value>> values_of(const std::vector<std::string>& hashes, std::optional<Method> method) {
    std::vector<Value> values;
    for (const std::string& typed : hashes) {
        // A carriage return or a space that came along with the hash is no part of it.
        const std::string_view text = trim(typed);
        const bool ambiguous = !method && text.size() == 64 && text.front() != '[';
        if (ambiguous) {
            return fail(ErrorCode::invalid,
                        "'" + printable(text) +
                            "' can be a SHA-256 or a PDQ hash: say --method sha256 or --method pdq");
        }
        auto value = method ? Value::parse(*method, text) : Value::guess(text, Method::sha256);
        if (!value) return fail(ErrorCode::invalid, "'" + printable(text) + "': " + value.error().message);
        values.push_back(std::move(*value));
    }
    return values;
}

// The entry of a list that a person means by a text: of 64 digits, whichever of the two the list has.
Result<std::vector<Value>> listed_values(const match::Lists& lists, const std::string& name,
                                         const std::vector<std::string>& hashes,
                                         std::optional<Method> method) {
    std::vector<Value> values;
    for (const std::string& text : hashes) {
        std::vector<Value> found;
        for (const Method candidate : {Method::sha256, Method::pdq}) {
            auto value = method ? Value::parse(*method, text) : Value::guess(text, candidate);
            if (!value)
                return fail(ErrorCode::invalid, "'" + printable(text) + "': " + value.error().message);
            auto entry = lists.entry(name, *value);
            if (!entry) return pass(entry.error());
            if (entry->has_value() && (found.empty() || found.front() != *value))
                found.push_back(std::move(*value));
        }
        if (found.size() > 1) {
            return fail(ErrorCode::invalid,
                        "'" + printable(text) + "' stands in the list as SHA-256 and as PDQ: say --method");
        }
        if (found.empty()) {
            return fail(ErrorCode::not_found,
                        "the list '" + printable(name) + "' has no entry '" + printable(text) + "'");
        }
        values.push_back(std::move(found.front()));
    }
    return values;
}

// An error about words of the command line that only the list could judge.
int report_typed(const Error& error) {
    return error.code == ErrorCode::invalid ? report_usage(error) : report(error);
}

// Who did what to a list, in the transaction that does it.
Status note(const Context& context, store::Writer& writer, std::string_view what, const std::string& list,
            const std::string& detail = "{}") {
    return audit::append(writer,
                         {.who = context.who_in_audit(),
                          .what = std::string(what),
                          .on = {"list", to_utf8(list)},
                          .detail = detail},
                         system_clock().now())
        .map([](std::int64_t) {});
}
std::string entries_detail(std::uint64_t entries) {
    return audit::detail({{"entries", static_cast<std::int64_t>(entries)}});
}

Result<Fd> open_list_file(const std::string& path) {
    if (path == "-") return Fd(::dup(STDIN_FILENO));
    Fd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
    if (!fd) return fail_errno("cannot open '" + printable(path) + "'");
    return fd;
}

}  // namespace

int run_list(Context& context, const ListCreate& command) {
    match::ListSettings settings{.name = command.name,
                                 .kind = match::ListKind::known,
                                 .category = command.category.value_or(""),
                                 .source = command.source.value_or(""),
                                 .thresholds = {},
                                 .expires = std::nullopt};
    if (command.kind) settings.kind = match::parse_list_kind(*command.kind).value_or(match::ListKind::known);
    for (const std::string& assignment : command.thresholds) {
        if (auto set = match::set_threshold(settings.thresholds, assignment); !set)
            return report_usage(set.error());
    }
    if (command.expires) {
        settings.expires = Time::parse(*command.expires);
        if (!settings.expires) {
            return report_usage(
                {ErrorCode::invalid, "--expires wants a time such as 2027-01-31T00:00:00Z, not '" +
                                         printable(*command.expires) + "'"});
        }
    }
    const auto lists = context.lists();
    if (!lists) return report(lists.error());
    const auto list =
        (*lists)->create(settings, context.who(), [&](store::Writer& writer, const match::List& made) {
            return note(context, writer, "list.created", made.name,
                        audit::detail({{"kind", match::to_string(made.kind)}}));
        });
    if (!list) return report_typed(list.error());
    print_list(context, *list);
    return kDone;
}

int run_list(Context& context, const ListImport& command) {
    match::ImportOptions options;
    options.who = context.who();
    options.method = method_of(command.method);
    if (command.format) {
        options.format = match::formats::parse_format(*command.format);
        if (!options.format) {
            return report_usage({ErrorCode::invalid,
                                 "there is no list format '" + printable(*command.format) +
                                     "': text, csv, jsonl, threatexchange, hashdeep and md5sum can be read"});
        }
    }
    ProgressBar reading("reading", !context.json());
    std::optional<ProgressBar> storing;  // it counts its rate, and so the time left, from its start
    options.progress = [&](const match::ImportProgress& progress) {
        if (progress.step == match::ImportProgress::Step::storing && !storing) {
            reading.clear();
            storing.emplace("storing", !context.json());
        }
        (storing ? *storing : reading).update(progress.done, progress.total);
        return true;
    };
    const auto file = open_list_file(command.file);
    if (!file) return report(file.error());
    const auto lists = context.lists();
    if (!lists) return report(lists.error());
    options.along = [&](store::Writer& writer, const match::ImportReport& done) {
        return note(context, writer, "list.imported", done.list,
                    audit::detail({{"added", static_cast<std::int64_t>(done.added)},
                                   {"bad_lines", static_cast<std::int64_t>(done.bad_lines)}}));
    };
    const auto imported = (*lists)->import(command.name, file->get(), options);
    reading.clear();
    storing.reset();
    if (!imported) return report(imported.error());
    if (context.json()) {
        print_json(to_json(*imported));
        return kDone;
    }
    constexpr std::size_t kShown = 20;
    for (const match::BadLine& bad : std::span(imported->bad).first(std::min(imported->bad.size(), kShown))) {
        print_line(fmt::format("line {}: {}", bad.line, printable(bad.reason)));
    }
    if (imported->bad_lines > kShown)
        print_line(fmt::format("… and {} more", grouped(imported->bad_lines - kShown)));
    print_line(fmt::format("{}: read {} ({}), {} added, {} there already, {} left out",
                           printable(imported->list), counted(imported->read, "value", "values"),
                           imported->format, grouped(imported->added), grouped(imported->duplicate),
                           counted(imported->bad_lines, "bad line", "bad lines")));
    say_photodna(imported->photodna);
    if (imported->read == 0) print_line("  the file holds no hash");
    return kDone;
}

int run_list(Context& context, const ListExport& command) {
    const auto lists = context.lists();
    if (!lists) return report(lists.error());
    const bool json_lines = context.json() || command.format == "jsonl";
    const auto format = json_lines ? match::formats::Format::jsonl : match::formats::Format::csv;
    const auto list = (*lists)->find(command.name);
    if (!list) return report(list.error());
    const auto store = context.store();
    if (!store) return report(store.error());
    const Status noted = (*store)->write(
        [&](store::Writer& writer) { return note(context, writer, "list.exported", command.name); });
    if (!noted) return report(noted.error());
    const auto exported = (*lists)->export_to(command.name, format, [](std::string_view text) -> Status {
        return write_all(STDOUT_FILENO, bytes_of(text), "standard output");
    });
    return exported ? kDone : report(exported.error());
}

int run_list(Context& context, const ListShow& command) {
    const auto lists = context.lists();
    if (!lists) return report(lists.error());
    if (command.name) {
        const auto list = (*lists)->find(*command.name);
        if (!list) return report(list.error());
        print_list(context, *list);
        return kDone;
    }
    const auto all = (*lists)->all();
    if (!all) return report(all.error());
    if (context.json()) {
        for (const match::List& list : *all) print_json(to_json(list));
        return kDone;
    }
    if (all->empty()) {
        print_line("There is no list yet. `rushlight list import NAME FILE` brings one in.");
        return kDone;
    }
    // So that it fits into 80 columns: what is seldom there stands behind the number of entries.
    constexpr std::size_t kCategory = 16;
    const bool screen = is_terminal(STDOUT_FILENO);
    const Time now = system_clock().now();
    Table table({"list", "kind", "category", "pdq", "vpdq", "entries"}, 0);
    for (const match::List& list : *all) {
        const std::string category = printable(list.category);
        const bool cut = screen && columns_of(category) > kCategory;
        const bool expired = list.expires && *list.expires <= now;
        table.add(
            {{printable(list.name)},
             {std::string(match::to_string(list.kind))},
             {cut ? fitted(category, kCategory) : category},
             {std::to_string(list.thresholds.pdq)},
             {fmt::format("{} {}%", list.thresholds.vpdq, list.thresholds.vpdq_share)},
             {entries_of(list.entries) + (expired ? ", expired" : ""), expired ? Tone::warn : Tone::plain}});
    }
    table.print();
    return kDone;
}

int run_list(Context& context, const ListRemove& command) {
    const auto lists = context.lists();
    if (!lists) return report(lists.error());
    const Status removed =
        (*lists)->remove(command.name, [&](store::Writer& writer, const match::List& list) {
            return note(context, writer, "list.removed", list.name, entries_detail(list.entries.total()));
        });
    if (!removed) return report(removed.error());
    if (context.json()) {
        print_json({{"list", to_utf8(command.name)}, {"removed", true}});
    } else {
        print_line("Removed the list " + printable(command.name) + ".");
    }
    return kDone;
}

int run_list(Context& context, const ListEntries& command) {
    constexpr std::size_t kPage = 1000;
    const auto lists = context.lists();
    if (!lists) return report(lists.error());
    std::string cursor;
    std::uint64_t entries = 0;
    const auto list = (*lists)->find(command.name);
    if (!list) return report(list.error());
    for (;;) {
        const auto page = (*lists)->entries(command.name, cursor, kPage);
        if (!page) return report(page.error());
        for (const match::Entry& entry : page->entries) {
            if (context.json()) {
                print_json(to_json(entry));
            } else {
                print_line(fmt::format("{:8}  {}  {:11}  {}", match::formats::to_string(entry.value.method),
                                       entry.value.text(), match::formats::to_string(entry.state),
                                       printable(entry.note)));
            }
        }
        entries += page->entries.size();
        if (!page->next) break;
        cursor = *page->next;
    }
    if (entries == list->entries.total()) return kDone;
    const auto whole = (*lists)->verify(command.name);  // it may only have changed meanwhile
    return whole ? kDone : report(whole.error());
}

int run_list(Context& context, const ListAdd& command) {
    const auto values = values_of(command.hashes, method_of(command.method));
    if (!values) return report_usage(values.error());
    const auto lists = context.lists();
    if (!lists) return report(lists.error());
    const auto added = (*lists)->add(
        command.name, *values, context.who(), command.note.value_or(""), match::EntryState::active,
        [&](store::Writer& writer, const match::Added& made) {
            return note(context, writer, "list.added", command.name, entries_detail(made.added));
        });
    if (!added) return report(added.error());
    if (context.json()) {
        print_json(
            {{"list", to_utf8(command.name)}, {"added", added->added}, {"duplicate", added->duplicate}});
    } else {
        print_line(fmt::format("{}: {} added, {} there already", printable(command.name), added->added,
                               added->duplicate));
        say_photodna(static_cast<std::uint64_t>(
            std::ranges::count(*values, Method::photodna, [](const Value& value) { return value.method; })));
    }
    return kDone;
}

int run_list(Context& context, const ListDrop& command) {
    const auto lists = context.lists();
    if (!lists) return report(lists.error());
    const auto values = listed_values(**lists, command.name, command.hashes, method_of(command.method));
    if (!values) return report_typed(values.error());
    const auto dropped =
        (*lists)->drop(command.name, *values, [&](store::Writer& writer, const match::Dropped& gone) {
            return note(context, writer, "list.dropped", command.name, entries_detail(gone.dropped));
        });
    if (!dropped) return report(dropped.error());
    if (context.json()) {
        print_json(
            {{"list", to_utf8(command.name)}, {"dropped", dropped->dropped}, {"missing", dropped->missing}});
    } else {
        print_line(fmt::format("{}: {} dropped", printable(command.name), dropped->dropped));
    }
    return kDone;
}

int run_list(Context& context, const ListSet& command) {
    const auto lists = context.lists();
    if (!lists) return report(lists.error());
    const auto values = listed_values(**lists, command.name, {command.hash}, method_of(command.method));
    if (!values) return report_typed(values.error());
    const auto state = match::formats::parse_entry_state(command.state);
    const auto set = (*lists)->set(
        command.name, values->front(), state.value_or(match::EntryState::active), command.note, context.who(),
        [&](store::Writer& writer, const match::List& list) {
            return note(
                context, writer, "list.entry_set", list.name,
                audit::detail({{"entry", values->front().text().substr(0, 128)}, {"state", command.state}}));
        });
    if (!set) return report(set.error());
    const auto entry = (*lists)->entry(command.name, values->front());
    if (!entry) return report(entry.error());
    if (context.json() && entry->has_value()) {
        print_json(to_json(**entry));
    } else {
        print_line(
            fmt::format("{}: {} is {}", printable(command.name), values->front().text(), command.state));
    }
    return kDone;
}

}  // namespace rushlight::cli
