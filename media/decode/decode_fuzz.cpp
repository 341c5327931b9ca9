// Any bytes through the decoder that the child would choose for them, with limits that keep one run short.

#include "media/decode/table.h"

#include <algorithm>

namespace rushlight::media::decode {
namespace {

// Looks at every pixel, so that the sanitizer sees a picture that is smaller than it claims.
class Touch final : public Sink {
  public:
    void size(std::uint32_t, std::uint32_t) override {}
    bool frame(const pdq::Image& image, std::uint32_t, double) override {
        pdq::hash(image, scratch_);
        return ++frames_ < 8;
    }
    bool go_on() override { return ++asked_ < 2'000; }

  private:
    pdq::Scratch scratch_;
    int frames_ = 0;
    int asked_ = 0;
};

}  // namespace
}  // namespace rushlight::media::decode

// The libraries leak a little on some broken files, which a child of 32 jobs outlives; our own leaks are the
// tests' business. Memory that a hostile size asks for in vain is a case to survive, as in the child.
extern "C" const char* __asan_default_options() { return "detect_leaks=0:allocator_may_return_null=1"; }

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace rushlight;
    using namespace rushlight::media;
    const Bytes bytes = std::as_bytes(std::span(data, size));
    Format format = sniff_format(bytes.first(std::min(size, kSniffBytes)));
    if (format == Format::png && decode::is_animated_png(bytes)) format = Format::apng;
    const decode::Decoder decoder = decode::all(format);
    if (decoder == nullptr) return 0;
    decode::Scratch scratch;
    decode::Input input(bytes, scratch);
    decode::Touch sink;
    decode::Limits limits;
    limits.pixels = 1 << 20;
    limits.animation_pixels = 4 << 20;
    limits.frames = 8;
    (void)decoder(input, limits, sink);
    return 0;
}
