// A child that breaks the contract of media/protocol.h, or the patience of its parent, in the way that the
// content's bytes behind a GIF's start ask for. What the parent makes of it: media/fingerprint_test.cpp.
#include "media/protocol.h"
#include "sandbox/child/child.h"

#include <cstdlib>
#include <string_view>

#include <unistd.h>

namespace {

using namespace rushlight;
using namespace rushlight::media;

void lie(const sandbox::Message& message, sandbox::child::Channel& channel) {
    char text[64] = {};
    if (message.fds.empty() || ::pread(message.fds.front().get(), text, sizeof text - 1, 0) < 6) std::abort();
    const std::string_view lie(text + 6);

    protocol::Answer honest;
    honest.format = Format::gif;
    honest.width = honest.height = 8;
    honest.pdq = Pdq{};
    const Frame frame{.frame = 3, .seconds = 1, .pdq = Pdq{}, .quality = 50};
    const auto send_frames = [&] { channel.send(protocol::kFrames, protocol::encode(std::span(&frame, 1))); };

    if (lie == "dies") std::abort();
    if (lie == "says another kind") return channel.send(77, {});
    if (lie == "sends rubbish") return channel.send(protocol::kAnswer, bytes_of("rubbish"));
    if (lie == "repeats a frame") {
        send_frames();
        send_frames();
    }
    if (lie == "says nothing") {
        honest.pdq.reset();
    }
    if (lie == "is a video") honest.format = Format::mp4;
    if (lie == "keeps frames, then dies") {
        send_frames();
        std::abort();
    }
    if (lie == "pauses for ever") {
        while (true) {
            channel.send(protocol::kPause, {});
            channel.receive();
        }
    }
    channel.send(protocol::kAnswer, protocol::encode(honest));
}

}  // namespace

int main() { return sandbox::child::run({{protocol::kRequest, lie}}); }
