// TIFF and BigTIFF through libtiff, the first picture of the file.
//
// Two ways. Grey, RGB and palette pictures of 8 or 16 bits whose samples lie side by side are read sample by
// sample, so that alpha is dropped and not multiplied in, and 8 bits stay what they are (16 keep their upper
// 8). Everything else that libtiff can show (bilevel, planar, CMYK, YCbCr, Lab, packed depths) goes through
// its own conversion to RGBA.

#include "media/decode/decoder.h"

#include <algorithm>
#include <cstdio>
#include <cstring>
#include <memory>
#include <vector>

#include <tiffio.h>

namespace rushlight::media::decode {
namespace {

struct Reading {
    Bytes bytes;
    std::uint64_t at = 0;
    bool ran_out = false;
};

tmsize_t read_bytes(thandle_t handle, void* out, tmsize_t count) {
    auto& reading = *static_cast<Reading*>(handle);
    if (count <= 0) return 0;
    const std::uint64_t left = reading.at < reading.bytes.size() ? reading.bytes.size() - reading.at : 0;
    const std::uint64_t n = std::min(left, static_cast<std::uint64_t>(count));
    if (n < static_cast<std::uint64_t>(count)) reading.ran_out = true;
    if (n > 0) std::memcpy(out, reading.bytes.data() + reading.at, n);
    reading.at += n;
    return static_cast<tmsize_t>(n);
}

tmsize_t write_nothing(thandle_t, void*, tmsize_t) { return 0; }

toff_t seek_to(thandle_t handle, toff_t offset, int whence) {
    auto& reading = *static_cast<Reading*>(handle);
    if (whence == SEEK_SET) reading.at = offset;
    if (whence == SEEK_CUR) reading.at += offset;
    if (whence == SEEK_END) reading.at = reading.bytes.size() + offset;
    return reading.at;
}

int close_nothing(thandle_t) { return 0; }
toff_t size_of(thandle_t handle) { return static_cast<Reading*>(handle)->bytes.size(); }
int ignore_message(TIFF*, void*, const char*, const char*, va_list) { return 1; }

constexpr tmsize_t kMaxAllocation = tmsize_t{1} << 30;  // one strip or tile, or an index of them

struct CloseTiff {
    void operator()(TIFF* tiff) const { TIFFClose(tiff); }
};
using Tiff = std::unique_ptr<TIFF, CloseTiff>;

struct FreeOptions {
    void operator()(TIFFOpenOptions* options) const { TIFFOpenOptionsFree(options); }
};

Tiff open_tiff(Reading& reading) {
    const std::unique_ptr<TIFFOpenOptions, FreeOptions> options(TIFFOpenOptionsAlloc());
    if (!options) throw std::bad_alloc();
    TIFFOpenOptionsSetMaxSingleMemAlloc(options.get(), kMaxAllocation);
    TIFFOpenOptionsSetErrorHandlerExtR(options.get(), ignore_message, nullptr);
    TIFFOpenOptionsSetWarningHandlerExtR(options.get(), ignore_message, nullptr);
    return Tiff(TIFFClientOpenExt("picture", "rm", &reading, read_bytes, write_nothing, seek_to,
                                  close_nothing, size_of, nullptr, nullptr, options.get()));
}

struct Shape {
    std::uint32_t width = 0, height = 0;
    std::uint16_t bits = 1, samples = 1, photometric = 0, planar = PLANARCONFIG_CONTIG,
                  format = SAMPLEFORMAT_UINT;

