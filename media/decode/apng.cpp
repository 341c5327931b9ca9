// APNG: the still picture through libpng as frame 0 (what a reader that knows no animation sees, and what the
// reference fingerprints), the further frames composed by FFmpeg. A still picture that is not part of the
// animation comes before the animation's own frames, so that neither can hide the other.

#include "media/decode/ffmpeg.h"

#include <algorithm>
#include <cstring>

namespace rushlight::media::decode {
namespace {

// Hands the still picture on and remembers whether more is wanted.
class Still final : public Sink {
  public:
    explicit Still(Sink& sink) : sink_(&sink) {}
    void size(std::uint32_t width, std::uint32_t height) override {
        pixels_ = std::uint64_t{width} * height;
        sink_->size(width, height);
    }
    bool frame(const pdq::Image& image, std::uint32_t number, double seconds) override {
        return more_ = sink_->frame(image, number, seconds);
    }
    bool go_on() override { return sink_->go_on(); }
    bool more() const { return more_; }
    std::uint64_t pixels() const { return pixels_; }

  private:
    Sink* sink_;
    bool more_ = true;
    std::uint64_t pixels_ = 0;
};

}  // namespace

Outcome decode_apng(Input& input, const Limits& limits, Sink& sink) {
    Still still(sink);
    if (auto done = decode_png(input, limits, still); !done || !still.more()) return done;
    const auto bytes = input.all(limits);
    if (!bytes) return tl::unexpected(bytes.error());
    const bool first = still_is_first_frame(*bytes);

    // From here on the picture has its fingerprint: a broken animation leaves it with the frames before the
    // break.
    const auto demuxer = ffmpeg::Demuxer::open("apng", input, sink);
    if (!demuxer || (*demuxer)->format()->nb_streams == 0) return {};
    const AVStream& stream = *(*demuxer)->format()->streams[0];
    const ffmpeg::Codec codec = ffmpeg::open_codec(stream.codecpar->codec_id, stream.codecpar, limits);
    if (!codec) return {};
    ffmpeg::Converter converter;
    const std::uint64_t most = std::min<std::uint64_t>(
        limits.frames, limits.animation_pixels / std::max<std::uint64_t>(still.pixels(), 1));
    std::uint32_t number = first ? 0 : 1;
    double seconds = 0;
    const double time_base = av_q2d(stream.time_base);
    ffmpeg::for_each_frame(**demuxer, 0, *codec, sink, [&](const AVFrame& frame) {
        const std::uint32_t current = number++;
        if (current == 0) return true;  // given already
        if (current >= most) return false;
        if (frame.best_effort_timestamp != AV_NOPTS_VALUE && time_base > 0) {
            seconds = std::max(seconds, static_cast<double>(frame.best_effort_timestamp) * time_base);
        }
        const auto image = converter.convert(frame, limits, input.scratch().pixels);
        return image && sink.frame(*image, current, seconds);
    });
    return {};
}

}  // namespace rushlight::media::decode
