// GIF through giflib, picture by picture, composed on the logical screen as viewers do.
//
// A transparent pixel of the first picture shows its palette's colour (alpha is dropped, not blended, as in
// the reference and in our PNG); in later ones it leaves what was there. What no picture covers is black.

#include "media/decode/decoder.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <memory>
#include <vector>

#include <gif_lib.h>

namespace rushlight::media::decode {
namespace {

struct Reading {
    Bytes bytes;
    std::size_t at = 0;
    bool ran_out = false;
};

int read_bytes(GifFileType* gif, GifByteType* out, int count) {
    auto& reading = *static_cast<Reading*>(gif->UserData);
    const std::size_t n =
        std::min(static_cast<std::size_t>(std::max(count, 0)), reading.bytes.size() - reading.at);
    if (n < static_cast<std::size_t>(std::max(count, 0))) reading.ran_out = true;
    std::memcpy(out, reading.bytes.data() + reading.at, n);
    reading.at += n;
    return static_cast<int>(n);
}

struct Close {
    void operator()(GifFileType* gif) const { DGifCloseFile(gif, nullptr); }
};

struct Rectangle {
    std::uint32_t left = 0, top = 0, right = 0, bottom = 0;  // right and bottom lie outside
};

class Animation {
  public:
    Animation(Input& input, const Limits& limits, Sink& sink, Bytes bytes)
        : input_(&input), limits_(&limits), sink_(&sink), reading_{bytes} {}

    Outcome run() {
        int error = 0;
        gif_.reset(DGifOpen(&reading_, read_bytes, &error));
        if (!gif_) {
            if (error == D_GIF_ERR_NOT_ENOUGH_MEM) throw std::bad_alloc();
            return failure("header");
        }
        GifRecordType record = UNDEFINED_RECORD_TYPE;
        while (frames_ < limits_->frames) {
            if (DGifGetRecordType(gif_.get(), &record) != GIF_OK) return failure("record");
            if (record == TERMINATE_RECORD_TYPE) break;
            Outcome done;
            bool more = true;
            if (record == EXTENSION_RECORD_TYPE) {
                done = read_extension();
            } else if (record == IMAGE_DESC_RECORD_TYPE) {
                done = read_picture(more);
            }
            if (!done) return done;
            if (!more) break;
        }
        if (frames_ == 0) return problem(Reason::corrupt, "the GIF has no picture");
        return {};
    }

  private:
    tl::unexpected<Problem> failure(const char* where) const {
        if (reading_.ran_out) {
            return problem(Reason::truncated, std::string("the GIF ends within a ") + where);
        }
        return problem(Reason::corrupt, std::string("the GIF is broken: ") + where);
    }

    Outcome read_extension() {
        GifByteType* data = nullptr;
        int code = 0;
        if (DGifGetExtension(gif_.get(), &code, &data) != GIF_OK) return failure("extension");
        while (data != nullptr) {
            GraphicsControlBlock block;
            if (code == GRAPHICS_EXT_FUNC_CODE && DGifExtensionToGCB(data[0], data + 1, &block) == GIF_OK) {
                control_ = block;
            }
            if (DGifGetExtensionNext(gif_.get(), &data) != GIF_OK) return failure("extension");
        }
        return {};
    }

    // The canvas exists from the first picture on.
    Outcome open_canvas() {
        width_ = static_cast<std::uint32_t>(std::max(gif_->SWidth, 0));
        height_ = static_cast<std::uint32_t>(std::max(gif_->SHeight, 0));
        if (width_ == 0 ||
            height_ == 0) {  // some writers leave the screen out: viewers take the first picture's
            width_ = static_cast<std::uint32_t>(std::max(gif_->Image.Width, 0));
            height_ = static_cast<std::uint32_t>(std::max(gif_->Image.Height, 0));
        }
        sink_->size(width_, height_);
        if (auto size = check_size(width_, height_, *limits_); !size) return size;
        canvas_ = input_->scratch().pixels.take(canvas_bytes());
        std::memset(canvas_, 0, canvas_bytes());
        return {};
    }

    std::size_t canvas_bytes() const { return std::size_t{width_} * height_ * 3; }

    // What the last picture asked to happen before the next one is drawn.
    void dispose() {
        const std::uint8_t* saved = input_->scratch().more.data();
        for (std::uint32_t y = drawn_.top; y < drawn_.bottom; ++y) {
            const std::size_t at = (std::size_t{y} * width_ + drawn_.left) * 3;
            const std::size_t count = std::size_t{drawn_.right - drawn_.left} * 3;
            if (disposal_ == DISPOSE_BACKGROUND) std::memset(canvas_ + at, 0, count);
            if (disposal_ == DISPOSE_PREVIOUS) std::memcpy(canvas_ + at, saved + at, count);
        }
    }

