#include "audit/audit.h"

#include "audit/verify.h"
#include "base/fd.h"
#include "base/text.h"
#include "cli/commands.h"
#include "cli/output.h"
#include "cli/public_keys.h"

#include <filesystem>

#include <fcntl.h>
#include <fmt/format.h>
#include <nlohmann/json.hpp>
#include <unistd.h>

namespace rushlight::cli {
namespace {

Result<audit::Verdict> verdict_of(Context& context, const AuditVerify& command,
                                  const std::vector<audit::PublicKey>& keys) {
    if (!command.file) {
        const auto store = context.store();
        if (!store) return pass(store.error());
        return audit::verify(**store, keys);
    }
    const Fd file(*command.file == "-" ? ::dup(STDIN_FILENO)
                                       : ::open(command.file->c_str(), O_RDONLY | O_CLOEXEC));
    if (!file) return fail_errno("cannot open '" + printable(*command.file) + "'");
    return audit::verify_export(file.get(), keys);
}

}  // namespace

int run_audit(Context& context, const AuditVerify& command) {
    const auto keys = public_keys(command.key);
    if (!keys) return report(keys.error());
    const auto verdict = verdict_of(context, command, *keys);
    if (!verdict) return report(verdict.error());
    if (context.json()) {
        nlohmann::ordered_json line{{"entries", verdict->entries},
                                    {"ok", verdict->ok},
                                    {"first_bad", nullptr},
                                    {"checkpoints", verdict->checkpoints},
                                    {"covered", verdict->covered}};
        if (verdict->first_bad) line["first_bad"] = *verdict->first_bad;
        if (!verdict->ok) line["problem"] = to_utf8(verdict->problem);
        print_json(line);
    } else if (verdict->ok) {
        print_line(fmt::format("Whole: {} entries, {} checkpoints, signed up to entry {}.",
                               grouped(verdict->entries), grouped(verdict->checkpoints),
                               grouped(verdict->covered)));
        if (keys->empty() && verdict->checkpoints > 0)
            print_line(
                "Who signed was not looked at: say --key with the public key that you keep elsewhere.");
    } else {
        print_line(fmt::format("BROKEN: {}. {} entries before that are whole.", printable(verdict->problem),
                               grouped(verdict->entries)));
    }
    return verdict->ok ? kDone : kSo;
}

int run_audit(Context& context, const AuditExport& command) {
    const auto store = context.store();
    if (!store) return report(store.error());
    const Time now = system_clock().now();
    const auto sealer = context.sealer();
    if (!sealer) return report(sealer.error());
    const auto key = (*sealer)->signing_key(**store, "audit", now);
    if (!key) return report(key.error());
    if (auto signed_end = audit::make_checkpoint(**store, *key, now); !signed_end)
        return report(signed_end.error());
    const auto exported = audit::export_to(
        **store,
        [](std::string_view piece) { return write_all(STDOUT_FILENO, bytes_of(piece), "standard output"); },
        now, command.from.value_or(1));
    return exported ? kDone : report(exported.error());
}

}  // namespace rushlight::cli
