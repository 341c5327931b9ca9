// The commands: each translates what was asked into calls of a room's door, and the answer into lines. No
// logic here.
#pragma once

#include "cli/cli.h"
#include "cli/context.h"
#include "cli/parse.h"

namespace rushlight::cli {

// Each returns the exit status.
int run_hash(Context& context, const HashCommand& command);
int run_match(Context& context, const MatchCommand& command);
int run_scan(Context& context, const ScanCommand& command);
int run_list(Context& context, const ListCreate& command);
int run_list(Context& context, const ListImport& command);
int run_list(Context& context, const ListExport& command);
int run_list(Context& context, const ListShow& command);
int run_list(Context& context, const ListRemove& command);
int run_list(Context& context, const ListEntries& command);
int run_list(Context& context, const ListAdd& command);
int run_list(Context& context, const ListDrop& command);
int run_list(Context& context, const ListSet& command);
int run_audit(Context& context, const AuditVerify& command);
int run_audit(Context& context, const AuditExport& command);
int run_account(Context& context, const AccountCreate& command);
int run_account(Context& context, const AccountReset& command);
int run_key(Context& context, const KeyCreate& command);
int run_key(Context& context, const KeyList& command);
int run_key(Context& context, const KeyRevoke& command);
int run_vault(Context& context, const VaultNewKey& command);
int run_serve(Context& context, const ServeCommand& command, const Services& services);
int run_backup(Context& context, const BackupCommand& command);
int run_restore(Context& context, const RestoreCommand& command);
int run_doctor(Context& context, const Services& services);
int run_practice(const Common& common, const PracticeCommand& command, const Services& services);
int run_link(const Common& common, const LinkCommand& command);
int run_receipt(const Common& common, const ReceiptVerify& command);
int run_config_check(const Common& common);

}  // namespace rushlight::cli
