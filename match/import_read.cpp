#include "match/import_read.h"

namespace rushlight::match {
namespace {

constexpr std::uint64_t kProgressEvery = 65'536;

}  // namespace

Status read_into(int fd, const ImportOptions& options, Sorter& sorter, ImportReport& report) {
    const formats::ReadSink sink{
        [&](const formats::Item& item) -> Status {
            ++report.read;
            if (item.method == Method::photodna) ++report.photodna;
            if (report.read % kProgressEvery == 0 && options.progress && !options.progress(report.read)) {
                return fail(ErrorCode::cancelled, "the import was stopped; nothing has changed");
            }
            return sorter.add(item, item.state.value_or(options.state));
        },
        [&](std::uint64_t line, std::string reason) {
            ++report.bad_lines;
            if (report.bad.size() < kMaxBadLines) report.bad.push_back({line, std::move(reason)});
        }};
    auto format = formats::read_list(fd, {options.format, options.method}, sink);
    if (!format) return pass(format.error());
    report.format = to_string(*format);
    if (report.read == 0 && report.bad_lines > 0) {
        return fail(ErrorCode::invalid, "no line of it could be read as " + report.format + "; line " +
                                            std::to_string(report.bad.front().line) + ": " +
                                            report.bad.front().reason);
    }
    return {};
}

Result<Method> decide_undecided(Sorter& sorter, std::optional<Method> fallback) {
    if (sorter.undecided() == 0) return Method::sha256;
    const auto& evidence = sorter.evidence();
    if (const auto told = evidence.verdict()) return *told;
    if (fallback) return *fallback;
    return fail(ErrorCode::invalid,
                std::to_string(sorter.undecided()) +
                    (sorter.undecided() == 1 ? " value of 64 digits can be SHA-256 or PDQ, and "
                                             : " values of 64 digits can be SHA-256 or PDQ, and ") +
                    (evidence.seen() < 50 ? "so few do" : "they look like a mixture, which does") +
                    " not tell which: say --method sha256 or --method pdq. Nothing was imported");
}

}  // namespace rushlight::match
