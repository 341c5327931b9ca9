// Bytes: views of raw memory, and their spelling as hexadecimal and base64.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace rushlight {

using Bytes = std::span<const std::byte>;
using ByteVector = std::vector<std::byte>;

inline Bytes bytes_of(std::string_view text) { return std::as_bytes(std::span(text.data(), text.size())); }
inline std::string_view text_of(Bytes bytes) {
    return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

// Lower-case hexadecimal, two digits a byte.
std::string to_hex(Bytes bytes);
// Fills `out` exactly; false where the text is not 2 * out.size() hexadecimal digits (either case).
bool parse_hex(std::string_view text, std::span<std::byte> out);

// RFC 4648 base64 with padding.
std::string to_base64(Bytes bytes);
// nullopt on any character, length or padding that RFC 4648 does not allow; missing padding is accepted.
std::optional<ByteVector> parse_base64(std::string_view text);

}  // namespace rushlight
