// Percent-encoding as the URL Standard has it (https://url.spec.whatwg.org/#percent-encoded-bytes).
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

namespace rushlight {

// A set of ASCII characters to encode. Every byte above 0x7E is in each of the standard's sets.
class PercentSet {
  public:
    constexpr bool has(char c) const {
        const auto byte = static_cast<unsigned char>(c);
        return byte > 0x7E || (bits_[byte / 64] >> (byte % 64) & 1) != 0;
    }
    constexpr PercentSet with(std::string_view characters) const {
        PercentSet set = *this;
        for (const char c : characters) set.add(static_cast<unsigned char>(c));
        return set;
    }
    static constexpr PercentSet controls() {
        PercentSet set;
        for (unsigned byte = 0; byte < 0x20; ++byte) set.add(byte);
        return set;
    }

  private:
    constexpr void add(unsigned byte) { bits_[byte / 64] |= std::uint64_t{1} << (byte % 64); }

    std::array<std::uint64_t, 2> bits_{};
};

inline constexpr PercentSet kControlSet = PercentSet::controls();
inline constexpr PercentSet kFragmentSet = kControlSet.with(" \"<>`");
inline constexpr PercentSet kQuerySet = kControlSet.with(" \"#<>");
inline constexpr PercentSet kSpecialQuerySet = kQuerySet.with("'");
inline constexpr PercentSet kPathSet = kQuerySet.with("?^`{}");
inline constexpr PercentSet kUserinfoSet = kPathSet.with("/:;=@[\\]|");

void append_percent_encoded(std::string& out, std::string_view text, const PercentSet& set);
// "%41" becomes "A"; a "%" that two hexadecimal digits do not follow stays.
std::string percent_decode(std::string_view text);

}  // namespace rushlight
