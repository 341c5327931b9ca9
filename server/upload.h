// upload: takes the parts of a check's form as they come: the file into memory that is nobody else's and
// never on a disk, the context as text. Bounded for one upload and for all together.
#pragma once

#include "base/content.h"
#include "base/fd.h"
#include "base/hash.h"
#include "base/result.h"
#include "http/multipart.h"

#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>

namespace rushlight::server {

inline constexpr std::size_t kMaxContextPart = 64 * 1024;

// Bytes of uploads in memory at one time, over all that are under way. Thread-safe.
class UploadBudget {
  public:
    explicit UploadBudget(std::uint64_t most) : most_(most) {}
    bool take(std::uint64_t bytes);
    void give(std::uint64_t bytes) { used_.fetch_sub(bytes); }
    std::uint64_t used() const { return used_.load(); }

  private:
    const std::uint64_t most_;
    std::atomic<std::uint64_t> used_{0};
};

// What one upload has taken of the budget, given back when it goes.
class BudgetShare {
  public:
    explicit BudgetShare(std::shared_ptr<UploadBudget> budget) : budget_(std::move(budget)) {}
    ~BudgetShare();
    BudgetShare(BudgetShare&& other) noexcept
        : budget_(std::move(other.budget_)), bytes_(std::exchange(other.bytes_, 0)) {}
    BudgetShare& operator=(BudgetShare&&) = delete;
    BudgetShare(const BudgetShare&) = delete;
    BudgetShare& operator=(const BudgetShare&) = delete;

    Status take(std::uint64_t bytes);  // `unavailable` where there is too little left
    std::uint64_t bytes() const { return bytes_; }

  private:
    std::shared_ptr<UploadBudget> budget_;
    std::uint64_t bytes_ = 0;
};

// A content in sealed memory, with its share.
class Uploaded {
  public:
    Uploaded(Content content, BudgetShare share) : content_(std::move(content)), share_(std::move(share)) {}

    Content& content() { return content_; }
    BudgetShare& share() { return share_; }  // for whoever takes the content over: it takes this too
    Result<Sha256> sha256() const;

  private:
    Content content_;
    BudgetShare share_;
};

// The form of POST /api/v1/check: `file`, and optionally `context`. Other fields are refused, so that a
// misspelt one is not lost without a word.
class UploadForm final : public http::FormSink {
  public:
    UploadForm(std::shared_ptr<UploadBudget> budget, std::uint64_t most_bytes);
    Status begin(const http::PartHead& part) override;
    Status take(Bytes piece) override;
    Status end() override;

    // What came. Once.
    Result<Uploaded> file();
    const std::optional<std::string>& context() const { return context_; }
    const std::string& filename() const { return filename_; }

  private:
    enum class Part { none, file, context };

    BudgetShare share_;
    std::uint64_t most_bytes_;
    Part part_ = Part::none;
    Fd memory_;
    bool whole_ = false;
    std::optional<std::string> context_;
    std::string filename_;
};

}  // namespace rushlight::server
