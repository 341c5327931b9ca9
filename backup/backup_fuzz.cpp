// The reader of backups: the container, the header, the rows. Whatever the bytes are, it ends in words.
#include "backup/header.h"
#include "backup/rows.h"
#include "backup/tar.h"

#include <cstddef>
#include <cstdint>

using namespace rushlight;
using namespace rushlight::backup;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const Bytes bytes = std::as_bytes(std::span(data, size));
    if (auto content = Content::from_bytes(bytes)) {
        const auto tar = TarReader::open(std::move(*content), {});
        if (tar)
            for (const Member& member : tar->members()) (void)tar->read(member, kMostText);
    }
    const std::string_view text = text_of(bytes);
    // A header that is read can be written and read again.
    if (const auto header = parse_header(text)) {
        if (!parse_header(header_text(*header))) __builtin_trap();
        for (const store::Table& table : header->tables) {
            std::vector<store::Value> row;
            RowReader rows(text, table);
            for (auto more = rows.next(row); more && *more; more = rows.next(row)) {
            }
        }
    }
    const store::Table table{.name = "t",
                             .columns = {{"a", store::Value::Kind::integer},
                                         {"b", store::Value::Kind::text},
                                         {"c", store::Value::Kind::bytes},
                                         {"d", store::Value::Kind::real}}};
    RowReader rows(text, table);
    std::vector<store::Value> row;
    for (auto more = rows.next(row); more && *more; more = rows.next(row)) {
        std::string again;
        write_row(again, row);
        if (again.empty()) __builtin_trap();
    }
    return 0;
}
