// fetch_content: what a link leads to, whole and in sealed memory, to be checked as any other content.
// Nothing of it touches a disk.
//
// Only an answer with content counts (200 and 203): an error page is not what the link stands for, and its
// bytes are not taken.
//
// Thread rule and errors are those of Client::fetch(); `status` is added.
#pragma once

#include "base/content.h"
#include "net/net.h"

#include <cstdint>
#include <functional>
#include <stop_token>

namespace rushlight::net {

struct FetchedContent {
    Response response;
    Content content;
};

// May so many further bytes be held? Asked before each piece is taken; its error ends the fetch as
// `unavailable`. What was granted stays granted: giving it back is the caller's.
using Room = std::function<Status(std::uint64_t bytes)>;

Outcome<FetchedContent> fetch_content(const Client& client, const Request& request, const Room& room = {},
                                      std::stop_token stop = {});

}  // namespace rushlight::net
