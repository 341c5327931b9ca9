#include "base/text.h"
#include "check/check.h"
#include "cli/commands.h"
#include "cli/output.h"

#include <deque>
#include <filesystem>
#include <future>
#include <thread>

#include <nlohmann/json.hpp>

namespace rushlight::cli {
namespace {

using media::Fingerprint;
using nlohmann::ordered_json;

struct Hashed {
    Fingerprint fingerprint;
    bool missing = false;  // there is nothing of that name
};

Hashed fingerprint_of(const media::Fingerprinter& fingerprinter, const std::string& path, bool dihedral) {
    const auto content = Content::open(path);
    if (content) return {fingerprinter.fingerprint(*content, "hash", {.exact = true, .dihedral = dihedral})};
    Hashed nothing;
    std::error_code ignored;
    const bool folder = std::filesystem::is_directory(path, ignored);
    nothing.fingerprint.problem = Problem{
        Reason::denied, folder ? "a folder: `rushlight scan` goes through folders" : content.error().message};
    nothing.missing = content.error().code == ErrorCode::not_found;
    return nothing;
}

ordered_json to_json(const std::string& path, const Fingerprint& fingerprint) {
    ordered_json line{{"path", to_utf8(path)}};
    if (!is_utf8(path)) line["path_b64"] = to_base64(bytes_of(path));
    if (fingerprint.exact) {
        line["type"] = fingerprint.type.mime;
        line["bytes"] = fingerprint.bytes;
    }
    if (fingerprint.width && fingerprint.height) {
        line["width"] = *fingerprint.width;
        line["height"] = *fingerprint.height;
    }
    if (fingerprint.exact) {
        line["md5"] = fingerprint.exact->md5.hex();
        line["sha1"] = fingerprint.exact->sha1.hex();
        line["sha256"] = fingerprint.exact->sha256.hex();
    }
    if (fingerprint.pdq) line["pdq"] = fingerprint.pdq->hex();
    if (fingerprint.quality) line["quality"] = *fingerprint.quality;
    if (fingerprint.dihedral) {
        for (const Pdq& hash : *fingerprint.dihedral) line["pdq_dihedral"].push_back(hash.hex());
    }
    for (const media::Frame& frame : fingerprint.frames) {
        line["frames"].push_back({{"frame", frame.frame},
                                  {"seconds", frame.seconds},
                                  {"pdq", frame.pdq.hex()},
                                  {"quality", frame.quality}});
    }
    if (fingerprint.problem) {
        line["error"] = {{"code", to_string(fingerprint.problem->reason)},
                         {"message", to_utf8(fingerprint.problem->message)}};
    }
    return line;
}

std::vector<Table::Cell> to_row(const std::string& path, const Fingerprint& fingerprint) {
    std::string size;
    if (fingerprint.width && fingerprint.height) {
        size = std::to_string(*fingerprint.width) + "×" + std::to_string(*fingerprint.height);
    }
    std::string pdq = fingerprint.pdq ? fingerprint.pdq->hex() : "";
    if (!fingerprint.frames.empty() && !fingerprint.pdq)
        pdq = std::to_string(fingerprint.frames.size()) + " frames";
    if (fingerprint.problem) {
        pdq = std::string(to_string(fingerprint.problem->reason)) + ": " +
              printable(fingerprint.problem->message);
    }
    return {{printable(path)},
            {fingerprint.exact ? std::string(fingerprint.type.mime) : ""},  // what was not read has no type
            {std::move(size)},
            {fingerprint.quality ? std::to_string(*fingerprint.quality) : ""},
            {std::move(pdq), fingerprint.problem ? Tone::warn : Tone::plain}};
}

// The file's name, 64 digits and what stands between them.
constexpr std::size_t kTableColumns = 120;

// For a screen too narrow for the table: broken by the terminal, nobody could copy a hash from it.
void print_block(const std::vector<Table::Cell>& row) {
    std::string about;
    for (const std::size_t i : {1, 2, 3}) {
        if (row[i].text.empty()) continue;
        about += (about.empty() ? "  " : ", ") + std::string(i == 3 ? "quality " : "") + row[i].text;
    }
    print_line(row[0].text);
    print_line(toned(about, Tone::quiet, wants_colour(STDOUT_FILENO)));
    if (!row[4].text.empty()) print_line("  " + toned(row[4].text, row[4].tone, wants_colour(STDOUT_FILENO)));
}

}  // namespace

int run_hash(Context& context, const HashCommand& command) {
    const auto fingerprinter = context.fingerprinter();
    if (!fingerprinter) return report(fingerprinter.error());
    Table table({"file", "type", "size", "quality", "PDQ"}, 0);
    const bool narrow =
        is_terminal(STDOUT_FILENO) && std::cmp_less(terminal_columns(STDOUT_FILENO), kTableColumns);
    ProgressBar bar("fingerprinting", !context.json());

    // Read ahead on all cores, printed in the order of the arguments.
    const std::size_t ahead = 2 * std::max(1u, std::thread::hardware_concurrency());
    std::deque<std::future<Hashed>> under_way;
    std::vector<std::string> missing;
    std::size_t next = 0;
    for (std::size_t i = 0; i < command.paths.size(); ++i) {
        for (; next < command.paths.size() && next < i + ahead; ++next) {
            under_way.push_back(std::async(std::launch::async, fingerprint_of, std::cref(**fingerprinter),
                                           std::cref(command.paths[next]), command.dihedral));
        }
        const auto [fingerprint, is_missing] = under_way.front().get();
        under_way.pop_front();
        if (is_missing) missing.push_back(command.paths[i]);
        if (context.json()) {
            print_json(to_json(command.paths[i], fingerprint));
        } else {
            auto row = to_row(command.paths[i], fingerprint);
            if (narrow) {
                bar.clear();
                print_block(row);
            } else {
                table.add(std::move(row));
            }
            bar.update(i + 1, command.paths.size());
        }
    }
    bar.clear();
    if (!context.json() && !narrow) table.print();
    for (const std::string& path : missing)
        (void)report({ErrorCode::not_found, "there is no file called " + printable(path)});
    return missing.empty() ? kDone : kFailed;
}

}  // namespace rushlight::cli
