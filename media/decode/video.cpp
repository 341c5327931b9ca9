// MP4, MOV, WebM, Matroska, AVI, MPEG streams, FLV, ASF and Ogg through FFmpeg: every frame is decoded, one a
// second is given.
//
// Which ones is the reference's rule: of a video of r frames a second (the container's average rate), the
// frames 0, m, 2m, … with m the whole part of r (at least 1), at frame / r seconds. Where the rate is unknown
// or makes no sense, the frames' own time stamps decide: the first frame of each second, at its own time.

#include "media/decode/cut_short.h"
#include "media/decode/ffmpeg.h"

#include <algorithm>
#include <cmath>

namespace rushlight::media::decode {
namespace {

constexpr double kMostFramesASecond =
    240;  // above it, the container's rate is taken for a mistake or a trick

struct Container {
    const char* name;  // FFmpeg's
    bool (*cut_short)(const Input&);
};

// Packet after packet: nothing says how long the whole should be.
bool streams_have_no_end(const Input&) { return false; }

class Sampler {
  public:
    explicit Sampler(const AVStream& stream)
        : time_base_(av_q2d(stream.time_base)), start_(stream.start_time) {
        const AVRational rate = stream.avg_frame_rate;
        if (rate.num > 0 && rate.den > 0 && av_q2d(rate) <= kMostFramesASecond) {
            rate_ = av_q2d(rate);
            step_ = std::max(1u, static_cast<std::uint32_t>(rate_));
        }
        if (start_ == AV_NOPTS_VALUE) start_ = 0;
    }

    // Is the next frame, of this time stamp, one to give? Then seconds() says when it is shown.
    bool take(std::uint32_t number, std::int64_t stamp) {
        if (step_ > 0) {
            seconds_ = number / rate_;
            return number % step_ == 0;
        }
        double now = seconds_;
        if (stamp != AV_NOPTS_VALUE && time_base_ > 0) {
            now = (static_cast<double>(stamp) - static_cast<double>(start_)) * time_base_;
        }
        if (number > 0 && !(now >= next_)) return false;
        seconds_ = std::isfinite(now) ? std::max(now, seconds_) : seconds_;  // never back
        next_ = std::floor(seconds_) + 1;
        return true;
    }
    double seconds() const { return seconds_; }

  private:
    double rate_ = 0;
    std::uint32_t step_ = 0;  // 0: by time stamps
    double time_base_;
    std::int64_t start_;
    double seconds_ = 0;
    double next_ = 0;
};

// The first stream of pictures that is the film itself, not its cover.
int find_film(const AVFormatContext& format) {
    for (unsigned i = 0; i < format.nb_streams; ++i) {
        const AVStream& stream = *format.streams[i];
        const bool cover =
            (stream.disposition & (AV_DISPOSITION_ATTACHED_PIC | AV_DISPOSITION_TIMED_THUMBNAILS)) != 0;
        if (stream.codecpar->codec_type == AVMEDIA_TYPE_VIDEO && !cover) return static_cast<int>(i);
    }
    return -1;
}

Outcome decode_video(const Container& container, Input& input, const Limits& limits, Sink& sink) {
    if (input.size() == 0) return problem(Reason::empty, "the file has no bytes");
    const auto demuxer = ffmpeg::Demuxer::open(container.name, input, sink);
    if (!demuxer) {
        if (demuxer.error().reason == Reason::corrupt && container.cut_short(input)) {
            return problem(Reason::truncated, "the video ends before FFmpeg can make sense of it");
        }
        return tl::unexpected(demuxer.error());
    }
    AVFormatContext& format = *(*demuxer)->format();
    const int film = find_film(format);
    if (film < 0) return problem(Reason::not_media, "the file holds sound or data, but no film");
    for (unsigned i = 0; i < format.nb_streams; ++i) {
        if (static_cast<int>(i) != film) format.streams[i]->discard = AVDISCARD_ALL;
    }
    const AVStream& stream = *format.streams[film];
    const AVCodecParameters& parameters = *stream.codecpar;
    bool sized = false;
    if (parameters.width > 0 && parameters.height > 0) {
        const auto width = static_cast<std::uint32_t>(parameters.width);
        const auto height = static_cast<std::uint32_t>(parameters.height);
        sink.size(width, height);
        sized = true;
        if (auto size = check_size(width, height, limits); !size) return size;
    }
    const ffmpeg::Codec codec = ffmpeg::open_codec(parameters.codec_id, &parameters, limits);
    if (!codec) {
        return problem(Reason::unsupported, std::string("a video of the codec '") +
                                                avcodec_get_name(parameters.codec_id) +
                                                "', which is not read");
    }

    Sampler sampler(stream);
    ffmpeg::Converter converter;
    std::uint32_t number = 0;
    std::uint32_t given = 0;
    Outcome result;
    ffmpeg::for_each_frame(**demuxer, film, *codec, sink, [&](const AVFrame& frame) {
        const std::uint32_t current = number++;
        if (!sampler.take(current, frame.best_effort_timestamp)) return number != 0;
        const auto image = converter.convert(frame, limits, input.scratch().pixels);
        if (!image) {
            if (result) result = tl::unexpected(image.error());
            return true;
        }
        if (!sized) sink.size(image->width, image->height);
        sized = true;
        ++given;
        return sink.frame(*image, current, sampler.seconds()) && given < limits.video_frames;
    });
    if (given > 0) return {};  // a film cut short, or broken in places, gives the frames that there are
    if (!sink.go_on()) return problem(Reason::timeout, "no frame could be decoded in time");
    if (!result) return result;
    if (container.cut_short(input))
        return problem(Reason::truncated, "the video ends before its first whole frame");
    return problem(Reason::corrupt, "the video has no frame that can be decoded");
}

}  // namespace

Outcome decode_mov(Input& input, const Limits& limits, Sink& sink) {
    return decode_video({"mov", boxes_cut_short}, input, limits, sink);
}
Outcome decode_mkv(Input& input, const Limits& limits, Sink& sink) {
    return decode_video({"matroska", matroska_cut_short}, input, limits, sink);
}
Outcome decode_avi(Input& input, const Limits& limits, Sink& sink) {
    return decode_video({"avi", riff_cut_short}, input, limits, sink);
}
Outcome decode_mpeg_ts(Input& input, const Limits& limits, Sink& sink) {
    return decode_video({"mpegts", streams_have_no_end}, input, limits, sink);
}
Outcome decode_mpeg_ps(Input& input, const Limits& limits, Sink& sink) {
    return decode_video({"mpeg", streams_have_no_end}, input, limits, sink);
}
Outcome decode_flv(Input& input, const Limits& limits, Sink& sink) {
    return decode_video({"flv", streams_have_no_end}, input, limits, sink);
}
Outcome decode_asf(Input& input, const Limits& limits, Sink& sink) {
    return decode_video({"asf", streams_have_no_end}, input, limits, sink);
}
Outcome decode_ogg(Input& input, const Limits& limits, Sink& sink) {
    return decode_video({"ogg", streams_have_no_end}, input, limits, sink);
}

}  // namespace rushlight::media::decode
