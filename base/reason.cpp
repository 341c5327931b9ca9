#include "base/reason.h"

#include <array>

namespace rushlight {
namespace {

constexpr std::array<std::string_view, 12> kNames = {
    "empty",   "truncated", "unsupported", "corrupt",     "too_large", "timeout",
    "crashed", "denied",    "bomb",        "low_quality", "not_media", "not_fetched"};

}  // namespace

std::string_view to_string(Reason reason) { return kNames.at(static_cast<std::size_t>(reason)); }

std::optional<Reason> parse_reason(std::string_view text) {
    for (std::size_t i = 0; i < kNames.size(); ++i) {
        if (kNames[i] == text) return static_cast<Reason>(i);
    }
    return std::nullopt;
}

}  // namespace rushlight
