// Private: rushlight-backup.json, the first member: what the file is, and the shape of its tables.
#pragma once

#include "backup/backup.h"
#include "store/copy.h"

#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace rushlight::backup {

inline constexpr std::string_view kHeader = "rushlight-backup.json";
inline constexpr std::string_view kConfig = "rushlight.toml";
inline constexpr std::string_view kKeyFile = "keys/rushlight.key";
inline constexpr std::size_t kMostText = 1U << 20;  // bytes of the header, of the settings

struct Header {
    Time made;
    std::string program, made_from, place;
    std::map<std::string, int> schema{};
    Keys keys = Keys::left_out;
    std::vector<store::Table> tables{};  // parents first
    std::map<std::string, std::int64_t> counters{};
};
std::string header_text(const Header& header);
// `corrupt` where it is none, `conflict` where a newer Rushlight wrote another format.
Result<Header> parse_header(std::string_view text);

// "tables/hash_entry/000001"
std::string chunk_name(std::string_view table, std::int64_t number);
// "holding/0123….sealed"
std::string held_name(std::string_view hex);

}  // namespace rushlight::backup
