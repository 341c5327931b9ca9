// doctor: tries for real what a machine can lack, and says what to do about it.

#include "base/text.h"
#include "cli/commands.h"
#include "cli/output.h"

#include <filesystem>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace rushlight::cli {
namespace {

struct Finding {
    std::string what;
    bool well = false;
    std::string words;  // what was found; where it is not well, what to do
};

Finding look_at_kernel() {
    const sandbox::Kernel kernel = sandbox::probe_kernel();
    const bool contained = kernel.seccomp || kernel.landlock_abi > 0;
    return {
        "sandbox", contained,
        kernel.describe() +
            (contained
                 ? ""
                 : "; use a kernel with seccomp or landlock, or accept the risk with --allow-weak-sandbox")};
}

// A two by two picture, through the whole way that every upload goes.
Finding look_at_decoder(Context& context) {
    constexpr std::string_view kBitmap =
        "Qk1GAAAAAAAAADYAAAAoAAAAAgAAAAIAAAABABgAAAAAABAAAAATCwAAEwsAAAAAAAAAAAAA////AAAAAAAA////AAA=";
    const auto fingerprinter = context.fingerprinter();
    if (!fingerprinter) return {"decoding", false, fingerprinter.error().message};
    const auto bytes = parse_base64(kBitmap);
    if (!bytes) return {"decoding", false, "its test picture is broken"};
    const auto content = Content::from_bytes(*bytes);
    if (!content) return {"decoding", false, content.error().message};
    const auto fingerprint =
        (*fingerprinter)->fingerprint(*content, "doctor", {.exact = true, .dihedral = false});
    if (fingerprint.problem) {
        return {"decoding", false,
                fmt::format("a test picture could not be read ({}): build again with ./run --build",
                            fingerprint.problem->message)};
    }
    return {"decoding", fingerprint.pdq.has_value(), "a test picture was read in the sandbox"};
}

Finding look_at_store(Context& context) {
    const auto lists = context.lists();
    if (!lists) return {"store", false, lists.error().message};
    const auto all = (*lists)->all();
    if (!all) return {"store", false, all.error().message};
    if (const auto whole = (*context.store())->check_integrity(); !whole)
        return {"store", false, whole.error().message};
    std::uint64_t entries = 0;
    for (const match::List& list : *all) {
        if (const auto whole = (*lists)->verify(list.name); !whole)
            return {"store", false, whole.error().message};
        entries += list.entries.total();
    }
    return {"store", true,
            fmt::format("{} is whole; it holds {} hash lists with {} entries", (*context.store())->where(),
                        all->size(), entries)};
}

Finding look_at_disk(const Context& context) {
    constexpr std::uintmax_t kLittle = std::uintmax_t{1} << 30;
    std::error_code error;
    const auto space = std::filesystem::space(context.config().data, error);
    if (error) return {"disk", false, "cannot look at " + context.config().data + ": " + error.message()};
    const bool enough = space.available >= kLittle;
    return {"disk", enough,
            fmt::format("{:.1f} GB free for {}{}", static_cast<double>(space.available) / 1e9,
                        context.config().data,
                        enough ? "" : "; make room: a scan stops when results can't be stored")};
}

Finding look_at_clock() {
    const Time now = system_clock().now();
    const bool sane = now >= Time::parse("2026-01-01T00:00:00Z").value_or(Time{});
    return {
        "clock", sane,
        now.rfc3339() + (sane ? "" : " is long ago: set the clock (systemd-timesyncd does it by itself)")};
}

}  // namespace

int run_doctor(Context& context) {
    bool all_well = true;
    for (const Finding& finding : {look_at_kernel(), look_at_decoder(context), look_at_store(context),
                                   look_at_disk(context), look_at_clock()}) {
        all_well = all_well && finding.well;
        if (context.json()) {
            print_json({{"check", finding.what}, {"ok", finding.well}, {"message", to_utf8(finding.words)}});
        } else {
            const auto mark = finding.well ? toned("well ", Tone::good, wants_colour(1))
                                           : toned("wrong", Tone::bad, wants_colour(1));
            print_line(fmt::format("{}  {:9}  {}", mark, finding.what, printable(finding.words)));
        }
    }
    return all_well ? kDone : kSo;
}

}  // namespace rushlight::cli
