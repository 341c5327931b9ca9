// doctor: what is installed, by using it.
#include "archive/archive.h"
#include "base/bytes.h"
#include "cli/doctor.h"
#include "cli/doctor_samples.h"

#include <string>
#include <vector>

#include <fmt/format.h>

namespace rushlight::cli {
namespace {

constexpr std::string_view kBuild =
    "install the run-time packages and build again: `./run --build` names and makes what is missing";

std::string joined(const std::vector<std::string>& words) {
    std::string text;
    for (const std::string& word : words) text += (text.empty() ? "" : ", ") + word;
    return text;
}

Result<Content> content_of(std::string_view base64) {
    const auto bytes = parse_base64(base64);
    if (!bytes) return fail(ErrorCode::corrupt, "doctor's own sample is broken");
    return Content::from_bytes(*bytes);
}

}  // namespace

Finding look_at_programs() {
    std::string found;
    for (const char* name : {"decode", "decode-all"}) {
        const auto program = Context::program(name);
        if (!program) return Finding::wrong("programs", program.error().message, std::string(kBuild));
        found += (found.empty() ? "" : " and ") + *program;
    }
    return Finding::well("programs", found);
}

// One picture of each format, through the sandbox, the whole way that every upload goes.
Finding look_at_formats(Context& context) {
    const auto fingerprinter = context.fingerprinter();
    if (!fingerprinter) return Finding::wrong("formats", fingerprinter.error().message, std::string(kBuild));
    std::vector<std::string> read;
    std::vector<std::string> not_read;
    for (const Sample& sample : samples()) {
        const auto content = content_of(sample.base64);
        if (!content) return Finding::wrong("formats", content.error().message, std::string(kBuild));
        const auto fingerprint =
            (*fingerprinter)->fingerprint(*content, "doctor", {.exact = true, .dihedral = false});
        if (fingerprint.pdq || !fingerprint.frames.empty()) {
            read.emplace_back(sample.format);
        } else {
            not_read.push_back(fmt::format("{} ({})", sample.format,
                                           fingerprint.problem ? fingerprint.problem->message : "no hash"));
        }
    }
    if (not_read.empty()) return Finding::well("formats", "read in the sandbox: " + joined(read));
    return Finding::wrong(
        "formats", (read.empty() ? "" : "read: " + joined(read) + "; ") + "not read: " + joined(not_read),
        std::string(kBuild));
}

Finding look_at_archives(Context& context) {
    const auto pool = context.pool();
    if (!pool) return Finding::wrong("archives", pool.error().message, std::string(kBuild));
    const auto content = content_of(zip_sample());
    if (!content) return Finding::wrong("archives", content.error().message, std::string(kBuild));
    archive::Budget budget{.limits = {}, .packed = content->size()};
    auto reader = archive::Reader::open(**pool, *content, budget, "doctor");
    if (!reader) return Finding::wrong("archives", reader.error().message, std::string(kBuild));
    const auto member = reader->next();
    if (!member) return Finding::wrong("archives", member.error().message, std::string(kBuild));
    if (!*member || !(*member)->content)
        return Finding::wrong("archives", "a zip was opened, and its one member was not found",
                              std::string(kBuild));
    return Finding::well("archives", "a zip was opened in the sandbox, and its member unpacked");
}

Finding look_at_console() {
    const std::string console = Context::console();
    if (!console.empty()) return Finding::well("console", console);
    return Finding::wrong("console", "not built: the API works, and people have no pages",
                          "build it with `./run --build`, where Node 18 or newer is (Debian: nodejs, npm)");
}

}  // namespace rushlight::cli
