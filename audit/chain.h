// Private: what an entry's digest, a pseudonym and a checkpoint's signature are made of.
#pragma once

#include "audit/audit.h"
#include "audit/verify.h"

#include <string>

namespace rushlight::audit {

inline constexpr Sha256 kNoDigest{};  // before the first entry

// SHA-256 over a length-prefixed encoding of everything else in the entry.
Sha256 digest_of(const Entry& entry);
// What a checkpoint signs.
std::string signed_text(const Checkpoint& checkpoint);
std::string pseudonym_of(Bytes salt, const Subject& subject, std::string_view field, std::string_view value);

// `invalid` where it may not stand in the log.
Status check(const Event& event);
// Times that RFC 3339 can write: the years 1970 to 9999.
bool can_be_written(Time at);

// What verifying the store and verifying a file share: takes the entries and checkpoints one after the other.
class ChainCheck {
  public:
    // `first`: the number that the first entry has to have.
    ChainCheck(std::int64_t first, std::span<const PublicKey> keys)
        : first_(first), next_(first), keys_(keys) {}

    // Each returns false once something is wrong; what is told in the verdict.
    bool take(const Entry& entry);
    bool take(const Checkpoint& checkpoint);
    bool fail(std::optional<std::int64_t> first_bad, std::string problem);

    std::int64_t next() const { return next_; }  // number of the entry that has to come
    const Sha256& end() const { return end_; }
    bool good() const { return problem_.empty(); }
    Verdict verdict() const;

  private:
    std::int64_t first_;
    std::int64_t next_;
    std::span<const PublicKey> keys_;
    Sha256 end_ = kNoDigest;
    std::int64_t checkpoints_ = 0;
    std::int64_t covered_ = 0;
    std::optional<std::int64_t> first_bad_;
    std::string problem_;
};

}  // namespace rushlight::audit
