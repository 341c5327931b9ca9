// Private: the lines of an export (docs/formats/audit.md). There is one spelling of each: what reads a line
// writes it again and compares, so that no byte of it can differ unseen.
#pragma once

#include "audit/audit.h"
#include "audit/verify.h"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

namespace rushlight::audit {

inline constexpr std::size_t kMostLine = 64 * 1024;  // bytes, without the newline

struct Header {
    Time exported;
    std::int64_t first = 1;        // number of the first entry
    std::int64_t entries = 0;      // how many follow
    std::int64_t checkpoints = 0;  // … among them
};
struct Footer {
    Sha256 digest;  // of every byte before this line
};
using Line = std::variant<Header, Entry, Checkpoint, Footer>;

std::string line_of(const Line& line);                  // without the newline
std::optional<Line> parse_line(std::string_view line);  // nullopt: none of the four, spelled as we would

}  // namespace rushlight::audit
