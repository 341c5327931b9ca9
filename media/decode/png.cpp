// PNG through libpng: every colour type and depth, interlaced or not, to 8 bits of grey or RGB. Alpha is
// dropped and no gamma or colour profile applied, as the reference does. 16 bits keep their upper 8.

#include "media/decode/decoder.h"

#include <csetjmp>
#include <cstring>
#include <vector>

#include <png.h>

namespace rushlight::media::decode {
namespace {

struct Reading {
    Bytes bytes;
    std::size_t at = 0;
    bool ran_out = false;
    char message[120] = {};
    std::jmp_buf escape;
};

void read_bytes(png_structp png, png_bytep out, std::size_t count) {
    auto& reading = *static_cast<Reading*>(png_get_io_ptr(png));
    if (count > reading.bytes.size() - reading.at) {
        reading.ran_out = true;
        png_error(png, "the file ends too early");
    }
    std::memcpy(out, reading.bytes.data() + reading.at, count);
    reading.at += count;
}

[[noreturn]] void on_error(png_structp png, png_const_charp message) {
    auto& reading = *static_cast<Reading*>(png_get_error_ptr(png));
    std::strncpy(reading.message, message, sizeof reading.message - 1);
    std::longjmp(reading.escape, 1);
}

void on_warning(png_structp, png_const_charp) {}

// What lives across libpng's long jumps: everything that owns something stands outside the functions that
// call setjmp, which hold no object with a destructor.
struct Png {
    Reading reading;
    png_structp png = nullptr;
    png_infop info = nullptr;
    std::uint32_t width = 0, height = 0;
    std::size_t row_bytes = 0;
    int channels = 0;

    explicit Png(Bytes bytes) {
        reading.bytes = bytes;
        png = png_create_read_struct(PNG_LIBPNG_VER_STRING, &reading, on_error, on_warning);
        if (png) info = png_create_info_struct(png);
        if (!info) {
            png_destroy_read_struct(&png, nullptr, nullptr);
            throw std::bad_alloc();
        }
        png_set_read_fn(png, &reading, read_bytes);
    }
    Png(const Png&) = delete;
    Png& operator=(const Png&) = delete;
    ~Png() { png_destroy_read_struct(&png, &info, nullptr); }

    bool read_header() {
        if (setjmp(reading.escape) != 0) return false;
        png_set_user_limits(png, 0x7fffffff, 0x7fffffff);  // the size is judged by us, with its own reason
        png_set_chunk_malloc_max(png, 8 << 20);
        png_set_chunk_cache_max(png, 128);
        // Texts, profiles and times can be large and change no pixel: not even unpacked.
        png_set_keep_unknown_chunks(png, PNG_HANDLE_CHUNK_NEVER, nullptr, -1);
        png_set_keep_unknown_chunks(png, PNG_HANDLE_CHUNK_AS_DEFAULT,
                                    reinterpret_cast<png_const_bytep>("tRNS"), 1);
        png_read_info(png, info);
        width = png_get_image_width(png, info);
        height = png_get_image_height(png, info);
        return true;
    }

    bool prepare() {
        if (setjmp(reading.escape) != 0) return false;
        png_set_expand(png);  // palette → RGB, 1, 2 and 4 bits of grey → 8, tRNS → alpha
        png_set_strip_16(png);
        png_set_strip_alpha(png);
        png_set_interlace_handling(png);
        png_read_update_info(png, info);
        row_bytes = png_get_rowbytes(png, info);
        channels = png_get_channels(png, info);
        return true;
    }

    bool read_rows(png_bytepp rows) {
        if (setjmp(reading.escape) != 0) return false;
        png_read_image(png, rows);
        return true;
    }

    tl::unexpected<Problem> failure() const {
        return reading.ran_out
                   ? problem(Reason::truncated, "the PNG ends before its picture does")
                   : problem(Reason::corrupt, std::string("the PNG is broken: ") + reading.message);
    }
};

// Is there a chunk of this name before the picture's data?
bool has_chunk(Bytes bytes, const char* name) {
    std::size_t at = 8;
    while (at + 12 <= bytes.size()) {
        const auto* p = reinterpret_cast<const std::uint8_t*>(bytes.data()) + at;
        if (std::memcmp(p + 4, name, 4) == 0) return true;
        if (std::memcmp(p + 4, "IDAT", 4) == 0) return false;
        const std::size_t length =
            std::size_t{p[0]} << 24 | std::size_t{p[1]} << 16 | std::size_t{p[2]} << 8 | p[3];
        if (length > bytes.size() - at - 12) return false;
        at += 12 + length;
    }
    return false;
}

}  // namespace

bool is_animated_png(Bytes bytes) { return has_chunk(bytes, "acTL"); }
bool still_is_first_frame(Bytes bytes) { return has_chunk(bytes, "fcTL"); }

Outcome decode_png(Input& input, const Limits& limits, Sink& sink) {
    const auto bytes = input.all(limits);
    if (!bytes) return tl::unexpected(bytes.error());
    Png png(*bytes);
    if (!png.read_header()) return png.failure();
    sink.size(png.width, png.height);
    if (auto size = check_size(png.width, png.height, limits); !size) return size;
    if (!png.prepare()) return png.failure();
    if (png.channels != 1 && png.channels != 3) {
        return problem(Reason::unsupported, "a PNG of " + std::to_string(png.channels) + " channels");
    }
    std::uint8_t* pixels = input.scratch().pixels.take(png.row_bytes * png.height);
    std::vector<png_bytep> rows(png.height);
    for (std::size_t y = 0; y < rows.size(); ++y) rows[y] = pixels + y * png.row_bytes;
    if (!png.read_rows(rows.data())) return png.failure();
    // Chunks after the picture cannot change it: they are not read.
    sink.frame({.pixels = pixels,
                .width = png.width,
                .height = png.height,
                .stride = png.row_bytes,
                .layout = png.channels == 1 ? pdq::Layout::grey8 : pdq::Layout::rgb8},
               0, 0);
    return {};
}

}  // namespace rushlight::media::decode
