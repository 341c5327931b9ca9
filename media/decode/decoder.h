// What one file of this folder is: a decoder of one format (or one family), seen by decode.cpp alone.
//
// A decoder gets the bytes, the limits and a sink. It says the stored size once, then gives its pictures in
// order, each in memory of its own that is valid only during the call. What is wrong comes back as a Problem;
// pictures given before that stand. A size over the limits is refused before memory for its pixels is asked
// for. std::bad_alloc may leave a decoder: its caller answers `too_large`.
// Thread-safety: none; a child does one job at a time.
#pragma once

#include "base/bytes.h"
#include "base/reason.h"
#include "base/result.h"
#include "media/pdq/pdq.h"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>

namespace rushlight::media::decode {

struct Limits {
    std::uint64_t file_bytes = std::uint64_t{1}
                               << 30;    // of a picture's file; a video's is read piece by piece
    std::uint64_t pixels = 100'000'000;  // of one picture or frame
    std::uint32_t side = 65'535;
    std::uint32_t frames = 1'000;                    // of an animated picture; the rest is left out
    std::uint64_t animation_pixels = 1'000'000'000;  // frames of an animated picture times their pixels
    std::uint32_t video_frames = 4 * 60 * 60;        // fingerprinted frames of a video: four hours
};

using Outcome = tl::expected<void, Problem>;

inline tl::unexpected<Problem> problem(Reason reason, std::string message) {
    return tl::unexpected<Problem>(Problem{reason, std::move(message)});
}

// Memory kept from job to job, so that a child does not fault the same pages in for each picture. Its
// contents are whatever the last use left.
class Buffer {
  public:
    // At least `size` bytes; what was there before is lost. Throws std::bad_alloc.
    std::uint8_t* take(std::size_t size);
    std::uint8_t* data() const { return data_.get(); }
    std::size_t size() const { return size_; }
    // Gives the memory back where it is more than `keep` bytes.
    void trim(std::size_t keep);

  private:
    std::unique_ptr<std::uint8_t[]> data_;
    std::size_t size_ = 0;
};

struct Scratch {
    std::chrono::nanoseconds reading{0};  // spent in Input's reads

    Buffer file;    // the bytes of a picture's file
    Buffer pixels;  // the picture
    Buffer more;    // a second one, for what a format needs beside it (an animation's canvas before a frame)
};

// The bytes to decode: a descriptor, read by position (the file may shrink meanwhile: a mapping would then
// kill us). Owned by the caller, like the scratch.
class Input {
  public:
    Input(int fd, std::uint64_t size, Scratch& scratch) : fd_(fd), size_(size), scratch_(&scratch) {}
    // Bytes already in memory: for tests, fuzzers, and pictures inside a picture's container.
    Input(Bytes bytes, Scratch& scratch)
        : size_(bytes.size()), scratch_(&scratch), all_(bytes), read_(true) {}

    std::uint64_t size() const { return size_; }
    Scratch& scratch() const { return *scratch_; }

    // Fills as much of `out` as there is from `offset` on; returns how much. 0 is the end (a read that the
    // system refuses counts as one).
    std::size_t read_at(std::uint64_t offset, std::span<std::uint8_t> out) const;
    // All of it, in scratch().file, read at the first call. Problem: `empty`; `too_large` over
    // Limits::file_bytes.
    tl::expected<Bytes, Problem> all(const Limits& limits);

  private:
    int fd_ = -1;
    std::uint64_t size_ = 0;
    Scratch* scratch_;
    Bytes all_;
    bool read_ = false;
};

class Sink {
  public:
    virtual ~Sink() = default;
    // The size as stored (no orientation mark applied), once, before it is held against the limits.
    virtual void size(std::uint32_t width, std::uint32_t height) = 0;
    // One picture: `number` counts from 0 in the file's own frames, `seconds` is when it is shown. It may be
    // smaller than the size above where a decoder scales down while it decodes. False: enough, stop here.
    virtual bool frame(const pdq::Image& image, std::uint32_t number, double seconds) = 0;
    // Asked now and then where much work lies between two pictures. False: time is up, stop here.
    virtual bool go_on() { return true; }
};

// Zero sides and sizes over the limits, in words: the one check of every header.
Outcome check_size(std::uint64_t width, std::uint64_t height, const Limits& limits);

using Decoder = Outcome (*)(Input& input, const Limits& limits, Sink& sink);

// Does a PNG have an animation control chunk before its picture's data (what makes it an APNG), and is the
// still picture the animation's first frame? Only what the chunks' lengths allow to be walked is looked at.
bool is_animated_png(Bytes bytes);
bool still_is_first_frame(Bytes bytes);

Outcome decode_jpeg(Input& input, const Limits& limits, Sink& sink);
Outcome decode_png(Input& input, const Limits& limits, Sink& sink);  // the still picture, also an APNG's
Outcome decode_apng(Input& input, const Limits& limits, Sink& sink);
Outcome decode_gif(Input& input, const Limits& limits, Sink& sink);
Outcome decode_webp(Input& input, const Limits& limits, Sink& sink);
Outcome decode_tiff(Input& input, const Limits& limits, Sink& sink);
Outcome decode_bmp(Input& input, const Limits& limits, Sink& sink);
Outcome decode_heif(Input& input, const Limits& limits, Sink& sink);  // HEIC and AVIF
Outcome decode_mov(Input& input, const Limits& limits, Sink& sink);   // MP4 and MOV
Outcome decode_mkv(Input& input, const Limits& limits, Sink& sink);   // Matroska and WebM
Outcome decode_avi(Input& input, const Limits& limits, Sink& sink);
Outcome decode_mpeg_ts(Input& input, const Limits& limits, Sink& sink);
Outcome decode_mpeg_ps(Input& input, const Limits& limits, Sink& sink);
Outcome decode_flv(Input& input, const Limits& limits, Sink& sink);
Outcome decode_asf(Input& input, const Limits& limits, Sink& sink);
Outcome decode_ogg(Input& input, const Limits& limits, Sink& sink);

}  // namespace rushlight::media::decode
