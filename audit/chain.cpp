#include "audit/chain.h"

#include "base/digest.h"

#include <algorithm>
#include <utility>

namespace rushlight::audit {
namespace {

// Every part with its length before it, so that no two different entries give the same bytes.
class Encoding {
  public:
    explicit Encoding(std::string_view kind) { text(kind); }

    Encoding& number(std::int64_t value) {
        const auto bits = static_cast<std::uint64_t>(value);
        for (int shift = 56; shift >= 0; shift -= 8) bytes_ += static_cast<char>(bits >> shift & 0xff);
        return *this;
    }
    Encoding& text(std::string_view value) {
        for (int shift = 24; shift >= 0; shift -= 8)
            bytes_ += static_cast<char>(value.size() >> shift & 0xff);
        bytes_ += value;
        return *this;
    }
    template <class H>
    Encoding& hash(const H& value) {
        return text(text_of(value.value));
    }
    std::string take() { return std::move(bytes_); }
    const std::string& bytes() const { return bytes_; }

  private:
    std::string bytes_;
};

}  // namespace

Sha256 digest_of(const Entry& entry) {
    Encoding encoding("rushlight-audit-entry-1");
    encoding.number(entry.number)
        .number(entry.at.micros)
        .text(entry.event.who)
        .text(entry.event.what)
        .text(entry.event.on.kind)
        .text(entry.event.on.id)
        .text(entry.event.detail)
        .hash(entry.previous);
    return sha256_of(bytes_of(encoding.bytes()));
}

std::string signed_text(const Checkpoint& checkpoint) {
    return Encoding("rushlight-audit-checkpoint-1")
        .number(checkpoint.number)
        .hash(checkpoint.digest)
        .number(checkpoint.at.micros)
        .take();
}

std::string pseudonym_of(Bytes salt, const Subject& subject, std::string_view field, std::string_view value) {
    Encoding encoding("rushlight-audit-pseudonym-1");
    encoding.text(text_of(salt)).text(subject.kind).text(subject.id).text(field).text(value);
    return "h:" + sha256_of(bytes_of(encoding.bytes())).hex();
}

bool can_be_written(Time at) {
    constexpr std::int64_t kYear10000 = 253'402'300'800'000'000;
    return at.micros >= 0 && at.micros < kYear10000;
}

bool ChainCheck::fail(std::optional<std::int64_t> first_bad, std::string problem) {
    if (!good()) return false;
    first_bad_ = first_bad;
    problem_ = std::move(problem);
    return false;
}

bool ChainCheck::take(const Entry& entry) {
    if (!good()) return false;
    const std::string name = "entry " + std::to_string(next_);
    if (entry.number != next_)
        return fail(next_,
                    name + " is missing: entry " + std::to_string(entry.number) + " stands in its place");
    // What is cut off before `first` cannot be looked at here: its end is taken from the first entry.
    const bool begins = next_ == first_;
    if (begins && first_ > 1) end_ = entry.previous;
    if (entry.digest != digest_of(entry))
        return fail(next_, name + " was changed: its digest is another one");
    if (entry.previous != end_)
        return fail(next_, name + " does not follow on the entry before it: one of the two was changed");
    end_ = entry.digest;
    ++next_;
    return true;
}

bool ChainCheck::take(const Checkpoint& checkpoint) {
    if (!good()) return false;
    const std::string name = "the checkpoint at entry " + std::to_string(checkpoint.number);
    if (checkpoint.number != next_ - 1 || next_ == first_)
        return fail(std::min(checkpoint.number, next_), name + " stands in the wrong place");
    if (checkpoint.digest != end_)
        return fail(checkpoint.number, name + " was signed over another history: entries were changed");
    if (!keys_.empty() && std::ranges::find(keys_, checkpoint.key) == keys_.end())
        return fail(checkpoint.number, name + " was signed with a key that is not the one given");
    if (!signed_by(checkpoint.key, bytes_of(signed_text(checkpoint)), checkpoint.signature))
        return fail(checkpoint.number, name + " has a wrong signature");
    ++checkpoints_;
    covered_ = checkpoint.number;
    return true;
}

Verdict ChainCheck::verdict() const {
    return {.entries = next_ - first_,
            .checkpoints = checkpoints_,
            .covered = covered_,
            .ok = good(),
            .first_bad = first_bad_,
            .problem = problem_};
}

}  // namespace rushlight::audit
