#include "audit/verify.h"

#include "audit/audit_store.h"
#include "audit/chain.h"
#include "audit/line_reader.h"
#include "audit/lines.h"
#include "base/digest.h"

namespace rushlight::audit {
namespace {

constexpr int kStretch = 1000;  // entries in memory at once

// One line after the other of an export.
class ExportCheck {
  public:
    explicit ExportCheck(std::span<const PublicKey> keys) : keys_(keys), chain_(1, keys) {}

    bool good() const { return chain_.good(); }
    void take(std::string_view text);
    void take_end(LineReader::Next how);
    Verdict verdict() const { return chain_.verdict(); }

  private:
    void use(const Header& header);
    void use(const Entry& entry);
    void use(const Checkpoint& checkpoint);
    void use(const Footer& footer);
    bool expects_entries() const { return chain_.next() < header_->first + header_->entries; }
    // What is wrong lies at the entry that should come next; none where all entries were there.
    void fail(std::string problem) {
        chain_.fail(!header_ || expects_entries() ? std::optional(chain_.next()) : std::nullopt,
                    std::move(problem));
    }

    std::span<const PublicKey> keys_;
    ChainCheck chain_;
    std::optional<Header> header_;
    std::int64_t checkpoints_ = 0;
    bool ended_ = false;
    std::int64_t line_ = 0;
    Digest digest_;
};

void ExportCheck::take(std::string_view text) {
    ++line_;
    const auto line = parse_line(text);
    if (ended_) return fail("something stands behind the end of the export");
    if (!line) return fail("line " + std::to_string(line_) + " is no line of an audit export");
    std::visit([this](const auto& one) { use(one); }, *line);
    digest_.add(bytes_of(text));
    digest_.add(bytes_of("\n"));
}

void ExportCheck::use(const Header& header) {
    if (header_) return fail("line " + std::to_string(line_) + " is a second header");
    if (header.first < 1 || header.entries < 0 || header.checkpoints < 0 ||
        header.entries > INT64_MAX - header.first || (header.entries == 0 && header.first != 1))
        return fail("the header promises an impossible number of entries");
    header_ = header;
    chain_ = ChainCheck(header.first, keys_);
}

void ExportCheck::use(const Entry& entry) {
    if (!header_) return fail("the header is missing");
    if (!expects_entries()) return fail("there are more entries than the header promises");
    if (entry.number == 1 && entry.previous != kNoDigest)
        return fail("entry 1 names one before it, though it is the first");
    chain_.take(entry);
}

void ExportCheck::use(const Checkpoint& checkpoint) {
    if (!header_) return fail("the header is missing");
    ++checkpoints_;
    chain_.take(checkpoint);
}

void ExportCheck::use(const Footer& footer) {
    if (!header_) return fail("the header is missing");
    if (expects_entries())
        return fail("entry " + std::to_string(chain_.next()) + " is missing: the export ends before it");
    if (checkpoints_ != header_->checkpoints)
        return fail("the header promises " + std::to_string(header_->checkpoints) +
                    " checkpoints, and there are " + std::to_string(checkpoints_));
    if (footer.digest != digest_.finish())
        return fail("the file's own digest is another one: its header or its end was changed");
    ended_ = true;
}

void ExportCheck::take_end(LineReader::Next how) {
    if (how == LineReader::Next::too_long)
        return fail("line " + std::to_string(line_ + 1) + " is longer than any line of an audit export");
    if (how == LineReader::Next::cut) return fail("the last line is cut: the export is truncated");
    if (!header_) return fail("the file is empty");
    if (!ended_) return fail("the export is truncated: its last line is missing");
}

}  // namespace

Result<Verdict> verify(store::Store& store, std::span<const PublicKey> keys) {
    const auto end = read_end(store, 1);
    if (!end) return pass(end.error());
    ChainCheck chain(1, keys);
    while (chain.good() && chain.next() <= end->number) {
        const auto stretch = read_stretch(store, chain.next(), end->number, end->last_checkpoint, kStretch);
        if (!stretch) return pass(stretch.error());
        auto checkpoint = stretch->checkpoints.begin();
        const auto last = stretch->checkpoints.end();
        for (const Entry& entry : stretch->entries) {
            if (!chain.take(entry)) break;
            for (; checkpoint != last && checkpoint->number <= entry.number; ++checkpoint)
                chain.take(*checkpoint);
        }
        if (stretch->entries.empty()) break;
    }
    if (chain.good() && chain.next() <= end->number)
        chain.fail(chain.next(), "entry " + std::to_string(chain.next()) +
                                     " is missing: the log was cut, it once ended with " +
                                     std::to_string(end->number));
    if (chain.good() && end->last_checkpoint > end->number)
        chain.fail(chain.next(), "entry " + std::to_string(chain.next()) +
                                     " is missing: a checkpoint was signed at entry " +
                                     std::to_string(end->last_checkpoint));
    if (chain.good() && end->last_row > end->number)
        chain.fail(chain.next(), "entry " + std::to_string(end->last_row) +
                                     " stands behind the log's end: it was not written by Rushlight");
    if (chain.good() && end->digest != chain.end())
        chain.fail(end->number, "the log's end does not fit its last entry: that was changed");
    return chain.verdict();
}

Result<Verdict> verify_export(int fd, std::span<const PublicKey> keys) {
    LineReader reader(fd, kMostLine);
    ExportCheck check(keys);
    while (check.good()) {
        const auto next = reader.next();
        if (!next) return pass(next.error());
        if (*next != LineReader::Next::line) {
            check.take_end(*next);
            break;
        }
        check.take(reader.line());
    }
    return check.verdict();
}

}  // namespace rushlight::audit
