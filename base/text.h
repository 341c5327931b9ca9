// Text: small, allocation-free helpers on string views, and the safe spelling of names from outside.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace rushlight {

std::string_view trim(std::string_view text);                                // ASCII white space at both ends
std::string lower(std::string_view text);                                    // ASCII only
bool equals_ignoring_case(std::string_view a, std::string_view b);           // ASCII only
std::vector<std::string_view> split(std::string_view text, char separator);  // "" gives one empty part
// The whole text as a decimal number; nullopt where it is anything else or out of range.
std::optional<std::int64_t> parse_integer(std::string_view text);

bool is_utf8(std::string_view text);
// Every byte that is not part of well-formed UTF-8 becomes U+FFFD (Unicode 15, section 3.9, "maximal
// subpart").
std::string to_utf8(std::string_view bytes);
// `text` as a JSON string, in quotes; what is no UTF-8 becomes U+FFFD.
void append_json_string(std::string& out, std::string_view text);
// For a terminal: as to_utf8, with control characters (newline, escape, …) and bidirectional overrides shown
// as
// \n, \x1b or <U+202E>, so that a hostile name cannot draw on the screen.
std::string printable(std::string_view bytes);

}  // namespace rushlight
