#include "archive/unpack/warc.h"

#include "archive/unpack/http_body.h"
#include "base/text.h"

#include <algorithm>
#include <utility>

namespace rushlight::archive::unpack {
namespace {

constexpr std::string_view kMagic = "WARC/";
constexpr std::string_view kRecordEnd = "\r\n\r\n";
constexpr std::uint64_t kBodyRatio = 200;  // one body's codings; a page that is a bomb must not end the WARC
constexpr std::uint64_t kBodyFloor = 8 << 20;

struct Record {
    std::string type;
    std::string uri;
    std::string content_type;
    std::optional<Time> date;
    std::uint64_t length = 0;
    std::string truncated;  // why, where the crawler stored only a part
    bool segmented = false;
};

std::string text_or_empty(const std::string* text) { return text != nullptr ? *text : std::string(); }

// WARC 1.1 allows dates of less precision than RFC 3339 knows.
std::optional<Time> parse_date(const std::string& text) {
    static constexpr std::string_view kFull = "0000-01-01T00:00:00Z";
    if (const auto time = Time::parse(text)) return time;
    switch (text.size()) {
        case 4:   // 2024
        case 7:   // 2024-05
        case 10:  // 2024-05-01
            return Time::parse(text + std::string(kFull.substr(text.size())));
        case 17:  // 2024-05-01T10:20Z
            return Time::parse(text.substr(0, 16) + ":00Z");
        default:
            return std::nullopt;
    }
}

std::string strip_brackets(std::string uri) {
    if (uri.size() >= 2 && uri.front() == '<' && uri.back() == '>') return uri.substr(1, uri.size() - 2);
    return uri;
}

bool is_version(std::string_view line) {
    return line.size() >= 8 && line.starts_with(kMagic) && (line[5] == '0' || line[5] == '1') &&
           line[6] == '.';
}

std::optional<Record> parse_record(std::string_view head) {
    std::string_view version;
    const Fields fields = parse_head(head, version);
    const auto* type = fields.find("WARC-Type");
    const auto* length = fields.find("Content-Length");
    const auto size = length != nullptr ? parse_integer(*length) : std::nullopt;
    if (!is_version(version) || type == nullptr || !size || *size < 0) return std::nullopt;
    Record record;
    record.type = lower(*type);
    record.length = static_cast<std::uint64_t>(*size);
    record.uri = strip_brackets(text_or_empty(fields.find("WARC-Target-URI")));
    if (record.uri.empty()) record.uri = strip_brackets(text_or_empty(fields.find("WARC-Record-ID")));
    record.content_type = lower(text_or_empty(fields.find("Content-Type")));
    record.date = parse_date(text_or_empty(fields.find("WARC-Date")));
    record.truncated = text_or_empty(fields.find("WARC-Truncated"));
    record.segmented = fields.find("WARC-Segment-Number") != nullptr;
    return record;
}

class WarcSource final : public Source {
  public:
    WarcSource(std::unique_ptr<FileStream> file, std::unique_ptr<Stream> text, GzipFile* gzip, Meter& meter)
        : file_(std::move(file)), text_(std::move(text)), gzip_(gzip), meter_(meter) {}

    Step next(Member& member, Sink& sink) override;
    const Problem& problem() const override { return problem_; }
    bool batches() const override { return true; }

  private:
    Step failed(Problem problem);
    bool finish_record();
    std::optional<Record> read_record();
    bool read_member(const Record& record, Member& member, Sink& sink);
    std::optional<Problem> trouble_behind();
    bool resume();
    bool scan_for_record();