    std::size_t sample_bytes() const { return bits / 8u; }
    bool simple() const {
        const bool known = photometric == PHOTOMETRIC_MINISBLACK || photometric == PHOTOMETRIC_MINISWHITE ||
                           (photometric == PHOTOMETRIC_RGB && samples >= 3) ||
                           (photometric == PHOTOMETRIC_PALETTE && bits == 8);
        return known && (bits == 8 || bits == 16) && samples >= 1 && samples <= 8 &&
               (planar == PLANARCONFIG_CONTIG || samples == 1) && format == SAMPLEFORMAT_UINT;
    }
};

// Copies part of a decoded row into the picture: `in` holds samples side by side.
class Rows {
  public:
    Rows(TIFF* tiff, const Shape& shape, std::uint8_t* pixels) : shape_(shape), pixels_(pixels) {
        grey_ = shape.photometric == PHOTOMETRIC_MINISBLACK || shape.photometric == PHOTOMETRIC_MINISWHITE;
        if (shape.photometric == PHOTOMETRIC_PALETTE) {
            std::uint16_t *red = nullptr, *green = nullptr, *blue = nullptr;
            if (TIFFGetField(tiff, TIFFTAG_COLORMAP, &red, &green, &blue) != 1) return;
            // Old writers filled the 16-bit table with 8-bit values.
            bool wide = false;
            for (int i = 0; i < 256; ++i) wide = wide || red[i] > 255 || green[i] > 255 || blue[i] > 255;
            const int shift = wide ? 8 : 0;
            palette_.resize(256 * 3);
            for (std::size_t i = 0; i < 256; ++i) {
                palette_[i * 3] = static_cast<std::uint8_t>(red[i] >> shift);
                palette_[i * 3 + 1] = static_cast<std::uint8_t>(green[i] >> shift);
                palette_[i * 3 + 2] = static_cast<std::uint8_t>(blue[i] >> shift);
            }
        }
    }

    bool usable() const { return shape_.photometric != PHOTOMETRIC_PALETTE || !palette_.empty(); }
    std::size_t channels() const { return grey_ ? 1 : 3; }

    void put(const std::uint8_t* in, std::uint32_t x, std::uint32_t y, std::uint32_t count) const {
        std::uint8_t* out = pixels_ + (std::size_t{y} * shape_.width + x) * channels();
        const std::size_t step = shape_.samples * shape_.sample_bytes();
        for (std::uint32_t i = 0; i < count; ++i, in += step, out += channels()) {
            if (shape_.photometric == PHOTOMETRIC_PALETTE) {
                std::memcpy(out, palette_.data() + std::size_t{in[0]} * 3, 3);
                continue;
            }
            for (std::size_t c = 0; c < channels(); ++c) {
                std::uint8_t value = upper(in + c * shape_.sample_bytes());
                if (shape_.photometric == PHOTOMETRIC_MINISWHITE)
                    value = static_cast<std::uint8_t>(255 - value);
                out[c] = value;
            }
        }
    }

  private:
    // libtiff hands out 16-bit samples in the machine's own byte order.
    std::uint8_t upper(const std::uint8_t* sample) const {
        if (shape_.bits == 8) return *sample;
        std::uint16_t value = 0;
        std::memcpy(&value, sample, 2);
        return static_cast<std::uint8_t>(value >> 8);
    }

