#include "media/decode/decode.h"
#include "media/decode/table.h"

namespace rushlight::media::decode {

Decoder all(Format format) {
    switch (format) {
        case Format::apng:
            return decode_apng;
        case Format::bmp:
            return decode_bmp;
        case Format::heic:
        case Format::heif:
        case Format::avif:
            return decode_heif;
        case Format::mp4:
        case Format::mov:
            return decode_mov;
        case Format::webm:
        case Format::mkv:
            return decode_mkv;
        case Format::avi:
            return decode_avi;
        case Format::mpeg_ts:
            return decode_mpeg_ts;
        case Format::mpeg_ps:
            return decode_mpeg_ps;
        case Format::flv:
            return decode_flv;
        case Format::asf:
            return decode_asf;
        case Format::ogg:
            return decode_ogg;
        default:
            return light(format);
    }
}

std::map<std::uint32_t, sandbox::child::Handler> all_handlers() { return handlers_for(all); }

}  // namespace rushlight::media::decode
