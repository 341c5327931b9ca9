// The binary spelling of values on PostgreSQL's wire: big-endian numbers, the bytes as they are (PostgreSQL's
// manual, chapter "COPY", "Binary Format").
#pragma once

#include "store/value.h"

#include <bit>
#include <cstdint>
#include <string>

namespace rushlight::store {

// Types of the server that the dialect can meet (pg_type.dat of PostgreSQL's sources).
namespace oid {
inline constexpr unsigned kBool = 16, kBytea = 17, kName = 19, kInt8 = 20, kInt2 = 21, kInt4 = 23, kText = 25,
                          kFloat4 = 700, kFloat8 = 701, kUnknown = 705, kBpchar = 1042, kVarchar = 1043;
}

inline void put_big_endian(std::string& out, std::uint64_t number, int bytes) {
    for (int shift = (bytes - 1) * 8; shift >= 0; shift -= 8)
        out += static_cast<char>((number >> shift) & 0xff);
}

inline std::uint64_t big_endian(const char* data, int bytes) {
    std::uint64_t number = 0;
    for (int i = 0; i < bytes; ++i) number = number << 8 | static_cast<unsigned char>(data[i]);
    return number;
}

inline unsigned type_of(Value::Kind kind) {
    switch (kind) {
        case Value::Kind::integer:
            return oid::kInt8;
        case Value::Kind::real:
            return oid::kFloat8;
        case Value::Kind::text:
            return oid::kText;
        case Value::Kind::bytes:
            return oid::kBytea;
        case Value::Kind::null:
            break;
    }
    return 0;  // whatever fits there
}

// The 8 bytes of a number.
inline std::uint64_t bits_of(const Value& value) {
    return value.kind() == Value::Kind::real ? std::bit_cast<std::uint64_t>(value.real())
                                             : static_cast<std::uint64_t>(value.integer());
}

}  // namespace rushlight::store
