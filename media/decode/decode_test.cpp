// The child's side of the conversation: what it answers, how it pauses, whom it believes.
#include "media/decode/decode.h"

#include "base/fd.h"
#include "media/decode/testing.h"
#include "media/protocol.h"

#include <thread>

#include <gtest/gtest.h>
#include <sys/socket.h>

namespace rushlight::media::decode {
namespace {

using namespace testing;

struct Conversation {
    protocol::Answer answer;
    std::vector<Frame> frames;
    int pauses = 0;
};

// Asks like the parent; at each pause `on_pause` is said.
Conversation ask(std::map<std::uint32_t, sandbox::child::Handler> handlers, std::string_view bytes,
                 const protocol::Request& request, std::uint32_t on_pause = protocol::kGoOn) {
    int ends[2];
    if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0)
        throw std::runtime_error("socketpair");
    const Fd ours(ends[0]);
    const Fd theirs(ends[1]);
    std::thread child([&] {
        sandbox::child::Channel channel(theirs.get());
        sandbox::Message message;
        message.kind = protocol::kRequest;
        message.body = protocol::encode(request);
        Fd fd = make_memory_file("test").value();
        (void)write_all(fd.get(), bytes_of(bytes), "a memory file");
        message.fds.push_back(std::move(fd));
        handlers.at(protocol::kRequest)(std::move(message), channel);
    });
    sandbox::child::Channel channel(ours.get());
    Conversation conversation;
    for (bool answered = false; !answered;) {
        const auto message = channel.receive();
        switch (message.kind) {
            case protocol::kFrames:
                EXPECT_TRUE(protocol::parse_frames(message.body, request, conversation.frames));
                break;
            case protocol::kPause:
                ++conversation.pauses;
                channel.send(on_pause, {});
                break;
            default:
                EXPECT_EQ(message.kind, protocol::kAnswer);
                conversation.answer = protocol::parse_answer(message.body, request).value();
                answered = true;
        }
    }
    child.join();
    return conversation;
}

TEST(Answering, APictureHasAHashASizeAndNoFrames) {
    const auto got = ask(handlers(), sample("scene.png"), {});
    EXPECT_EQ(got.answer.format, Format::png);
    EXPECT_FALSE(got.answer.problem);
    EXPECT_EQ(got.answer.pdq, decode_bytes(decode_png, sample("scene.png")).pdq());
    EXPECT_EQ(got.answer.width, 151u);
    EXPECT_EQ(got.answer.height, 101u);
    EXPECT_FALSE(got.answer.dihedral);
    EXPECT_TRUE(got.frames.empty());
    EXPECT_TRUE(ask(handlers(), sample("scene.png"), {.dihedral = true}).answer.dihedral);
}

TEST(Answering, AnAnimationHasItsFirstFramesHashAndAllFrames) {
    for (const char* name : {"animated.gif", "animated.webp", "animated.apng"}) {
        const auto got = ask(all_handlers(), sample(name), {});
        EXPECT_FALSE(got.answer.problem) << name;
        ASSERT_EQ(got.frames.size(), 4u) << name;
        EXPECT_EQ(got.answer.pdq, got.frames[0].pdq) << name;
    }
}

TEST(Answering, AVideoHasFramesOnly) {
    const auto got = ask(all_handlers(), testdata("video/pan.mp4"), {});
    EXPECT_EQ(got.answer.format, Format::mp4);
    EXPECT_FALSE(got.answer.problem);
    EXPECT_FALSE(got.answer.pdq);
    EXPECT_EQ(got.frames.size(), 8u);
    EXPECT_EQ(got.pauses, 0);
}

TEST(Answering, ALongVideoPausesAndGoesOn) {
    const auto whole = ask(all_handlers(), testdata("video/town.mp4"), {});
    const auto got = ask(all_handlers(), testdata("video/town.mp4"), {.time_ms = 1});
    EXPECT_GT(got.pauses, 0);
    EXPECT_FALSE(got.answer.problem);
    ASSERT_EQ(got.frames.size(), whole.frames.size());
    for (std::size_t i = 0; i < got.frames.size(); ++i) EXPECT_EQ(got.frames[i].pdq, whole.frames[i].pdq);
}

TEST(Answering, AVideoThatIsStoppedSaysSo) {
    const auto got = ask(all_handlers(), testdata("video/town.mp4"), {.time_ms = 1}, protocol::kStop);
    EXPECT_EQ(got.pauses, 1);
    ASSERT_TRUE(got.answer.problem);
    EXPECT_EQ(got.answer.problem->reason, Reason::timeout);
    EXPECT_LT(got.frames.size(), 10u);
}

TEST(Answering, APictureWhoseTimeIsUpKeepsItsHash) {
    const auto got = ask(handlers(), sample("animated.gif"), {.time_ms = 0});
    EXPECT_FALSE(got.answer.problem);
    EXPECT_TRUE(got.answer.pdq);
    EXPECT_TRUE(got.frames.empty());
    EXPECT_EQ(got.pauses, 0);
}

TEST(Answering, StopsAtTheFramesAskedFor) {
    EXPECT_EQ(ask(all_handlers(), testdata("video/town.mp4"), {.max_frames = 3}).frames.size(), 3u);
    EXPECT_EQ(ask(all_handlers(), sample("animated.gif"), {.max_frames = 2}).frames.size(), 2u);
}

TEST(Answering, RefusesMoreThanThePixelsAskedFor) {
    const auto got = ask(handlers(), sample("scene.png"), {.max_pixels = 1'000});
    ASSERT_TRUE(got.answer.problem);
    EXPECT_EQ(got.answer.problem->reason, Reason::too_large);
    EXPECT_EQ(got.answer.width, 151u);
}

TEST(Answering, TheSmallProgramNamesTheFormatsItLacks) {
    for (const auto& [name, format] : {std::pair{"scene.heic", Format::heic},
                                       {"h264.mov", Format::mov},
                                       {"palette.bmp", Format::bmp},
                                       {"animated.apng", Format::apng}}) {
        const auto got = ask(handlers(), sample(name), {});
        EXPECT_EQ(got.answer.format, format) << name;
        ASSERT_TRUE(got.answer.problem);
        EXPECT_EQ(got.answer.problem->reason, Reason::unsupported);
        EXPECT_TRUE(needs_all_decoders(got.answer.format));
        EXPECT_FALSE(ask(all_handlers(), sample(name), {}).answer.problem) << name;
    }
}

TEST(Answering, WhatIsNoMediaSaysSo) {
    for (const std::string_view bytes : {"", "plain words", "%PDF-1.7\n%\n", "PK\x03\x04 an archive"}) {
        const auto got = ask(all_handlers(), bytes, {});
        ASSERT_TRUE(got.answer.problem);
        EXPECT_EQ(got.answer.problem->reason, Reason::not_media) << bytes;
    }
}

TEST(Answering, OneChildAnswersOneFileAfterTheOther) {
    const auto same = all_handlers();
    const auto alone = ask(all_handlers(), sample("scene.png"), {}).answer.pdq;
    for (const char* name :
         {"rgba8.png", "lossless.webp", "tiled.tiff", "palette.bmp", "scene.heic", "disposal.gif"}) {
        EXPECT_TRUE(ask(same, sample(name), {}).answer.pdq) << name;
        EXPECT_TRUE(ask(same, sample(name).substr(0, 300), {}).answer.problem ||
                    ask(same, sample(name).substr(0, 300), {}).answer.pdq)
            << name;
        EXPECT_EQ(ask(same, sample("scene.png"), {}).answer.pdq, alone) << name;
    }
}

}  // namespace
}  // namespace rushlight::media::decode
