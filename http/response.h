// The answer's bytes. Private.
#pragma once

#include "http/http.h"

namespace rushlight::http {

// How an answer's length is told.
enum class Framing { none, length, chunked, until_close };

struct HeadOptions {
    std::string_view date;
    std::string_view id;  // of the request
    Framing framing = Framing::length;
    std::uint64_t length = 0;
    int minor_version = 1;
    bool keep = true;
};

// False where a header of the response can't be sent as it is.
bool headers_are_sound(const Response& response);
// Says in a problem which request it answers.
void set_instance(Response& response, std::string_view id);
// Appends status line, headers and the empty line.
void write_head(std::string& out, const Response& response, const HeadOptions& options);
// IMF-fixdate, "Sun, 06 Nov 1994 08:49:37 GMT".
std::string http_date(Time time);

}  // namespace rushlight::http