    Outcome read_picture(bool& more) {
        if (DGifGetImageDesc(gif_.get()) != GIF_OK) return failure("picture");
        const bool first = frames_ == 0;
        if (first) {
            if (auto opened = open_canvas(); !opened) return opened;
        } else {
            dispose();
        }
        // The work is bounded too: a small canvas may be asked to hold huge pictures that lie outside of it.
        const GifImageDesc& image = gif_->Image;
        if (image.Width <= 0 || image.Height <= 0)
            return problem(Reason::corrupt, "a GIF picture of no size");
        if (auto size = check_size(static_cast<std::uint64_t>(image.Width),
                                   static_cast<std::uint64_t>(image.Height), *limits_);
            !size) {
            return size;
        }
        const auto work = std::max<std::uint64_t>(
            std::uint64_t{width_} * height_,
            static_cast<std::uint64_t>(image.Width) * static_cast<std::uint64_t>(image.Height));
        if (work > limits_->animation_pixels - pixels_read_) {
            more = false;
            return {};
        }
        pixels_read_ += work;

        disposal_ = control_.DisposalMode;
        if (disposal_ == DISPOSE_PREVIOUS) {
            std::memcpy(input_->scratch().more.take(canvas_bytes()), canvas_, canvas_bytes());
        }
        if (auto drawn = draw(image, first); !drawn) return drawn;
        more = sink_->frame({.pixels = canvas_,
                             .width = width_,
                             .height = height_,
                             .stride = std::size_t{width_} * 3,
                             .layout = pdq::Layout::rgb8},
                            frames_, seconds_);
        ++frames_;
        seconds_ += std::max(control_.DelayTime, 0) / 100.0;
        control_ = {.DisposalMode = DISPOSAL_UNSPECIFIED,
                    .UserInputFlag = false,
                    .DelayTime = 0,
                    .TransparentColor = NO_TRANSPARENT_COLOR};
        return {};
    }

    Outcome draw(const GifImageDesc& image, bool first) {
        const ColorMapObject* map = image.ColorMap != nullptr ? image.ColorMap : gif_->SColorMap;
        std::array<std::array<std::uint8_t, 3>, 256> colours{};
        if (map != nullptr) {
            const int count = std::clamp(map->ColorCount, 0, 256);
            for (int i = 0; i < count; ++i) {
                colours[static_cast<std::size_t>(i)] = {map->Colors[i].Red, map->Colors[i].Green,
                                                        map->Colors[i].Blue};
            }
        }
        const int transparent = first ? NO_TRANSPARENT_COLOR : control_.TransparentColor;
        const auto w = static_cast<std::uint32_t>(image.Width);
        const auto h = static_cast<std::uint32_t>(image.Height);
        const auto left = static_cast<std::uint32_t>(std::max(image.Left, 0));
        const auto top = static_cast<std::uint32_t>(std::max(image.Top, 0));
        drawn_ = {std::min(left, width_), std::min(top, height_), std::min(left + w, width_),
                  std::min(top + h, height_)};
        row_.resize(w);

        struct Pass {
            std::uint32_t start, step;
        };
        static constexpr std::array<Pass, 4> kInterlaced{{{0, 8}, {4, 8}, {2, 4}, {1, 2}}};
        static constexpr std::array<Pass, 1> kPlain{{{0, 1}}};
        const std::span<const Pass> passes =
            image.Interlace ? std::span<const Pass>(kInterlaced) : std::span<const Pass>(kPlain);
        for (const Pass pass : passes) {
            for (std::uint32_t y = pass.start; y < h; y += pass.step) {
                if (DGifGetLine(gif_.get(), row_.data(), image.Width) != GIF_OK) return failure("picture");
                if (top + y >= drawn_.bottom) continue;
                std::uint8_t* out = canvas_ + (std::size_t{top + y} * width_ + drawn_.left) * 3;
                for (std::uint32_t x = 0; x < drawn_.right - drawn_.left; ++x, out += 3) {
                    if (row_[x] == transparent) continue;
                    std::memcpy(out, colours[row_[x]].data(), 3);
                }
            }
        }
        return {};
    }

    Input* input_;
    const Limits* limits_;
    Sink* sink_;
    Reading reading_;
    std::unique_ptr<GifFileType, Close> gif_;
    GraphicsControlBlock control_{.DisposalMode = DISPOSAL_UNSPECIFIED,
                                  .UserInputFlag = false,
                                  .DelayTime = 0,
                                  .TransparentColor = NO_TRANSPARENT_COLOR};
    int disposal_ = DISPOSAL_UNSPECIFIED;
    Rectangle drawn_;
    std::uint32_t width_ = 0, height_ = 0;
    std::uint8_t* canvas_ = nullptr;
    std::vector<GifPixelType> row_;
    std::uint32_t frames_ = 0;
    std::uint64_t pixels_read_ = 0;
    double seconds_ = 0;
};

}  // namespace

Outcome decode_gif(Input& input, const Limits& limits, Sink& sink) {
    const auto bytes = input.all(limits);
    if (!bytes) return tl::unexpected(bytes.error());
    return Animation(input, limits, sink, *bytes).run();
}

}  // namespace rushlight::media::decode
