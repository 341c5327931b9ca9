#include "server/upload.h"

#include "base/digest.h"
#include "base/text.h"

#include <utility>

#include <sys/mman.h>

namespace rushlight::server {

bool UploadBudget::take(std::uint64_t bytes) {
    if (used_.fetch_add(bytes) + bytes <= most_) return true;
    used_.fetch_sub(bytes);
    return false;
}

BudgetShare::~BudgetShare() {
    if (budget_) budget_->give(bytes_);
}

Status BudgetShare::take(std::uint64_t bytes) {
    if (!budget_->take(bytes))
        return fail(ErrorCode::unavailable, "too many uploads at once: send it again a little later");
    bytes_ += bytes;
    return {};
}

Result<Sha256> Uploaded::sha256() const {
    if (content_.size() == 0) return sha256_of({});
    void* bytes = ::mmap(nullptr, content_.size(), PROT_READ, MAP_PRIVATE, content_.fd(), 0);
    if (bytes == MAP_FAILED) return fail(ErrorCode::unavailable, "no memory for an upload just now");
    const Sha256 digest = sha256_of({static_cast<const std::byte*>(bytes), content_.size()});
    ::munmap(bytes, content_.size());
    return digest;
}

UploadForm::UploadForm(std::shared_ptr<UploadBudget> budget, std::uint64_t most_bytes)
    : share_(std::move(budget)), most_bytes_(most_bytes) {}

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
    if (share_.bytes() + piece.size() > most_bytes_)
        return fail(ErrorCode::limit, "the file is larger than " + std::to_string(most_bytes_ >> 20) + " MB");
    if (auto taken = share_.take(piece.size()); !taken) return taken;
    if (!write_all(memory_.get(), piece, "an upload"))
        return fail(ErrorCode::unavailable, "no memory for an upload just now");
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
    return Uploaded(std::move(*content), std::move(share_));
}

}  // namespace rushlight::server
