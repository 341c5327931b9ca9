// BMP through FFmpeg's decoder. The header is read here too: its size is judged before FFmpeg sees it.

#include "media/decode/ffmpeg.h"

#include <cstring>

namespace rushlight::media::decode {
namespace {

std::uint32_t little(std::span<const std::uint8_t> bytes, std::size_t at, std::size_t count) {
    std::uint32_t value = 0;
    for (std::size_t i = count; i-- > 0;) value = value << 8 | bytes[at + i];
    return value;
}

}  // namespace

Outcome decode_bmp(Input& input, const Limits& limits, Sink& sink) {
    const auto all = input.all(limits);
    if (!all) return tl::unexpected(all.error());
    const std::span bytes(reinterpret_cast<const std::uint8_t*>(all->data()), all->size());
    if (bytes.size() < 26) return problem(Reason::truncated, "the BMP ends within its header");
    const std::uint64_t said = little(bytes, 2, 4);
    const bool old = little(bytes, 14, 4) == 12;  // OS/2's header has 16-bit sides
    const std::uint32_t width = little(bytes, 18, old ? 2 : 4);
    std::uint32_t height = little(bytes, old ? 20 : 22, old ? 2 : 4);
    if (!old && height > 0x80000000u) height = 0u - height;  // negative: stored top to bottom
    sink.size(width, height);
    if (auto size = check_size(width, height, limits); !size) return size;

    const bool cut = said > bytes.size();
    const auto failure = [&] {
        if (cut) return problem(Reason::truncated, "the BMP ends before its picture does");
        return problem(Reason::corrupt, "the BMP is broken, or of a kind that FFmpeg does not read");
    };
    const ffmpeg::Codec codec = ffmpeg::open_codec(AV_CODEC_ID_BMP, nullptr, limits);
    if (!codec) return problem(Reason::unsupported, "this FFmpeg has no reader for BMP");
    const ffmpeg::Packet packet = ffmpeg::make_packet();
    if (bytes.size() > std::size_t{0x7fffff00} ||
        av_new_packet(packet.get(), static_cast<int>(bytes.size())) < 0) {
        return problem(Reason::too_large, "the BMP has more bytes than FFmpeg takes at once");
    }
    std::memcpy(packet->data, bytes.data(), bytes.size());
    const ffmpeg::Frame frame = ffmpeg::make_frame();
    if (avcodec_send_packet(codec.get(), packet.get()) < 0 ||
        avcodec_receive_frame(codec.get(), frame.get()) < 0) {
        return failure();
    }
    ffmpeg::Converter converter;
    const auto image = converter.convert(*frame, limits, input.scratch().pixels);
    if (!image) return tl::unexpected(image.error());
    sink.frame(*image, 0, 0);
    return {};
}

}  // namespace rushlight::media::decode