    Shape shape_;
    std::uint8_t* pixels_;
    bool grey_ = false;
    std::vector<std::uint8_t> palette_;
};

bool read_tiles(TIFF* tiff, const Shape& shape, const Rows& rows, Buffer& buffer) {
    std::uint32_t tile_width = 0, tile_height = 0;
    TIFFGetField(tiff, TIFFTAG_TILEWIDTH, &tile_width);
    TIFFGetField(tiff, TIFFTAG_TILELENGTH, &tile_height);
    const tmsize_t size = TIFFTileSize(tiff);
    const tmsize_t row = TIFFTileRowSize(tiff);
    const std::size_t step = shape.samples * shape.sample_bytes();
    if (tile_width == 0 || tile_height == 0 || size <= 0 || size > kMaxAllocation || row <= 0) return false;
    if (static_cast<std::uint64_t>(row) < std::uint64_t{tile_width} * step ||
        static_cast<std::uint64_t>(row) * tile_height > static_cast<std::uint64_t>(size)) {
        return false;
    }
    std::uint8_t* tile = buffer.take(static_cast<std::size_t>(size));
    for (std::uint64_t top = 0; top < shape.height; top += tile_height) {
        for (std::uint64_t left = 0; left < shape.width; left += tile_width) {
            const auto x = static_cast<std::uint32_t>(left);
            const auto y = static_cast<std::uint32_t>(top);
            const tmsize_t got = TIFFReadEncodedTile(tiff, TIFFComputeTile(tiff, x, y, 0, 0), tile, size);
            if (got < size) return false;
            const std::uint32_t w = std::min(tile_width, shape.width - x);
            const std::uint32_t h = std::min(tile_height, shape.height - y);
            for (std::uint32_t i = 0; i < h; ++i)
                rows.put(tile + static_cast<std::size_t>(row) * i, x, y + i, w);
        }
    }
    return true;
}

bool read_strips(TIFF* tiff, const Shape& shape, const Rows& rows, Buffer& buffer) {
    std::uint32_t rows_a_strip = 0;
    TIFFGetFieldDefaulted(tiff, TIFFTAG_ROWSPERSTRIP, &rows_a_strip);
    rows_a_strip = std::min(rows_a_strip, shape.height);
    const tmsize_t row = TIFFScanlineSize(tiff);
    const std::size_t step = shape.samples * shape.sample_bytes();
    if (rows_a_strip == 0 || row <= 0 ||
        static_cast<std::uint64_t>(row) < std::uint64_t{shape.width} * step) {
        return false;
    }
    if (static_cast<std::uint64_t>(row) * rows_a_strip > static_cast<std::uint64_t>(kMaxAllocation))
        return false;
    std::uint8_t* strip = buffer.take(static_cast<std::size_t>(row) * rows_a_strip);
    for (std::uint64_t top = 0; top < shape.height; top += rows_a_strip) {
        const auto y = static_cast<std::uint32_t>(top);
        const std::uint32_t h = std::min(rows_a_strip, shape.height - y);
        const tmsize_t wanted = row * static_cast<tmsize_t>(h);
        if (TIFFReadEncodedStrip(tiff, TIFFComputeStrip(tiff, y, 0), strip, wanted) < wanted) return false;
        for (std::uint32_t i = 0; i < h; ++i)
            rows.put(strip + static_cast<std::size_t>(row) * i, 0, y + i, shape.width);
    }
    return true;
}

class Decoding {
  public:
    Decoding(Input& input, const Limits& limits, Sink& sink, Bytes bytes)
        : input_(&input), limits_(&limits), sink_(&sink), reading_{bytes} {}

    Outcome run() {
        tiff_ = open_tiff(reading_);
        if (!tiff_) return failure();
        Shape shape;
        TIFF* tiff = tiff_.get();
        if (TIFFGetField(tiff, TIFFTAG_IMAGEWIDTH, &shape.width) != 1 ||
            TIFFGetField(tiff, TIFFTAG_IMAGELENGTH, &shape.height) != 1) {
            return failure();
        }
        sink_->size(shape.width, shape.height);
        if (auto size = check_size(shape.width, shape.height, *limits_); !size) return size;
        TIFFGetFieldDefaulted(tiff, TIFFTAG_BITSPERSAMPLE, &shape.bits);
        TIFFGetFieldDefaulted(tiff, TIFFTAG_SAMPLESPERPIXEL, &shape.samples);
        TIFFGetFieldDefaulted(tiff, TIFFTAG_PLANARCONFIG, &shape.planar);
        TIFFGetFieldDefaulted(tiff, TIFFTAG_SAMPLEFORMAT, &shape.format);
        std::uint16_t compression = COMPRESSION_NONE;
        TIFFGetFieldDefaulted(tiff, TIFFTAG_COMPRESSION, &compression);
        if (TIFFIsCODECConfigured(compression) != 1) {
            return problem(Reason::unsupported, "a TIFF of compression " + std::to_string(compression) +
                                                    ", which libtiff does not read");
        }
        if (TIFFGetField(tiff, TIFFTAG_PHOTOMETRIC, &shape.photometric) != 1) {
            shape.photometric = shape.samples >= 3 ? PHOTOMETRIC_RGB : PHOTOMETRIC_MINISBLACK;
        }
        const std::uint64_t unpacked =
            std::uint64_t{shape.width} * shape.height * shape.samples * shape.bits / 8;
        if (unpacked > 8 * limits_->pixels) {
            return problem(Reason::too_large, "the TIFF unpacks to " + std::to_string(unpacked) + " bytes");
        }
        return shape.simple() ? read_samples(shape) : read_converted(shape);
    }

