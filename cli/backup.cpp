#include "backup/backup.h"

#include "base/text.h"
#include "cli/commands.h"
#include "cli/output.h"

#include <optional>
#include <string>

#include <fmt/format.h>
#include <nlohmann/json.hpp>
#include <unistd.h>

namespace rushlight::cli {
namespace {

// One bar for each part of the work.
class Bars {
  public:
    explicit Bars(bool enabled) : enabled_(enabled) {}
    backup::Progress progress() {
        return [this](const char* what, std::uint64_t done, std::uint64_t total) {
            if (what != what_) bar_.emplace(what, enabled_);
            what_ = what;
            bar_->update(done, total > 0 ? std::optional(total) : std::nullopt);
        };
    }
    void clear() { bar_.reset(); }

  private:
    bool enabled_;
    std::string what_;
    std::optional<ProgressBar> bar_;
};

const char* word_of(backup::Keys keys) {
    switch (keys) {
        case backup::Keys::in_the_clear:
            return "included";
        case backup::Keys::under_passphrase:
            return "under_passphrase";
        case backup::Keys::left_out:
            break;
    }
    return "left_out";
}

std::string megabytes(std::uint64_t bytes) {
    return fmt::format("{:.1f} MB", static_cast<double>(bytes) / 1e6);
}

void say_about_keys(backup::Keys keys, const std::string& data) {
    const std::string file = data + "/keys/rushlight.key";
    switch (keys) {
        case backup::Keys::in_the_clear:
            print_line(
                "The keys are in it: whoever gets this file can read all that is sealed. Keep it as "
                "you keep '" +
                file + "', or encrypt it before it leaves this machine.");
            break;
        case backup::Keys::under_passphrase:
            print_line(
                "The keys are in it, under their passphrase: without that, what is sealed stays closed. "
                "Keep the passphrase elsewhere.");
            break;
        case backup::Keys::left_out:
            print_line(
                "The keys are NOT in it. Keep a copy of '" + file +
                "' elsewhere: without it second factors, signing keys, webhook secrets and held files of "
                "this backup are lost.");
    }
}

}  // namespace

int run_backup(Context& context, const BackupCommand& command) {
    const auto store = context.store();
    if (!store) return report(store.error());
    Bars bars(!context.json());
    const auto made = backup::back_up(**store, {.data = context.config().data,
                                                .file = command.file,
                                                .program = version_line(),
                                                .keys = !command.without_keys,
                                                .force = command.force,
                                                .now = system_clock().now(),
                                                .progress = bars.progress()});
    bars.clear();
    if (!made) return report(made.error());
    if (context.json()) {
        print_json({{"file", to_utf8(command.file)},
                    {"bytes", made->bytes},
                    {"sha256", made->sha256},
                    {"schema", made->schema},
                    {"keys", word_of(made->keys)},
                    {"tables", made->tables},
                    {"rows", made->rows},
                    {"held", made->held},
                    {"held_elsewhere", made->held_elsewhere},
                    {"held_gone", made->held_gone},
                    {"private", made->is_private}});
        return kDone;
    }
    print_line(fmt::format("Backed up to '{}': {}, {} rows of {} tables, {} held files, rushlight.toml.",
                           printable(command.file), megabytes(made->bytes),
                           grouped(static_cast<std::uint64_t>(made->rows)), made->tables, made->held));
    say_about_keys(made->keys, context.config().data);
    if (made->held_elsewhere > 0)
        print_line(fmt::format("{} held files lie on other machines: back those up there, too.",
                               made->held_elsewhere));
    if (!made->is_private)
        print_line("This disk cannot keep others from reading the file: whoever gets at the disk can.");
    return kDone;
}

int run_restore(Context& context, const RestoreCommand& command) {
    const auto sealer = context.sealer_options();
    if (!sealer) return report(sealer.error());
    Bars bars(!context.json());
    const auto done = backup::restore({.data = context.config().data,
                                       .store = context.config().store,
                                       .schemas = context.schemas(),
                                       .file = command.file,
                                       .program = version_line(),
                                       .who = context.who_in_audit(),
                                       .passphrase = sealer->passphrase,
                                       .force = command.force,
                                       .without_keys = command.without_keys,
                                       .now = system_clock().now(),
                                       .progress = bars.progress()});
    bars.clear();
    if (!done) return report(done.error());
    if (context.json()) {
        nlohmann::ordered_json line{{"file", to_utf8(command.file)},
                                    {"made_at", done->about.made.rfc3339()},
                                    {"made_from", done->about.made_from},
                                    {"sha256", done->about.sha256},
                                    {"rows", done->rows},
                                    {"keys", done->keys.empty() ? "left_out" : done->keys},
                                    {"held", done->held},
                                    {"held_destroyed", done->held_destroyed},
                                    {"held_missing", done->held_missing},
                                    {"audit_entry", done->audit_entry},
                                    {"kept", nullptr}};
        if (!done->kept.empty()) line["kept"] = to_utf8(done->kept);
        line["words"] = done->words;
        print_json(line);
        return kDone;
    }
    print_line(
        fmt::format("Restored the state of {}: {} rows, {} held files. The audit log says so in entry {}.",
                    done->about.made.rfc3339(), grouped(static_cast<std::uint64_t>(done->rows)), done->held,
                    done->audit_entry));
    if (!done->keys.empty()) print_line("Keys: " + done->keys + ".");
    if (done->held_destroyed > 0)
        print_line(fmt::format("{} held files were destroyed since the backup, and stay destroyed.",
                               done->held_destroyed));
    for (const std::string& words : done->words) print_line(words);
    print_line("A server that runs takes this over within a second or two, by itself.");
    return kDone;
}

}  // namespace rushlight::cli
