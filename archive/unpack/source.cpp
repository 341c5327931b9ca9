#include "archive/unpack/source.h"

#include "archive/unpack/coding.h"
#include "archive/unpack/foreign.h"
#include "archive/unpack/warc.h"

#include <cstring>
#include <string_view>
#include <utility>

namespace rushlight::archive::unpack {
namespace {

using namespace std::string_view_literals;

constexpr std::size_t kTarBlock = 512;

enum class Wrapping { none, gzip, other };

Wrapping wrapping_of(std::string_view start) {
    if (start.starts_with("\x1f\x8b\x08"sv)) return Wrapping::gzip;
    if (start.starts_with("BZh"sv) ||
        start.starts_with("\xfd"
                          "7zXZ\0"sv) ||
        start.starts_with("\x28\xb5\x2f\xfd"sv)) {
        return Wrapping::other;
    }
    return Wrapping::none;
}

// A tar header's checksum: the sum of its bytes with the checksum's own field as spaces, in octal. Some
// writers summed signed bytes.
bool is_tar(std::string_view block) {
    constexpr std::size_t kField = 148;
    constexpr std::size_t kFieldSize = 8;
    if (block.size() < kTarBlock) return false;
    long told = 0;
    bool digits = false;
    for (const char c : block.substr(kField, kFieldSize)) {
        if (c >= '0' && c <= '7') {
            told = told * 8 + (c - '0');
            digits = true;
        } else if (digits) {
            break;
        } else if (c != ' ') {
            return false;
        }
    }
    long plain = 0;
    long with_sign = 0;
    for (std::size_t i = 0; i < kTarBlock; ++i) {
        const char c = i >= kField && i < kField + kFieldSize ? ' ' : block[i];
        plain += static_cast<unsigned char>(c);
        with_sign += static_cast<signed char>(c);
    }
    return digits && block[0] != '\0' && (told == plain || told == with_sign);
}

// The name that gzip keeps of the file it compressed.
std::string gzip_name(std::string_view start) {
    constexpr unsigned kExtra = 4;
    constexpr unsigned kName = 8;
    if (start.size() < 10) return {};
    const auto flags = static_cast<unsigned char>(start[3]);
    std::size_t at = 10;
    if ((flags & kExtra) != 0) {
        if (start.size() < 12) return {};
        at = 12u + static_cast<unsigned char>(start[10]) + 256u * static_cast<unsigned char>(start[11]);
    }
    if ((flags & kName) == 0 || at >= start.size()) return {};
    const auto end = start.find('\0', at);
    return end == std::string_view::npos ? std::string() : std::string(start.substr(at, end - at));
}

// One compressed file that is no archive inside.
class SingleSource final : public Source {
  public:
    SingleSource(std::unique_ptr<FileStream> file, std::unique_ptr<Stream> text, std::string name,
                 Meter& meter)
        : file_(std::move(file)), text_(std::move(text)), name_(std::move(name)), meter_(meter) {}

    Step next(Member& member, Sink& sink) override {
        if (meter_.stop()) return stop(*meter_.stop());
        if (done_) return Step::end;
        done_ = true;
        Output output(sink, meter_);
        for (Bytes view = text_->peek(1); !view.empty() && output.write(view); view = text_->peek(1)) {
            text_->consume(view.size());
        }
        if (meter_.stop()) return stop(*meter_.stop());
        if (output.size() == 0 && text_->problem()) return stop(*text_->problem());
        member = Member{name_, std::nullopt, false, std::nullopt};
        output.finish(member, text_->problem());
        meter_.member();
        return Step::member;
    }
    const Problem& problem() const override { return problem_; }
    bool batches() const override { return false; }

  private:
    Step stop(Problem problem) {
        problem_ = std::move(problem);
        return Step::failed;
    }

    std::unique_ptr<FileStream> file_;
    std::unique_ptr<Stream> text_;
    std::string name_;
    Meter& meter_;
    bool done_ = false;
    Problem problem_;
};

}  // namespace

bool Output::take(std::uint64_t n) {
    const std::uint64_t most = meter_.member_bytes();
    if (size_ > most || n > most - size_) too_large_ = true;
    if (too_large_) return false;
    meter_.gave(n);
    if (meter_.stop()) return false;
    size_ += n;
    return true;
}

bool Output::write(Bytes bytes) {
    if (!take(bytes.size())) return false;
    sink_.write(bytes);
    return true;
}

bool Output::zeros(std::uint64_t n) {
    if (!take(n)) return false;
    sink_.zeros(n);
    return true;
}

void Output::finish(Member& member, const std::optional<Problem>& trouble) const {
    member.problem = trouble;
    if (meter_.stop()) member.problem = meter_.stop();
    if (too_large_) member.problem = Problem{Reason::too_large, "larger than the limit for one member"};
    const bool whole = !too_large_ && !meter_.stop();
    const bool bomb = member.problem && member.problem->reason == Reason::bomb;
    member.has_content = whole && !bomb && (size_ > 0 || !member.problem);
}

tl::expected<std::unique_ptr<Source>, Problem> open_source(int fd, Meter& meter) {
    auto file = std::make_unique<FileStream>(fd, meter);
    const auto start = text_of(file->peek(kMaxPeek));
    if (start.empty()) {
        return tl::unexpected(file->problem() ? *file->problem() : Problem{Reason::empty, "no bytes at all"});
    }
    if (start.starts_with("WARC/"sv)) {
        return open_warc(nullptr, std::move(file), nullptr, meter);
    }
    if (start.starts_with("PK\3\4"sv) || start.starts_with("PK\5\6"sv) || start.starts_with("PK\7\x08"sv)) {
        return open_by_position(Format::zip, std::move(file), meter);
    }
    if (start.starts_with("7z\xbc\xaf\x27\x1c"sv))
        return open_by_position(Format::seven_zip, std::move(file), meter);
    const Wrapping wrapping = wrapping_of(start);
    if (wrapping == Wrapping::none) {
        if (is_tar(start)) return open_tar(std::move(file), nullptr, meter);
        return tl::unexpected(Problem{Reason::unsupported, "no archive that is read here"});
    }

    std::string name = "data";
    std::unique_ptr<Stream> text;
    GzipFile* gzip = nullptr;
    if (wrapping == Wrapping::gzip) {
        if (auto kept = gzip_name(start); !kept.empty()) name = std::move(kept);
        auto unpacked = GzipFile::create(*file, meter);
        gzip = unpacked.get();
        text = std::move(unpacked);
    } else {
        text = undo_file_compression(*file, meter);
    }
    const auto inside = text_of(text->peek(kTarBlock));
    if (inside.empty() && text->problem()) return tl::unexpected(*text->problem());
    if (inside.starts_with("WARC/"sv)) return open_warc(std::move(file), std::move(text), gzip, meter);
    if (is_tar(inside)) return open_tar(std::move(file), std::move(text), meter);
    return std::make_unique<SingleSource>(std::move(file), std::move(text), std::move(name), meter);
}

}  // namespace rushlight::archive::unpack
