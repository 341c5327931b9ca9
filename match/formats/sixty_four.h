// Are these bare 64 digits PDQ or SHA-256? A list read as the wrong one would silently find nothing.
//
// A PDQ hash says of 256 coefficients which lie above their median: half of its bits are set, nearly always.
// A SHA-256 is 256 coin flips: its count of set bits scatters around 128 with a standard deviation of 8. Each
// value seen adds to the evidence; a few dozen decide beyond doubt, one or two can't.
#pragma once

#include "base/bytes.h"
#include "match/formats/value.h"

#include <cstdint>
#include <optional>

namespace rushlight::match::formats {

class SixtyFour {
  public:
    void see(
        Bytes value);  // 32 bytes; give each distinct value once, or a repeated one would count as evidence

    std::uint64_t seen() const { return seen_; }
    // pdq or sha256 where the likelihood ratio is at least e^kEvidence and the values look like one kind, not
    // like a mixture; else nullopt.
    std::optional<Method> verdict() const;

    // Odds of one to 160 million against the error. About 10 PDQ hashes or 15 SHA-256 give that.
    static constexpr double kEvidence = 18.9;

  private:
    std::uint64_t seen_ = 0;
    double log_ratio_ = 0;
};

}  // namespace rushlight::match::formats
