// What the FFmpeg decoders here share: ownership, silence, and frames brought to 8-bit RGB.
#pragma once

#include "media/decode/decoder.h"

#include <functional>
#include <memory>

extern "C" {
#include <libavcodec/avcodec.h>
#include <libavformat/avformat.h>
#include <libswscale/swscale.h>
}

namespace rushlight::media::decode::ffmpeg {

struct FreePacket {
    void operator()(AVPacket* packet) const { av_packet_free(&packet); }
};
struct FreeFrame {
    void operator()(AVFrame* frame) const { av_frame_free(&frame); }
};
struct FreeCodec {
    void operator()(AVCodecContext* codec) const { avcodec_free_context(&codec); }
};
struct FreeScaler {
    void operator()(SwsContext* scaler) const { sws_freeContext(scaler); }
};
using Packet = std::unique_ptr<AVPacket, FreePacket>;
using Frame = std::unique_ptr<AVFrame, FreeFrame>;
using Codec = std::unique_ptr<AVCodecContext, FreeCodec>;

Packet make_packet();
Frame make_frame();
// A decoder of `id` (with a stream's parameters where there are some) that runs on this thread alone and
// refuses pictures over the limits before it allocates them. nullptr: no such decoder, or it does not start.
Codec open_codec(AVCodecID id, const AVCodecParameters* parameters, const Limits& limits);

// Brings frames to RGB in a scratch buffer, without scaling, as the reference does for video: FFmpeg's
// default matrix, whatever the file says. Keeps its tables from frame to frame.
class Converter {
  public:
    // The picture lies in `buffer`. Problem: `unsupported` for a pixel format that cannot be converted, and
    // what check_size says.
    tl::expected<pdq::Image, Problem> convert(const AVFrame& frame, const Limits& limits, Buffer& buffer);

  private:
    std::unique_ptr<SwsContext, FreeScaler> scaler_;
};

// A demuxer over an Input: no file, no network, no second file that the first one names.
class Demuxer {
  public:
    // `format` is FFmpeg's name of the one container that may be read.
    static tl::expected<std::unique_ptr<Demuxer>, Problem> open(const char* format, Input& input, Sink& sink);
    Demuxer(const Demuxer&) = delete;
    Demuxer& operator=(const Demuxer&) = delete;
    ~Demuxer();

    AVFormatContext* format() const { return format_; }

  private:
    Demuxer(Input& input, Sink& sink) : input_(&input), sink_(&sink) {}
    static int read(void* self, std::uint8_t* out, int count);
    static std::int64_t seek(void* self, std::int64_t offset, int whence);
    static int stop(void* self);

    Input* input_;
    Sink* sink_;
    AVFormatContext* format_ = nullptr;
    AVIOContext* io_ = nullptr;
    std::int64_t at_ = 0;
};

// Decodes one stream from where the demuxer stands to its end and calls `each` with every frame in the order
// in which it is shown. What cannot be decoded is skipped, as players do. Stops where `each` or the sink's
// go_on() says so.
void for_each_frame(Demuxer& demuxer, int stream, AVCodecContext& codec, Sink& sink,
                    const std::function<bool(const AVFrame&)>& each);

}  // namespace rushlight::media::decode::ffmpeg
