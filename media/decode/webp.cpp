// WebP through libwebp: lossy and lossless stills; animations composed by libwebpdemux. Alpha is dropped.

#include "media/decode/cut_short.h"
#include "media/decode/decoder.h"

#include <memory>

#include <webp/decode.h>
#include <webp/demux.h>

namespace rushlight::media::decode {
namespace {

tl::unexpected<Problem> failure(VP8StatusCode status, const Input& input) {
    switch (status) {
        case VP8_STATUS_OUT_OF_MEMORY:
            throw std::bad_alloc();
        case VP8_STATUS_UNSUPPORTED_FEATURE:
            return problem(Reason::unsupported, "the WebP uses a feature that libwebp does not read");
        default:
            break;
    }
    if (riff_cut_short(input)) return problem(Reason::truncated, "the WebP ends before its picture does");
    return problem(Reason::corrupt, "the WebP is broken");
}

struct DeleteAnimation {
    void operator()(WebPAnimDecoder* decoder) const { WebPAnimDecoderDelete(decoder); }
};

Outcome decode_animation(const Input& input, std::span<const std::uint8_t> bytes, const Limits& limits,
                         Sink& sink) {
    WebPAnimDecoderOptions options;
    if (WebPAnimDecoderOptionsInit(&options) == 0)
        return problem(Reason::unsupported, "another libwebp than built for");
    options.color_mode = MODE_RGBA;
    options.use_threads = 0;
    const WebPData data{bytes.data(), bytes.size()};
    const std::unique_ptr<WebPAnimDecoder, DeleteAnimation> decoder(WebPAnimDecoderNew(&data, &options));
    WebPAnimInfo info;
    if (!decoder || WebPAnimDecoderGetInfo(decoder.get(), &info) == 0)
        return failure(VP8_STATUS_BITSTREAM_ERROR, input);
    if (auto size = check_size(info.canvas_width, info.canvas_height, limits); !size) return size;
    const std::uint64_t canvas = std::uint64_t{info.canvas_width} * info.canvas_height;
    int shown_until = 0;
    for (std::uint32_t frame = 0; frame < limits.frames && WebPAnimDecoderHasMoreFrames(decoder.get()) != 0;
         ++frame) {
        if (frame > 0 && canvas * (frame + 1) > limits.animation_pixels) break;
        std::uint8_t* pixels = nullptr;
        const double seconds = shown_until / 1000.0;
        if (WebPAnimDecoderGetNext(decoder.get(), &pixels, &shown_until) == 0) {
            return failure(VP8_STATUS_BITSTREAM_ERROR, input);
        }
        const bool more = sink.frame({.pixels = pixels,
                                      .width = info.canvas_width,
                                      .height = info.canvas_height,
                                      .stride = std::size_t{info.canvas_width} * 4,
                                      .layout = pdq::Layout::rgba8},
                                     frame, seconds);
        if (!more) break;
    }
    return {};
}

Outcome decode_still(Input& input, std::span<const std::uint8_t> bytes, const WebPBitstreamFeatures& features,
                     Sink& sink) {
    const auto width = static_cast<std::uint32_t>(features.width);
    const auto height = static_cast<std::uint32_t>(features.height);
    WebPDecoderConfig config;
    if (WebPInitDecoderConfig(&config) == 0)
        return problem(Reason::unsupported, "another libwebp than built for");
    const std::size_t stride = std::size_t{width} * 3;
    std::uint8_t* pixels = input.scratch().pixels.take(stride * height);
    config.options.use_threads = 0;
    config.output.colorspace = MODE_RGB;
    config.output.is_external_memory = 1;
    config.output.u.RGBA.rgba = pixels;
    config.output.u.RGBA.stride = static_cast<int>(stride);
    config.output.u.RGBA.size = stride * height;
    const VP8StatusCode status = WebPDecode(bytes.data(), bytes.size(), &config);
    WebPFreeDecBuffer(&config.output);
    if (status != VP8_STATUS_OK) return failure(status, input);
    sink.frame(
        {.pixels = pixels, .width = width, .height = height, .stride = stride, .layout = pdq::Layout::rgb8},
        0, 0);
    return {};
}

}  // namespace

Outcome decode_webp(Input& input, const Limits& limits, Sink& sink) {
    const auto all = input.all(limits);
    if (!all) return tl::unexpected(all.error());
    const std::span bytes(reinterpret_cast<const std::uint8_t*>(all->data()), all->size());
    WebPBitstreamFeatures features;
    const VP8StatusCode status = WebPGetFeatures(bytes.data(), bytes.size(), &features);
    if (status != VP8_STATUS_OK) return failure(status, input);
    if (features.width < 0 || features.height < 0) return problem(Reason::corrupt, "a WebP of negative size");
    const auto width = static_cast<std::uint32_t>(features.width);
    const auto height = static_cast<std::uint32_t>(features.height);
    sink.size(width, height);
    if (auto size = check_size(width, height, limits); !size) return size;
    return features.has_animation != 0 ? decode_animation(input, bytes, limits, sink)
                                       : decode_still(input, bytes, features, sink);
}

}  // namespace rushlight::media::decode
