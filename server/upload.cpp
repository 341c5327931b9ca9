#include "server/upload.h"

#include "base/text.h"

#include <cerrno>
#include <utility>

#include <sys/mman.h>
#include <unistd.h>

namespace rushlight::server {

bool UploadBudget::take(std::uint64_t bytes) {
    if (used_.fetch_add(bytes) + bytes <= most_) return true;
    used_.fetch_sub(bytes);
    return false;
}

Uploaded::~Uploaded() {
    if (budget_) budget_->give(bytes_);
}

Uploaded::Uploaded(Uploaded&& other) noexcept
    : content_(std::move(other.content_)), budget_(std::move(other.budget_)), bytes_(other.bytes_) {}

UploadForm::UploadForm(std::shared_ptr<UploadBudget> budget, std::uint64_t most_bytes)
    : budget_(std::move(budget)), most_bytes_(most_bytes) {}

UploadForm::~UploadForm() { budget_->give(bytes_); }

Status UploadForm::begin(const http::PartHead& part) {
    if (part.name == "file") {
        if (memory_) return fail(ErrorCode::invalid, "the form has more than one 'file'");
        memory_ = Fd(::memfd_create("upload", MFD_CLOEXEC | MFD_ALLOW_SEALING));
        if (!memory_) return fail(ErrorCode::unavailable, "no memory for an upload just now");
        filename_ = to_utf8(part.filename.value_or(""));
        part_ = Part::file;
        return {};
    }
    if (part.name == "context") {
        if (context_) return fail(ErrorCode::invalid, "the form has more than one 'context'");
        context_.emplace();
        part_ = Part::context;
        return {};
    }
    return fail(ErrorCode::invalid,
                "the form has a field '" + printable(part.name) + "'; it may have 'file' and 'context'");
}

Status UploadForm::take(Bytes piece) {
    if (part_ == Part::context) {
        if (context_->size() + piece.size() > kMaxContextPart)
            return fail(ErrorCode::limit, "the context is longer than 64 KiB");
        context_->append(text_of(piece));
        return {};
    }
    if (bytes_ + piece.size() > most_bytes_)
        return fail(ErrorCode::limit, "the file is larger than " + std::to_string(most_bytes_ >> 20) + " MB");
    if (!budget_->take(piece.size()))
        return fail(ErrorCode::unavailable, "too many uploads at once: send it again a little later");
    bytes_ += piece.size();
    while (!piece.empty()) {
        const ssize_t n = ::write(memory_.get(), piece.data(), piece.size());
        if (n < 0 && errno == EINTR) continue;
        if (n <= 0) return fail(ErrorCode::unavailable, "no memory for an upload just now");
        piece = piece.subspan(static_cast<std::size_t>(n));
    }
    return {};
}

Status UploadForm::end() {
    whole_ = whole_ || part_ == Part::file;
    part_ = Part::none;
    return {};
}

Result<Uploaded> UploadForm::file() {
    if (!memory_ || !whole_) return fail(ErrorCode::invalid, "the form has no 'file'");
    auto content = Content::from_memory_file(std::move(memory_));
    if (!content) return pass(content.error());
    return Uploaded(std::move(*content), budget_, std::exchange(bytes_, 0));
}

}  // namespace rushlight::server