    std::unique_ptr<FileStream> file_;
    std::unique_ptr<Stream> text_;
    GzipFile* gzip_;
    Meter& meter_;
    std::uint64_t records_ = 0;
    std::uint64_t left_ = 0;          // of the last record's block
    std::optional<Problem> trouble_;  // reading can only go on after a resume()
    bool told_ = false;               // a member told about the trouble already
    Problem problem_;
};

Step WarcSource::failed(Problem problem) {
    problem_ = std::move(problem);
    return Step::failed;
}

Step WarcSource::next(Member& member, Sink& sink) {
    while (true) {
        if (!trouble_ && finish_record()) {
            const auto record = read_record();
            const bool given = record && read_member(*record, member, sink);
            if (given) meter_.member();
            if (meter_.stop()) return failed(*meter_.stop());
            if (given) return Step::member;
            if (!record && !trouble_) return Step::end;
        }
        if (meter_.stop()) return failed(*meter_.stop());
        if (!trouble_) continue;
        const Problem trouble = *std::exchange(trouble_, std::nullopt);
        const bool told = std::exchange(told_, false);
        left_ = 0;
        if (!resume()) return failed(meter_.stop() ? *meter_.stop() : trouble);
        if (told) continue;
        meter_.member();
        member = Member{"record " + std::to_string(records_), std::nullopt, false, trouble};
        return Step::member;
    }
}

// Passes over what is left of the last record.
bool WarcSource::finish_record() {
    const std::uint64_t done = text_->skip(left_);
    if (done != left_) {
        trouble_ =
            text_->problem() ? *text_->problem() : Problem{Reason::truncated, "its last record is cut off"};
    }
    left_ = 0;
    return !trouble_;
}

// nullopt with trouble, or at the end.
std::optional<Record> WarcSource::read_record() {
    Bytes view = text_->peek(1);
    const auto is_line_end = [](std::byte b) { return b == std::byte{'\r'} || b == std::byte{'\n'}; };
    while (!view.empty() && is_line_end(view[0])) {
        const auto rest = std::find_if_not(view.begin(), view.end(), is_line_end);
        text_->consume(static_cast<std::size_t>(rest - view.begin()));
        view = text_->peek(1);
    }
    if (view.empty()) {
        if (text_->problem()) trouble_ = *text_->problem();
        return std::nullopt;
    }
    ++records_;
    if (!text_of(text_->peek(kMagic.size())).starts_with(kMagic)) {
        trouble_ = Problem{Reason::corrupt, "no record where one should start"};
        return std::nullopt;
    }
    for (std::size_t want = 2048;; want *= 2) {
        const auto text = text_of(text_->peek(want));
        if (const auto size = head_size(text); size != 0) {
            auto record = parse_record(text.substr(0, size));
            // Where the head is broken, resume() must not find it again, but may find the next within it.
            text_->consume(record ? size : kMagic.size());
            if (!record) trouble_ = Problem{Reason::corrupt, "a record's head is broken"};
            return record;
        }
        const bool ended = text.size() < want;
        if (!ended && want < kMaxPeek) continue;
        text_->consume(std::min(text.size(), kMagic.size()));
        trouble_ = !ended             ? Problem{Reason::corrupt, "a record's head is too long"}
                   : text_->problem() ? *text_->problem()
                                      : Problem{Reason::truncated, "its last record is cut off"};
        return std::nullopt;
    }
}

// False where the record is none for anybody to look at.
bool WarcSource::read_member(const Record& record, Member& member, Sink& sink) {
    left_ = record.length;
    const bool response = record.type == "response";
    if (!response && record.type != "resource" && record.type != "conversion" &&
        record.type != "continuation") {
        return false;
    }
    member = Member{record.uri, record.date, false, std::nullopt};
    if (record.type == "continuation") {
        member.problem = Problem{Reason::unsupported, "a later part of a record that was stored in segments"};
        return true;
    }

    LimitedStream block(*text_, record.length);
    HttpBody body;
    if (response && (record.content_type.starts_with("application/http") ||
                     text_of(block.peek(5)).starts_with("HTTP/"))) {
        const std::uint64_t most =
            std::max(kBodyFloor, std::min(record.length, kUnlimited / kBodyRatio) * kBodyRatio);
        if (record.length != 0) body = open_body(block, record.length, meter_, most);
    }
    Stream& payload = body.layers.empty() ? static_cast<Stream&>(block) : *body.layers.back();
    Output output(sink, meter_);
    if (body.readable) {
        for (Bytes view = payload.peek(1); !view.empty() && output.write(view); view = payload.peek(1)) {
            payload.consume(view.size());
        }
    }

    left_ = block.left();
    if (block.problem()) {
        trouble_ = block.problem();
    } else if (left_ == 0) {
        trouble_ = trouble_behind();
    }
    told_ = trouble_.has_value();
    auto trouble = trouble_ ? trouble_ : payload.problem() ? payload.problem() : body.problem;
    if (!trouble && !record.truncated.empty()) {
        trouble = Problem{Reason::truncated, "the crawler stored only a part of it: " + record.truncated};
    }
    if (!trouble && record.segmented) {
        trouble = Problem{Reason::unsupported, "only the first part of a record that was stored in segments"};
    }
    output.finish(member, trouble);
    return output.size() > 0 || member.problem;
}

// What the bytes behind a record's block tell about it: its compressed data have a wrong checksum, or it does
// not end where it says.
std::optional<Problem> WarcSource::trouble_behind() {
    const auto view = text_of(text_->peek(kRecordEnd.size() + 1));
    if (view.size() <= kRecordEnd.size() && text_->problem()) {
        if (gzip_ != nullptr && gzip_->failed_at_start()) return std::nullopt;  // that is the next one's
        return text_->problem();
    }
    if (view.empty() || view.starts_with('\r') || view.starts_with('\n') || view.starts_with(kMagic)) {
        return std::nullopt;
    }
    return Problem{Reason::corrupt, "a record does not end where it says"};
}

bool WarcSource::resume() {
    if (scan_for_record()) return true;  // also in what a broken decompressor still gave
    return gzip_ != nullptr && text_->problem() && !meter_.stop() && gzip_->resume(kMagic);
}

// Looks for a version line. A record in the middle of a line is none.
bool WarcSource::scan_for_record() {
    constexpr std::size_t kLine = 10;
    bool line_start = false;
    while (true) {
        const auto view = text_of(text_->peek(kLine));
        if (view.size() < kLine) return false;
        const auto hit = view.find(kMagic);
        if (hit == std::string_view::npos || hit + kLine > view.size()) {
            const std::size_t keep = hit == std::string_view::npos ? kLine - 1 : view.size() - hit;
            line_start = view[view.size() - keep - 1] == '\n';
            text_->consume(view.size() - keep);
            continue;
        }
        line_start = hit == 0 ? line_start : view[hit - 1] == '\n';
        if (line_start && is_version(view.substr(hit, kLine))) {
            text_->consume(hit);
            return true;
        }
        text_->consume(hit + kMagic.size());
        line_start = false;
    }
}

}  // namespace

std::unique_ptr<Source> open_warc(std::unique_ptr<FileStream> file, std::unique_ptr<Stream> text,
                                  GzipFile* gzip, Meter& meter) {
    return std::make_unique<WarcSource>(std::move(file), std::move(text), gzip, meter);
}

}  // namespace rushlight::archive::unpack
