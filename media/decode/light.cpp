#include "media/decode/decode.h"
#include "media/decode/table.h"

namespace rushlight::media::decode {

Decoder light(Format format) {
    switch (format) {
        case Format::jpeg:
            return decode_jpeg;
        case Format::png:
            return decode_png;
        case Format::gif:
            return decode_gif;
        case Format::webp:
            return decode_webp;
        case Format::tiff:
            return decode_tiff;
        default:
            return nullptr;
    }
}

std::map<std::uint32_t, sandbox::child::Handler> handlers() { return handlers_for(light); }

}  // namespace rushlight::media::decode
