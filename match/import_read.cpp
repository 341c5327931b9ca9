#include "match/import_read.h"

#include <algorithm>

#include <sys/stat.h>
#include <unistd.h>

namespace rushlight::match {
namespace {

// How many values there will be, by how much of the file those so far took; none where it has no size.
class Expected {
  public:
    explicit Expected(int fd) : fd_(fd), begin_(::lseek(fd, 0, SEEK_CUR)) {
        struct stat status{};
        if (begin_ >= 0 && ::fstat(fd, &status) == 0 && S_ISREG(status.st_mode)) end_ = status.st_size;
    }
    std::optional<std::uint64_t> values(std::uint64_t so_far) const {
        const off_t at = ::lseek(fd_, 0, SEEK_CUR);
        if (end_ <= begin_ || at <= begin_) return std::nullopt;
        const double share = static_cast<double>(at - begin_) / static_cast<double>(end_ - begin_);
        return std::max(so_far, static_cast<std::uint64_t>(static_cast<double>(so_far) / share));
    }

  private:
    int fd_;
    off_t begin_;
    off_t end_ = 0;
};

}  // namespace

Status read_into(int fd, const ImportOptions& options, Sorter& sorter, ImportReport& report) {
    const Expected expected(fd);
    const formats::ReadSink sink{[&](const formats::Item& item) -> Status {
                                     ++report.read;
                                     if (item.method == Method::photodna) ++report.photodna;
                                     if (report.read % kProgressEvery == 0 && options.progress) {
                                         const ImportProgress progress{.step = ImportProgress::Step::reading,
                                                                       .done = report.read,
                                                                       .total = expected.values(report.read)};
                                         if (!options.progress(progress)) return stopped();
                                     }
                                     return sorter.add(item, item.state.value_or(options.state));
                                 },
                                 [&](std::uint64_t line, std::string reason) {
                                     ++report.bad_lines;
                                     if (report.bad.size() < kMaxBadLines)
                                         report.bad.push_back({line, std::move(reason)});
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

Status stopped() { return fail(ErrorCode::cancelled, "the import was stopped; nothing has changed"); }

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
