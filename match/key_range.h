// Where the keys lie whose hash begins with some digits: a stretch for each method whose key is the hash
// itself (not vPDQ and PhotoDNA, whose keys are digests of the value). For looking for a hash of which one
// has only the beginning.
#pragma once

#include "match/key.h"

#include <optional>
#include <string>
#include <string_view>

namespace rushlight::match {

class KeyRange {
  public:
    // Hexadecimal digits, in either case; nullopt for what is none, or longer than any hash.
    static std::optional<KeyRange> of(std::string_view prefix);

    bool contains(const Key& key) const;
    // Where to read on behind `after` (none: from the first key): behind the key it returns, or from the
    // first key on. False: nothing comes any more.
    bool skip(std::optional<Key>& after) const;

  private:
    explicit KeyRange(std::string prefix) : prefix_(std::move(prefix)) {}

    std::string prefix_;  // in lower case
};

}  // namespace rushlight::match
