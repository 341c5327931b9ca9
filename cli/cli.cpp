#include "cli/cli.h"

#include "cli/commands.h"
#include "cli/output.h"
#include "cli/parse.h"
#include "cli/process_limits.h"

#include <type_traits>
#include <variant>

#include <fcntl.h>
#include <nlohmann/json.hpp>
#include <unistd.h>

namespace rushlight::cli {
namespace {

struct Runner {
    const Common& common;
    const Services& services;

    int operator()(const ConfigCheck&) const { return run_config_check(common); }
    int operator()(const ReceiptVerify& command) const { return run_receipt(common, command); }
    int operator()(const PracticeCommand& command) const { return run_practice(common, command, services); }
    int operator()(const LinkCommand& command) const { return run_link(common, command); }
    int operator()(const Completion& command) const {
        print_line(completion_script(command.shell));
        return kDone;
    }
    int operator()(const Version&) const {
        if (common.json) {
            print_json({{"version", std::string(version_line().substr(std::string("rushlight ").size()))}});
        } else {
            print_line(version_line());
        }
        return kDone;
    }
    // All others need the parts.
    int operator()(const auto& command) const {
        auto context = Context::create(common, services.schemas);
        if (!context) return report(context.error());
        using C = std::decay_t<decltype(command)>;
        if constexpr (std::is_same_v<C, HashCommand>) {
            return run_hash(*context, command);
        } else if constexpr (std::is_same_v<C, MatchCommand>) {
            return run_match(*context, command);
        } else if constexpr (std::is_same_v<C, ScanCommand>) {
            return run_scan(*context, command);
        } else if constexpr (std::is_same_v<C, AuditVerify> || std::is_same_v<C, AuditExport>) {
            return run_audit(*context, command);
        } else if constexpr (std::is_same_v<C, AccountCreate> || std::is_same_v<C, AccountReset>) {
            return run_account(*context, command);
        } else if constexpr (std::is_same_v<C, KeyCreate> || std::is_same_v<C, KeyList> ||
                             std::is_same_v<C, KeyRevoke>) {
            return run_key(*context, command);
        } else if constexpr (std::is_same_v<C, VaultNewKey>) {
            return run_vault(*context, command);
        } else if constexpr (std::is_same_v<C, ServeCommand>) {
            return run_serve(*context, command, services);
        } else if constexpr (std::is_same_v<C, BackupCommand>) {
            return run_backup(*context, command);
        } else if constexpr (std::is_same_v<C, RestoreCommand>) {
            return run_restore(*context, command);
        } else if constexpr (std::is_same_v<C, Doctor>) {
            return run_doctor(*context, services);
        } else {
            return run_list(*context, command);
        }
    }
};

// Where we were started with stdin, stdout or stderr closed, the next file that is opened would get its
// number, and be printed into. Opened for reading only, what is printed fails as it should.
void keep_standard_descriptors() {
    for (;;) {
        const int fd = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
        if (fd > STDERR_FILENO) ::close(fd);
        if (fd < 0 || fd > STDERR_FILENO) return;
    }
}

int parse_and_run(int argc, const char* const* argv, const Services& services) {
    const auto parsed = parse(argc, argv);
    if (const int* status = std::get_if<int>(&parsed)) return *status;
    const auto& [common, command] = std::get<Parsed>(parsed);
    return std::visit(Runner{common, services}, command);
}

}  // namespace

int main(int argc, const char* const* argv, const Services& services) {
    keep_standard_descriptors();
    end_core_dumps();
    const int status = parse_and_run(argc, argv, services);
    // Results that nobody got are no success.
    if (const auto all = printed(); !all && status != kFailed) return report(all.error());
    return status;
}

}  // namespace rushlight::cli
