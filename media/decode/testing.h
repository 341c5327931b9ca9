// For the tests of this folder: a sink that keeps fingerprints, and files of media/testdata.
#pragma once

#include "base/hash.h"
#include "media/decode/decoder.h"

#include <fstream>
#include <iterator>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace rushlight::media::decode::testing {

struct Seen {
    std::uint32_t number = 0;
    double seconds = 0;
    std::uint32_t width = 0, height = 0;
    Pdq pdq;
    int quality = 0;
};

class Recorder final : public Sink {
  public:
    void size(std::uint32_t w, std::uint32_t h) override {
        ++sizes;
        width = w;
        height = h;
    }
    bool frame(const pdq::Image& image, std::uint32_t number, double seconds) override {
        const auto result = pdq::hash(image, scratch_);
        frames.push_back({number, seconds, image.width, image.height, result.hash, result.quality});
        return frames.size() < stop_after;
    }
    bool go_on() override { return !out_of_time; }

    std::uint32_t width = 0, height = 0;
    int sizes = 0;
    std::vector<Seen> frames;
    std::size_t stop_after = SIZE_MAX;
    bool out_of_time = false;

  private:
    pdq::Scratch scratch_;
};

struct Decoded {
    std::optional<Problem> problem;
    std::uint32_t width = 0, height = 0;
    std::vector<Seen> frames;

    std::optional<Reason> reason() const {
        return problem ? std::optional<Reason>(problem->reason) : std::nullopt;
    }
    Pdq pdq() const { return frames.empty() ? Pdq{} : frames.front().pdq; }
};

inline std::string read_file(const std::string& path) {
    std::ifstream file(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
}
inline std::string testdata(const std::string& name) {
    return read_file(RUSHLIGHT_SOURCE_DIR "/media/testdata/" + name);
}
inline std::string sample(const std::string& name) { return testdata("samples/" + name); }

inline Decoded decode_bytes(Decoder decoder, std::string_view bytes, const Limits& limits = {},
                            std::size_t stop_after = SIZE_MAX) {
    Scratch scratch;
    Input input(bytes_of(bytes), scratch);
    Recorder recorder;
    recorder.stop_after = stop_after;
    const Outcome done = decoder(input, limits, recorder);
    Decoded decoded{std::nullopt, recorder.width, recorder.height, std::move(recorder.frames)};
    if (!done) decoded.problem = done.error();
    return decoded;
}

}  // namespace rushlight::media::decode::testing
