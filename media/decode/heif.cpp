// HEIC and AVIF through libheif: the primary picture as it is coded. The container's transformations
// (turning, mirroring, cropping) are orientation marks and are left out, as EXIF's are for JPEG; a grid's
// tiles are put together. More than 8 bits are brought to 8 by libheif; alpha is left out.

#include "media/decode/cut_short.h"
#include "media/decode/decoder.h"

#include <memory>

#include <libheif/heif.h>

namespace rushlight::media::decode {
namespace {

template <class T, void (*release)(T*)>
struct Release {
    void operator()(T* object) const { release(object); }
};
using Context = std::unique_ptr<heif_context, Release<heif_context, heif_context_free>>;
using Options =
    std::unique_ptr<heif_decoding_options, Release<heif_decoding_options, heif_decoding_options_free>>;
using Picture =
    std::unique_ptr<heif_image, Release<heif_image, [](heif_image* image) { heif_image_release(image); }>>;
struct ReleaseHandle {
    void operator()(const heif_image_handle* handle) const { heif_image_handle_release(handle); }
};
using Handle = std::unique_ptr<heif_image_handle, ReleaseHandle>;

Outcome failure(const heif_error& error, const Input& input) {
    const std::string words = error.message != nullptr ? error.message : "no reason given";
    switch (error.code) {
        case heif_error_Unsupported_feature:
        case heif_error_Unsupported_filetype:
        case heif_error_Plugin_loading_error:
            return problem(Reason::unsupported, "a HEIF picture that libheif does not read: " + words);
        case heif_error_Memory_allocation_error:
            return problem(Reason::too_large, "the HEIF picture needs more memory than allowed: " + words);
        default:
            break;
    }
    if (error.subcode == heif_suberror_Security_limit_exceeded) {
        return problem(Reason::too_large, "the HEIF picture is over libheif's limits: " + words);
    }
    if (boxes_cut_short(input))
        return problem(Reason::truncated, "the HEIF file ends before its picture does");
    return problem(Reason::corrupt, "the HEIF picture is broken: " + words);
}

bool ok(const heif_error& error) { return error.code == heif_error_Ok; }

}  // namespace

Outcome decode_heif(Input& input, const Limits& limits, Sink& sink) {
    const auto all = input.all(limits);
    if (!all) return tl::unexpected(all.error());
    const std::span bytes(reinterpret_cast<const std::uint8_t*>(all->data()), all->size());

    const Context context(heif_context_alloc());
    if (!context) throw std::bad_alloc();
    heif_context_set_max_decoding_threads(context.get(), 0);
    heif_context_set_maximum_image_size_limit(context.get(), static_cast<int>(limits.side));
#if LIBHEIF_HAVE_VERSION(1, 19, 0)  // Debian 13
    heif_context_get_security_limits(context.get())->max_image_size_pixels = limits.pixels;
#endif
    heif_error error =
        heif_context_read_from_memory_without_copy(context.get(), bytes.data(), bytes.size(), nullptr);
    if (!ok(error)) return failure(error, input);
    heif_image_handle* raw_handle = nullptr;
    error = heif_context_get_primary_image_handle(context.get(), &raw_handle);
    if (!ok(error)) return failure(error, input);
    const Handle handle(raw_handle);

    const int stored_width = heif_image_handle_get_ispe_width(handle.get());
    const int stored_height = heif_image_handle_get_ispe_height(handle.get());
    if (stored_width <= 0 || stored_height <= 0)
        return problem(Reason::corrupt, "the HEIF picture has no size");
    const auto width = static_cast<std::uint32_t>(stored_width);
    const auto height = static_cast<std::uint32_t>(stored_height);
    sink.size(width, height);
    if (auto size = check_size(width, height, limits); !size) return size;

    const Options options(heif_decoding_options_alloc());
    if (!options) throw std::bad_alloc();
    options->ignore_transformations = 1;
    heif_image* raw_picture = nullptr;
    error = heif_decode_image(handle.get(), &raw_picture, heif_colorspace_RGB, heif_chroma_interleaved_RGB,
                              options.get());
    if (!ok(error)) return failure(error, input);
    const Picture picture(raw_picture);
    // The coded size may differ from what the container said. (What it costs before we see it is bounded by
    // libheif's own limits and the child's memory.)
    const int decoded_width = heif_image_get_width(picture.get(), heif_channel_interleaved);
    const int decoded_height = heif_image_get_height(picture.get(), heif_channel_interleaved);
    int stride = 0;
    const std::uint8_t* pixels =
        heif_image_get_plane_readonly(picture.get(), heif_channel_interleaved, &stride);
    if (pixels == nullptr || decoded_width <= 0 || decoded_height <= 0 || stride < decoded_width * 3) {
        return problem(Reason::corrupt, "the HEIF picture came out empty");
    }
    if (auto size = check_size(static_cast<std::uint64_t>(decoded_width),
                               static_cast<std::uint64_t>(decoded_height), limits);
        !size) {
        return size;
    }
    sink.frame({.pixels = pixels,
                .width = static_cast<std::uint32_t>(decoded_width),
                .height = static_cast<std::uint32_t>(decoded_height),
                .stride = static_cast<std::size_t>(stride),
                .layout = pdq::Layout::rgb8},
               0, 0);
    return {};
}

}  // namespace rushlight::media::decode
