// Private: rows of a table as bytes, and back. A row is its values one after the other, each a letter and
// what follows: n | i:8 bytes | r:8 bytes | t:length,bytes | b:length,bytes. Numbers are little-endian, a
// length has 4.
#pragma once

#include "base/result.h"
#include "store/copy.h"

#include <span>
#include <string>
#include <vector>

namespace rushlight::backup {

inline constexpr std::size_t kChunk = 4U << 20;          // a member of rows ends behind this many bytes
inline constexpr std::uint64_t kMostChunk = 1ULL << 30;  // one row can be that large
inline constexpr std::uint32_t kMostValue = 256U << 20;  // as the store has it

void write_row(std::string& out, std::span<const store::Value> row);

class RowReader {
  public:
    RowReader(std::string_view bytes, const store::Table& table) : rest_(bytes), table_(table) {}
    // False at the end. The values are views of the bytes. `corrupt` where these are no rows of this table.
    Result<bool> next(std::vector<store::Value>& row);

  private:
    std::string_view rest_;
    const store::Table& table_;
};

}  // namespace rushlight::backup
