#include "media/decode/ffmpeg.h"

#include <algorithm>
#include <cstdio>
#include <new>

extern "C" {
#include <libavutil/imgutils.h>
#include <libavutil/log.h>
#include <libavutil/mem.h>
}

namespace rushlight::media::decode::ffmpeg {
namespace {

// Decoders that a video or a picture may ask for. Not here: formats that are themselves little players or
// drawing programs (subtitles, ANSI art, slides), and everything that is sound.
constexpr const char* kCodecs =
    "h264,hevc,libdav1d,av1,vp8,vp9,libvpx,libvpx-vp9,mpeg4,mpeg1video,mpeg2video,msmpeg4v1,msmpeg4v2,"
    "msmpeg4,"
    "h261,h263,h263i,h263p,flv,wmv1,wmv2,wmv3,vc1,mjpeg,mjpegb,theora,vp3,vp6,vp6f,prores,dnxhd,cfhd,ffv1,"
    "ffvhuff,"
    "huffyuv,utvideo,rawvideo,dvvideo,cinepak,indeo3,indeo4,indeo5,svq1,svq3,rpza,qtrle,msvideo1,rv10,rv20,"
    "rv30,"
    "rv40,png,apng,bmp,zlib,tscc,lagarith,magicyuv,hap,snow,jpeg2000";

constexpr int kIoBytes = 64 * 1024;

void be_silent() {
    static const bool once = [] {
        av_log_set_callback([](void*, int, const char*, va_list) {});
        return true;
    }();
    (void)once;
}

int refuse_open(AVFormatContext*, AVIOContext**, const char*, int, AVDictionary**) { return AVERROR(EPERM); }

}  // namespace

Packet make_packet() {
    Packet packet(av_packet_alloc());
    if (!packet) throw std::bad_alloc();
    return packet;
}

Frame make_frame() {
    Frame frame(av_frame_alloc());
    if (!frame) throw std::bad_alloc();
    return frame;
}

Codec open_codec(AVCodecID id, const AVCodecParameters* parameters, const Limits& limits) {
    be_silent();
    const AVCodec* decoder = avcodec_find_decoder(id);
    if (decoder == nullptr) return nullptr;
    Codec codec(avcodec_alloc_context3(decoder));
    if (!codec) throw std::bad_alloc();
    if (parameters != nullptr && avcodec_parameters_to_context(codec.get(), parameters) < 0) return nullptr;
    codec->thread_count = 1;
    codec->max_pixels = static_cast<std::int64_t>(limits.pixels);
    codec->codec_whitelist = av_strdup(kCodecs);
    if (codec->codec_whitelist == nullptr) throw std::bad_alloc();
    if (avcodec_open2(codec.get(), decoder, nullptr) < 0) return nullptr;
    return codec;
}

tl::expected<pdq::Image, Problem> Converter::convert(const AVFrame& frame, const Limits& limits,
                                                     Buffer& buffer) {
    if (frame.width < 0 || frame.height < 0) return problem(Reason::corrupt, "a frame of negative size");
    const auto width = static_cast<std::uint32_t>(frame.width);
    const auto height = static_cast<std::uint32_t>(frame.height);
    if (auto size = check_size(width, height, limits); !size) return tl::unexpected(size.error());
    // The scaler writes whole vectors: rows are padded to 64 bytes, and there is room behind the last one.
    const std::size_t stride = (std::size_t{width} * 3 + 63) / 64 * 64;
    std::uint8_t* pixels = buffer.take(stride * height + 64);
    scaler_.reset(sws_getCachedContext(scaler_.release(), frame.width, frame.height,
                                       static_cast<AVPixelFormat>(frame.format), frame.width, frame.height,
                                       AV_PIX_FMT_RGB24, SWS_BILINEAR, nullptr, nullptr, nullptr));
    if (!scaler_)
        return problem(Reason::unsupported, "frames of a pixel format that is not converted to RGB");
    std::uint8_t* const planes[4] = {pixels, nullptr, nullptr, nullptr};
    const int strides[4] = {static_cast<int>(stride), 0, 0, 0};
    if (sws_scale(scaler_.get(), frame.data, frame.linesize, 0, frame.height, planes, strides) <= 0) {
        return problem(Reason::corrupt, "a frame that cannot be converted to RGB");
    }
    return pdq::Image{
        .pixels = pixels, .width = width, .height = height, .stride = stride, .layout = pdq::Layout::rgb8};
}

int Demuxer::read(void* self, std::uint8_t* out, int count) {
    auto& demuxer = *static_cast<Demuxer*>(self);
    if (count <= 0) return AVERROR(EINVAL);
    const std::size_t n = demuxer.input_->read_at(static_cast<std::uint64_t>(demuxer.at_),
                                                  {out, static_cast<std::size_t>(count)});
    if (n == 0) return AVERROR_EOF;
    demuxer.at_ += static_cast<std::int64_t>(n);
    return static_cast<int>(n);
}

std::int64_t Demuxer::seek(void* self, std::int64_t offset, int whence) {
    auto& demuxer = *static_cast<Demuxer*>(self);
    const auto size = static_cast<std::int64_t>(demuxer.input_->size());
    whence &= ~AVSEEK_FORCE;
    if (whence == AVSEEK_SIZE) return size;
    if (whence == SEEK_CUR) offset += demuxer.at_;  // both far from overflow: at_ is at most the size
    if (whence == SEEK_END) offset += size;
    if (offset < 0 || offset > size) return AVERROR(EINVAL);
    demuxer.at_ = offset;
    return offset;
}

int Demuxer::stop(void* self) { return static_cast<Demuxer*>(self)->sink_->go_on() ? 0 : 1; }

tl::expected<std::unique_ptr<Demuxer>, Problem> Demuxer::open(const char* format, Input& input, Sink& sink) {
    be_silent();
    const AVInputFormat* reader = av_find_input_format(format);
    if (reader == nullptr) return problem(Reason::unsupported, "this FFmpeg has no reader for the container");
    std::unique_ptr<Demuxer> demuxer(new Demuxer(input, sink));
    auto* buffer = static_cast<std::uint8_t*>(av_malloc(kIoBytes));
    if (buffer == nullptr) throw std::bad_alloc();
    demuxer->io_ = avio_alloc_context(buffer, kIoBytes, 0, demuxer.get(), read, nullptr, seek);
    demuxer->format_ = avformat_alloc_context();
    if (demuxer->io_ == nullptr || demuxer->format_ == nullptr) {
        if (demuxer->io_ == nullptr) av_free(buffer);
        throw std::bad_alloc();
    }
    AVFormatContext* context = demuxer->format_;
    context->pb = demuxer->io_;
    context->flags |= AVFMT_FLAG_CUSTOM_IO;
    context->io_open = refuse_open;
    context->interrupt_callback = {stop, demuxer.get()};
    context->format_whitelist = av_strdup(reader->name);
    context->codec_whitelist = av_strdup(kCodecs);
    context->protocol_whitelist = av_strdup("none");
    if (context->format_whitelist == nullptr || context->codec_whitelist == nullptr ||
        context->protocol_whitelist == nullptr) {
        throw std::bad_alloc();
    }
    int error =
        avformat_open_input(&demuxer->format_, "", reader, nullptr);  // frees the context where it fails
    if (error >= 0) error = avformat_find_stream_info(demuxer->format_, nullptr);
    if (error == AVERROR(ENOMEM)) throw std::bad_alloc();
    if (error == AVERROR_EXIT || !sink.go_on())
        return problem(Reason::timeout, "reading the file's header took too long");
    if (error < 0) return problem(Reason::corrupt, "the video's header is broken");
    return demuxer;
}

Demuxer::~Demuxer() {
    avformat_close_input(&format_);
    if (io_ != nullptr) av_freep(static_cast<void*>(&io_->buffer));
    avio_context_free(&io_);
}

void for_each_frame(Demuxer& demuxer, int stream, AVCodecContext& codec, Sink& sink,
                    const std::function<bool(const AVFrame&)>& each) {
    const Packet packet = make_packet();
    const Frame frame = make_frame();
    // True while the decoder may be fed again.
    const auto drain = [&] {
        while (sink.go_on()) {
            const int got = avcodec_receive_frame(&codec, frame.get());
            if (got == AVERROR(ENOMEM)) throw std::bad_alloc();
            if (got == AVERROR_EOF) return false;
            if (got == AVERROR(EAGAIN)) return true;
            if (got >= 0 && !each(*frame)) return false;
        }
        return false;
    };
    while (sink.go_on()) {
        const int got = av_read_frame(demuxer.format(), packet.get());
        if (got == AVERROR(ENOMEM)) throw std::bad_alloc();
        if (got < 0) break;  // the end, or nothing readable behind this point
        if (packet->stream_index == stream) {
            // After each packet the decoder is drained, so it never refuses one for being full.
            if (avcodec_send_packet(&codec, packet.get()) == AVERROR(ENOMEM)) throw std::bad_alloc();
            if (!drain()) return;
        }
        av_packet_unref(packet.get());
    }
    avcodec_send_packet(&codec, nullptr);
    drain();
}

}  // namespace rushlight::media::decode::ffmpeg