  private:
    Outcome failure() const {
        if (reading_.ran_out) return problem(Reason::truncated, "the TIFF ends before its picture does");
        return problem(Reason::corrupt, "the TIFF is broken");
    }

    Outcome read_samples(const Shape& shape) {
        const bool grey =
            shape.photometric == PHOTOMETRIC_MINISBLACK || shape.photometric == PHOTOMETRIC_MINISWHITE;
        const std::size_t stride = std::size_t{shape.width} * (grey ? 1 : 3);
        std::uint8_t* pixels = input_->scratch().pixels.take(stride * shape.height);
        const Rows rows(tiff_.get(), shape, pixels);
        if (!rows.usable()) return problem(Reason::corrupt, "the TIFF has no palette");
        Buffer& buffer = input_->scratch().more;
        const bool done = TIFFIsTiled(tiff_.get()) != 0 ? read_tiles(tiff_.get(), shape, rows, buffer)
                                                        : read_strips(tiff_.get(), shape, rows, buffer);
        if (!done) return failure();
        sink_->frame({.pixels = pixels,
                      .width = shape.width,
                      .height = shape.height,
                      .stride = stride,
                      .layout = grey ? pdq::Layout::grey8 : pdq::Layout::rgb8},
                     0, 0);
        return {};
    }

    Outcome read_converted(const Shape& shape) {
        char why[1024] = {};
        if (TIFFRGBAImageOK(tiff_.get(), why) != 1) {
            why[sizeof why - 1] = 0;
            return problem(Reason::unsupported, std::string("a TIFF that libtiff does not show: ") + why);
        }
        const std::size_t stride = std::size_t{shape.width} * 4;
        std::uint8_t* pixels = input_->scratch().pixels.take(stride * shape.height);
        std::uint16_t orientation = ORIENTATION_TOPLEFT;
        TIFFGetFieldDefaulted(tiff_.get(), TIFFTAG_ORIENTATION, &orientation);
        // Asked for in the orientation in which it is stored, libtiff turns nothing.
        if (TIFFReadRGBAImageOriented(tiff_.get(), shape.width, shape.height,
                                      reinterpret_cast<std::uint32_t*>(pixels), orientation, 1) != 1) {
            return failure();
        }
        if constexpr (std::endian::native == std::endian::big) {
            for (std::size_t i = 0; i < stride * shape.height; i += 4)
                std::reverse(pixels + i, pixels + i + 4);
        }
        sink_->frame({.pixels = pixels,
                      .width = shape.width,
                      .height = shape.height,
                      .stride = stride,
                      .layout = pdq::Layout::rgba8},
                     0, 0);
        return {};
    }

    Input* input_;
    const Limits* limits_;
    Sink* sink_;
    Reading reading_;
    Tiff tiff_;
};

}  // namespace

Outcome decode_tiff(Input& input, const Limits& limits, Sink& sink) {
    const auto bytes = input.all(limits);
    if (!bytes) return tl::unexpected(bytes.error());
    return Decoding(input, limits, sink, *bytes).run();
}

}  // namespace rushlight::media::decode
