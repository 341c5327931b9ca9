#include "backup/rows.h"

#include <bit>

namespace rushlight::backup {
namespace {

using store::Value;

void put(std::string& out, std::uint64_t number, int bytes) {
    for (int i = 0; i < bytes; ++i) out += static_cast<char>(number >> (8 * i) & 0xff);
}

std::uint64_t get(std::string_view bytes) {
    std::uint64_t number = 0;
    for (std::size_t i = bytes.size(); i-- > 0;) number = number << 8 | static_cast<unsigned char>(bytes[i]);
    return number;
}

}  // namespace

void write_row(std::string& out, std::span<const Value> row) {
    for (const Value& value : row) {
        switch (value.kind()) {
            case Value::Kind::null:
                out += 'n';
                break;
            case Value::Kind::integer:
                out += 'i';
                put(out, static_cast<std::uint64_t>(value.integer()), 8);
                break;
            case Value::Kind::real:
                out += 'r';
                put(out, std::bit_cast<std::uint64_t>(value.real()), 8);
                break;
            case Value::Kind::text:
            case Value::Kind::bytes:
                out += value.kind() == Value::Kind::text ? 't' : 'b';
                put(out, value.text().size(), 4);
                out += value.text();
                break;
        }
    }
}

Result<bool> RowReader::next(std::vector<Value>& row) {
    if (rest_.empty()) return false;
    row.clear();
    const auto broken = [&] {
        return fail(ErrorCode::corrupt, "the backup is none that Rushlight made: a row of '" + table_.name +
                                            "' cannot be read. Nothing was changed");
    };
    const auto take = [&](std::size_t size, std::string_view& out) {
        if (rest_.size() < size) return false;
        out = rest_.substr(0, size);
        rest_.remove_prefix(size);
        return true;
    };
    for (const store::Column& column : table_.columns) {
        std::string_view letter;
        std::string_view data;
        if (!take(1, letter)) return broken();
        Value::Kind kind = Value::Kind::null;
        switch (letter[0]) {
            case 'n':
                row.emplace_back();
                continue;
            case 'i':
                kind = Value::Kind::integer;
                if (!take(8, data)) return broken();
                row.emplace_back(static_cast<std::int64_t>(get(data)));
                break;
            case 'r':
                kind = Value::Kind::real;
                if (!take(8, data)) return broken();
                row.emplace_back(std::bit_cast<double>(get(data)));
                break;
            case 't':
            case 'b': {
                if (!take(4, data)) return broken();
                const std::uint64_t size = get(data);
                if (size > kMostValue || !take(size, data)) return broken();
                kind = letter[0] == 't' ? Value::Kind::text : Value::Kind::bytes;
                if (letter[0] == 't') {
                    row.emplace_back(data);
                } else {
                    row.emplace_back(bytes_of(data));
                }
                break;
            }
            default:
                return broken();
        }
        if (kind != column.kind) return broken();
    }
    return true;
}

}  // namespace rushlight::backup
