// For the tests and fuzzers of this room: a list file from a string.
#pragma once

#include "base/fd.h"
#include "match/formats/formats.h"

#include <string>
#include <string_view>
#include <vector>

#include <unistd.h>

namespace rushlight::match::formats::testing {

struct Read {
    std::optional<Format> format;
    std::string error;               // not empty: it failed as a whole
    std::vector<std::string> items;  // "LINE METHOD TEXT [?] [STATE] [#note]"
    std::vector<std::string> bad;    // "LINE: reason"
};

inline Read read_text_as_list(std::string_view content, const ReadOptions& options = {}) {
    Read read;
    auto file = make_memory_file("list");
    if (!file || !write_all(file->get(), bytes_of(content), "list") ||
        ::lseek(file->get(), 0, SEEK_SET) != 0) {
        read.error = "no memory file";
        return read;
    }
    const ReadSink sink{[&](const Item& item) -> Status {
                            const auto value = Value::unpack(item.method, item.bytes);
                            std::string text =
                                std::to_string(item.line) + " " + std::string(to_string(item.method)) + " ";
                            text += value ? value->text() : "UNPACKS NOT";
                            if (item.undecided) text += " ?";
                            if (item.state) text += " " + std::string(to_string(*item.state));
                            if (!item.note.empty()) text += " #" + std::string(item.note);
                            read.items.push_back(std::move(text));
                            return {};
                        },
                        [&](std::uint64_t line, const std::string& reason) {
                            read.bad.push_back(std::to_string(line) + ": " + reason);
                        }};
    auto format = read_list(file->get(), options, sink);
    if (format) {
        read.format = *format;
    } else {
        read.error = format.error().message;
    }
    return read;
}

}  // namespace rushlight::match::formats::testing
