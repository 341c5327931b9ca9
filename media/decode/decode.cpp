#include "media/decode/decoder.h"
#include "media/decode/table.h"
#include "media/not_read.h"
#include "media/protocol.h"

#include <chrono>
#include <memory>
#include <new>
#include <optional>
#include <stdexcept>

#include <unistd.h>

namespace rushlight::media::decode {
namespace {

using Clock = std::chrono::steady_clock;
constexpr std::size_t kKeep = std::size_t{32} << 20;  // of each buffer, from job to job

// Fingerprints what a decoder gives and sends it on.
class Fingerprinting final : public Sink {
  public:
    Fingerprinting(const protocol::Request& request, bool video, pdq::Scratch& scratch,
                   sandbox::child::Channel& channel)
        : request_(&request),
          video_(video),
          scratch_(&scratch),
          channel_(&channel),
          deadline_(Clock::now() + std::chrono::milliseconds(request.time_ms)) {}

    void size(std::uint32_t width, std::uint32_t height) override {
        if (width == 0 || height == 0) return;
        answer.width = width;
        answer.height = height;
    }

    bool frame(const pdq::Image& image, std::uint32_t number, double seconds) override {
        const bool first = count_ == 0;
        const bool dihedral = first && !video_ && request_->dihedral;
        if (dihedral) answer.dihedral.emplace();
        const pdq::Result result = pdq::hash(image, *scratch_, dihedral ? &*answer.dihedral : nullptr);
        if (first && !video_) {
            answer.pdq = result.hash;
            answer.quality = result.quality;
        }
        ++count_;
        frames_.push_back(
            {.frame = number, .seconds = seconds, .pdq = result.hash, .quality = result.quality});
        if (frames_.size() == protocol::kMaxBatch) flush();
        return count_ < request_->max_frames && go_on();
    }

    bool go_on() override {
        if (stopped_) return false;
        if (Clock::now() < deadline_) return true;
        stopped_ = !video_ || !more_time();
        return !stopped_;
    }
    bool stopped() const { return stopped_; }

    // The frames that wait; a picture of one frame has none beside its own fingerprint.
    void finish() {
        if (!video_ && count_ == 1) frames_.clear();
        flush();
    }
    std::uint64_t count() const { return count_; }

    protocol::Answer answer;

  private:
    // A long video asks for another helping.
    bool more_time() {
        flush();
        channel_->send(protocol::kPause, {});
        if (channel_->receive().kind != protocol::kGoOn) return false;
        deadline_ = Clock::now() + std::chrono::milliseconds(request_->time_ms);
        return true;
    }
    void flush() {
        if (!frames_.empty())
            channel_->send(protocol::kFrames, protocol::encode(std::span<const Frame>(frames_)));
        frames_.clear();
    }

    const protocol::Request* request_;
    bool video_;
    pdq::Scratch* scratch_;
    sandbox::child::Channel* channel_;
    Clock::time_point deadline_;
    bool stopped_ = false;
    std::vector<Frame> frames_;
    std::uint64_t count_ = 0;
};

class Worker {
  public:
    explicit Worker(Table table) : decoder_for_(table) {}

    void serve(const sandbox::Message& message, sandbox::child::Channel& channel) {
        const auto request = protocol::parse_request(message.body);
        if (!request || message.fds.size() != 1)
            throw std::logic_error("a request that the parent cannot have sent");
        const Clock::time_point start = Clock::now();
        scratch_.reading = {};
        pdq_.filter = pdq_.dct = {};

        const int fd = message.fds.front().get();
        const off_t size = ::lseek(fd, 0, SEEK_END);
        Input input(fd, size > 0 ? static_cast<std::uint64_t>(size) : 0, scratch_);
        std::array<std::uint8_t, kSniffBytes> head;
        const std::size_t got = input.read_at(0, head);
        const Format format = recognise(sniff_format(std::as_bytes(std::span(head).first(got))), input);

        const bool video = type_of(format).kind == Kind::video;
        Fingerprinting sink(*request, video, pdq_, channel);
        Outcome done = decode(format, *request, input, sink);
        sink.finish();

        protocol::Answer& answer = sink.answer;
        answer.format = format;
        // An animation that is broken further on has its first picture all the same; a video its frames.
        if (!done && sink.count() == 0) answer.problem = std::move(done.error());
        if (video && sink.count() > 0 && sink.stopped()) {
            answer.problem =
                Problem{Reason::timeout, "the video took longer than allowed; its first frames are there"};
        }
        answer.read = scratch_.reading;
        answer.filter = pdq_.filter;
        answer.dct = pdq_.dct;
        answer.decode = Clock::now() - start - answer.read - answer.filter - answer.dct;
        channel.send(protocol::kAnswer, protocol::encode(answer));

        // After the answer, so that nobody waits for it.
        for (Buffer* buffer : {&scratch_.file, &scratch_.pixels, &scratch_.more}) buffer->trim(kKeep);
    }

  private:
    // An animation's mark may stand behind more than the head that was sniffed.
    Format recognise(Format format, Input& input) {
        if (format != Format::png) return format;
        const auto bytes = input.all(Limits{});
        return bytes && is_animated_png(*bytes) ? Format::apng : format;
    }

    Outcome decode(Format format, const protocol::Request& request, Input& input, Sink& sink) {
        Limits limits;
        limits.pixels = request.max_pixels;
        const Decoder decoder = decoder_for_(format);
        if (decoder == nullptr) {
            const Kind kind = type_of(format).kind;
            if (not_read(format))
                return problem(Reason::unsupported, "a format that this build does not read");
            if (kind == Kind::picture || kind == Kind::video) {
                return problem(Reason::unsupported, "a format that this program was built without");
            }
            return problem(Reason::not_media, "neither a picture nor a video that is known here");
        }
        try {
            return decoder(input, limits, sink);
        } catch (const std::bad_alloc&) {
            return problem(Reason::too_large, "decoding it needs more memory than allowed");
        } catch (const std::length_error&) {
            return problem(Reason::too_large, "decoding it needs more memory than allowed");
        }
    }

    Table decoder_for_;
    Scratch scratch_;
    pdq::Scratch pdq_;
};

}  // namespace

std::map<std::uint32_t, sandbox::child::Handler> handlers_for(Table table) {
    auto worker = std::make_shared<Worker>(table);
    return {{protocol::kRequest, [worker](const sandbox::Message& request, sandbox::child::Channel& channel) {
                 worker->serve(request, channel);
             }}};
}

}  // namespace rushlight::media::decode
