// Real picture, video and archive formats that this build does not read. Their content is recognised so that
// a person is told `unsupported`, in place of `not_media`, which would say that there is nothing to be seen.
#pragma once

#include "media/format.h"

#include <optional>
#include <string_view>

namespace rushlight::media {

std::optional<Format> sniff_not_read(std::string_view head);

struct NotRead {
    std::string_view mime;
    std::string_view words;  // "RAR archives"
};
// nullopt for a format that is read, and for what is no picture, video or archive.
std::optional<NotRead> not_read(Format format);

}  // namespace rushlight::media
