#include "check/receipt.h"

#include "base/content.h"
#include "base/text.h"
#include "cli/commands.h"
#include "cli/output.h"
#include "cli/public_keys.h"

#include <nlohmann/json.hpp>

namespace rushlight::cli {

int run_receipt(const Common& common, const ReceiptVerify& command) {
    const auto keys = public_keys(command.key);
    if (!keys) return report(keys.error());
    const auto content = Content::open(command.file);
    if (!content) return report(content.error());
    std::string text(std::min<std::uint64_t>(content->size(), check::kMaxReceiptBytes + 1), '\0');
    const auto got = content->read_at(0, std::as_writable_bytes(std::span(text)));
    if (!got) return report(got.error());
    text.resize(*got);
    const check::ReceiptVerdict verdict = check::verify_receipt(text, *keys);
    if (common.json) {
        nlohmann::ordered_json line{{"ok", verdict.ok}};
        if (!verdict.ok) line["why"] = verdict.why;
        if (verdict.ok) {
            line["id"] = verdict.id;
            line["at"] = verdict.at;
            line["decision"] = verdict.decision;
            line["action"] = verdict.action;
            line["key"] = verdict.key->hex();
        }
        print_json(line);
    } else if (verdict.ok) {
        print_line("The receipt is good: check " + printable(verdict.id) + " of " + printable(verdict.at) +
                   " was " + printable(verdict.decision) + ", and the answer was " +
                   printable(verdict.action) + ".");
        if (!command.key) {
            print_line("It is signed by the key " + verdict.key->hex() +
                       ". Whether that key is the operator's only they can tell: give theirs with --key.");
        }
    } else {
        print_line("The receipt is not good: " + verdict.why + ".");
    }
    return verdict.ok ? kDone : kSo;
}

}  // namespace rushlight::cli
